# SPDX-License-Identifier: MIT
# What the programs of the benchmark ask for and serve; runs under CPython and build/micropython.
PATH = "example_data"  # libcoap's server has it
SMALL = b"22.5 degrees C"
SIZE = 1 << 20
BLOCK = 1024
BLOCKS = SIZE // BLOCK


def large():
    """SIZE bytes, no block of which is like its neighbours."""
    return (bytes(range(251)) * (SIZE // 251 + 1))[:SIZE]
