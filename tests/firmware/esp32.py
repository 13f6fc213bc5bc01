#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ESP32's CPU: a windowed Xtensa core of QEMU's, boards/qemu-esp32.

Usage: tests/firmware/esp32.py SCRIPT [NAME=VALUE...]
builds the firmware if need be, runs the script on the board and exits with its status. The variables are the script's
environment; HEAP_SIZE in bytes is its heap, RESETS soft resets follow, after each of which it runs again.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True

from runner import firmware, process, setup  # noqa: E402

FIRMWARE = os.path.join(process.ROOT, "build", "qemu-esp32", "firmware.elf")
OWN_TESTS = os.path.join(process.TESTS, "firmware", "esp32")
QEMU = ["qemu-system-xtensa", "-M", "sim", "-cpu", "dc233c", "-display", "none", "-monitor", "none", "-serial", "none"]
BUILD_LIMIT = 1800
# How boards/qemu-esp32/get-clang.sh begins to say that the compiler cannot be had.
NO_CLANG = "get-clang.sh: "


class Board:
    name = "esp32"

    def build(self):
        """(exit status, output) of make. Raises setup.Missing when there is no compiler for this CPU."""
        status, output = process.run(["make", "firmware-esp32-build"], BUILD_LIMIT, env={"MAKEFLAGS": ""})
        if status != 0 and NO_CLANG in output:
            raise setup.Missing(output[output.index(NO_CLANG) :].strip())
        return status, output

    def command(self, arguments):
        # Commas separate what QEMU reads there; a doubled one is meant.
        words = "".join(",arg=" + word.replace(",", ",,") for word in ["firmware", *arguments])
        return [*QEMU, "-kernel", FIRMWARE, "-semihosting-config", "enable=on,target=native" + words]

    def run(self, script, args=(), timeout=30):
        """Runs a script file, in its folder: (output, exit status). Status None when the time was up.

        `args` are NAME=VALUE, the script's environment; HEAP_SIZE in bytes is the heap; RESETS soft resets follow, and
        the script runs after each.
        """
        folder, name = os.path.split(os.path.abspath(script))
        status, output = process.run(self.command([*args, name]), timeout, folder)
        return output, status

    def extra_tests(self):
        return [("abi", self.abi), ("soft_reset", lambda: firmware.run_after_soft_resets(self))]

    def abi(self):
        """Register windows, variable arguments, calls between C and Rust: boards/qemu-esp32/abi.c."""
        script = os.path.join(OWN_TESTS, "abi.py")
        output, status = self.run(script)
        with open(script + ".exp") as expected:
            if status != 0 or output != expected.read():
                raise AssertionError("exit status %s\n%s" % (status, output))


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    board = Board()
    try:
        status, output = board.build()
    except setup.Missing as missing:
        status, output = 1, missing
    if status != 0:
        print(output, file=sys.stderr)
        return 3
    output, status = board.run(sys.argv[1], sys.argv[2:], timeout=600)
    print(output, end="")
    return 124 if status is None else status


if __name__ == "__main__":
    sys.exit(main())
