#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The emulated board boards/qemu-esp32: MicroPython on a windowed Xtensa core, ESP32's instruction set.

Usage: tests/firmware/esp32.py SCRIPT [NAME=VALUE...]
builds the firmware if need be, runs the script on the board and exits with its status.
"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True

from runner import process  # noqa: E402

FIRMWARE = os.path.join(process.ROOT, "build", "qemu-esp32", "firmware.elf")
RULES = os.path.join("boards", "qemu-esp32", "rules.mk")
BUILD_LIMIT = 900
# QEMU's own start and MicroPython's, on a busy machine.
BOOT_LIMIT = 20


class Board:
    name = "esp32"
    packages = ("binutils-xtensa-lx106", "picolibc-xtensa-lx106-elf", "qemu-system-misc")

    def __init__(self, firmware=FIRMWARE):
        self.firmware = firmware

    def build(self):
        """(exit status, output) of make."""
        # The rules are named in case the Makefile does not include them.
        argv = ["make", "-f", "Makefile", "-f", RULES, os.path.relpath(FIRMWARE, process.ROOT)]
        return process.run(argv, BUILD_LIMIT, env={"MAKEFLAGS": ""})

    def command(self, arguments):
        argv = ["qemu-system-xtensa", "-M", "sim", "-cpu", "dc233c"]
        argv += ["-display", "none", "-monitor", "none", "-serial", "none"]
        semihosting = ["enable=on", "target=native", "arg=firmware"]
        # Commas separate what QEMU reads there; a doubled one is meant.
        semihosting += ["arg=" + argument.replace(",", ",,") for argument in arguments]
        return argv + ["-semihosting-config", ",".join(semihosting), "-kernel", self.firmware]

    def run(self, script, args=(), timeout=30):
        """Runs a script file: (output, exit status). Status None when the time was up.

        `args` are NAME=VALUE strings, environment variables to the script; HEAP_SIZE in bytes is the heap.
        It can import what lies in its folder. An exception's traceback follows the script's output.
        """
        folder, name = os.path.split(os.path.abspath(script))
        status, output = process.run(self.command([*args, name]), timeout + BOOT_LIMIT, folder)
        return output, status


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    board = Board()
    status, output = board.build()
    if status != 0:
        print(output, file=sys.stderr)
        return 3
    output, status = board.run(sys.argv[1], sys.argv[2:])
    print(output, end="")
    return 124 if status is None else status


if __name__ == "__main__":
    sys.exit(main())
