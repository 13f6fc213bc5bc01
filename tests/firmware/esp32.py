#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ESP32's CPU: a windowed Xtensa core of QEMU's, boards/qemu-esp32.

Usage: tests/firmware/esp32.py SCRIPT [NAME=VALUE...]
builds the firmware if need be, runs the script on the board and exits with its status.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import board  # noqa: E402
from board import BUILD, ROOT  # noqa: E402
from runner import process, setup  # noqa: E402

QEMU = ["qemu-system-xtensa", "-M", "sim", "-cpu", "dc233c", "-display", "none", "-monitor", "none", "-serial", "none"]
CLANG_STAMP = os.path.join(BUILD, ".clang")
ASSEMBLER = os.path.join(ROOT, "boards", "qemu-esp32", "xtensa-win-cc") + " --as"
OWN_TESTS = os.path.join(ROOT, "tests", "firmware", "esp32")
UNITS = {"k": 1024, "m": 1024 * 1024}


def heap_bytes(text):
    """'40k' as a number."""
    unit = UNITS.get(text[-1])
    return int(text[:-1]) * unit if unit else int(text)


class Board(board.Board):
    name = "esp32"
    # What the chip's own target has that this core lacks: multiplications with a high result, compare and swap.
    target = "xtensa-dc233c-none-elf"
    archive_packages = CLANG_STAMP

    def build(self):
        try:
            self.make(CLANG_STAMP)
        except AssertionError as error:
            # Neither the build nor the archive can do without, and only Debian's mirrors have it.
            raise setup.Missing("no clang for windowed Xtensa: %s" % error) from None
        # For tools/archive.sh.
        os.environ["MICROCOAPY_XTENSA_AS"] = ASSEMBLER
        super().build()

    def command(self, arguments, large=False):
        # Commas separate what QEMU reads there; a doubled one is meant.
        words = "".join(",arg=" + word.replace(",", ",,") for word in ["firmware", *arguments])
        elf = os.path.join(BUILD, "qemu-esp32", "firmware-large.elf" if large else "firmware.elf")
        return [*QEMU, "-kernel", elf, "-semihosting-config", "enable=on,target=native" + words]

    def run(self, script, args=(), timeout=60, heapsize=None, large=False):
        """As board.Board says; `args` are NAME=VALUE, the script's environment."""
        folder, name = os.path.split(os.path.abspath(script))
        heap = ["HEAP_SIZE=%d" % heap_bytes(heapsize)] if heapsize else []
        status, output = process.run(self.command([*heap, *args, name], large), timeout, folder)
        return output, status, ""

    def abi(self):
        """Register windows, variable arguments, calls between C and Rust: boards/qemu-esp32/abi.c."""
        script = os.path.join(OWN_TESTS, "abi.py")
        output, status, _ = self.run(script)
        with open(script + ".exp") as expected:
            if status != 0 or output != expected.read():
                raise AssertionError("exit status %s\n%s" % (status, output))

    def extra_tests(self):
        return [("abi", self.abi)]


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    emulated = Board()
    try:
        emulated.build()
    except (setup.Missing, AssertionError) as error:
        print(error, file=sys.stderr)
        return 3
    output, status, _ = emulated.run(sys.argv[1], sys.argv[2:], timeout=600)
    print(output, end="")
    return 124 if status is None else status


if __name__ == "__main__":
    sys.exit(main())
