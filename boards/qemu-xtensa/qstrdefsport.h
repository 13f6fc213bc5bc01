// Required by MicroPython's build; this port needs no names of its own.
