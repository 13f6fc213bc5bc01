#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The emulated board boards/qemu-rv32: MicroPython's qemu port on ESP32-C3's instruction set.

Usage: tests/firmware/rv32.py SCRIPT [NAME=VALUE...]
builds the firmware if need be, runs the script on the board and exits with its status.
"""

import os
import re
import selectors
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True

from runner import firmware, mptree, process, python  # noqa: E402

FIRMWARE = os.path.join(process.ROOT, "build", "qemu-rv32", "firmware.elf")
RULES = os.path.join("boards", "qemu-rv32", "rules.mk")
BUILD_LIMIT = 1800
BOOT_LIMIT = 20

# MicroPython's raw REPL: Ctrl-A enters it, Ctrl-D ends a script and each of its two outputs.
PROMPT = b">>> "
ENTER, ENTERED = b"\x01", b"raw REPL; CTRL-B to exit\r\n>"
END = b"\x04"
ACCEPTED = b"OK"


class Stopped(Exception):
    """The emulator ended, or the time was up, before the script had."""


class Console:
    """The serial line of a running emulator."""

    def __init__(self, argv, cwd, deadline):
        self.deadline = deadline
        self.received = b""
        self.process = subprocess.Popen(
            argv, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
        os.set_blocking(self.process.stdin.fileno(), False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.selector.close()
        self.process.stdin.close()
        self.process.stdout.close()

    def _step(self):
        """Waits for more output; Stopped when there will be none."""
        rest = self.deadline - time.monotonic()
        if rest <= 0 or not self.selector.select(rest):
            raise Stopped("time limit passed")
        more = os.read(self.process.stdout.fileno(), 65536)
        if not more:
            raise Stopped("the emulator ended with status %s" % self.process.wait())
        self.received += more

    def until(self, mark):
        """What comes before the mark."""
        while mark not in self.received:
            self._step()
        before, _, self.received = self.received.partition(mark)
        return before

    def send(self, data):
        view = memoryview(data)
        while view:
            if time.monotonic() > self.deadline:
                raise Stopped("time limit passed")
            try:
                view = view[os.write(self.process.stdin.fileno(), view) :]
            except BlockingIOError:
                time.sleep(0.001)
            except BrokenPipeError:
                raise Stopped("the emulator ended with status %s" % self.process.wait()) from None


class Board:
    name = "rv32"
    packages = ("gcc-riscv64-unknown-elf", "picolibc-riscv64-unknown-elf", "qemu-system-misc")

    def __init__(self, elf=FIRMWARE):
        self.firmware = os.path.abspath(elf)

    def build(self):
        """(exit status, output) of make."""
        # The rules are named in case the Makefile does not include them.
        argv = ["make", "-f", "Makefile", "-f", RULES, "firmware-rv32-build"]
        return process.run(argv, BUILD_LIMIT, env={"MAKEFLAGS": ""})

    def extra_tests(self):
        tests = (self.root_level_module, self.over_the_repl, self.soft_reset)
        return [(test.__name__, test) for test in tests]

    def soft_reset(self):
        """In the middle of exchanges, several times: the next program finds nothing of them."""
        script = os.path.join(python.FOLDER, "left_busy.py")
        with open(script) as text, open(script + ".exp") as expected:
            text, wanted = text.read().encode(), expected.read()
        seen = []
        with Console(self.command(()), python.FOLDER, time.monotonic() + 120) as console:
            console.until(PROMPT)
            console.send(ENTER)
            for _ in range(1 + firmware.SOFT_RESETS):
                console.until(ENTERED)
                console.send(text + END)
                console.until(ACCEPTED)
                seen.append((console.until(END) + console.until(END)).decode().replace("\r\n", "\n"))
                # On an empty line this one is a soft reset.
                console.until(b">")
                console.send(END)
                console.until(b"soft reboot")
        assert seen == [wanted] * (1 + firmware.SOFT_RESETS), seen

    def over_the_repl(self):
        """`tests/run.py py --board DEVICE`, as the owner of a board runs it; the board has no files of the tests."""
        argv = self.command(())
        argv[argv.index("stdio")] = "pty"
        tests = ["py/" + name for name in ("packet", "timeouts", "exchange", "threads")]
        with tempfile.TemporaryDirectory() as folder, subprocess.Popen(
            argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as emulator:
            try:
                device = re.search(r"/dev/\S+", emulator.stdout.readline()).group(0)
                argv = [sys.executable, os.path.join(process.TESTS, "run.py"), "--board", device, *tests]
                status, output = process.run(argv, 600)
            finally:
                emulator.kill()
        wanted = "3 passed, 0 failed, 1 skipped: no module _thread on the board\n"
        assert status == 0 and output.endswith(wanted), "status %s\n%s" % (status, output)

    def root_level_module(self):
        """USER_C_MODULES is this repository, as MicroPython 1.29 has it: the firmware is built and works."""
        board = os.path.dirname(os.path.join(process.ROOT, RULES))
        with tempfile.TemporaryDirectory() as folder:
            elf = mptree.build_root_level(folder, "ports/qemu", "BOARD=qemu-rv32", "BOARD_DIR=" + board)
            script = os.path.join(python.FOLDER, "packet.py")
            output, status = Board(elf).run(script, (), 300)
            with open(script + ".exp") as expected:
                assert status == 0 and output == expected.read(), output

    def command(self, variables):
        # Commas separate what QEMU reads there; a doubled one is meant.
        lines = "\n".join(variables).replace(",", ",,")
        semihosting = "enable=on,target=native" + (",arg=" + lines if lines else "")
        argv = ["qemu-system-riscv32", "-machine", "virt", "-bios", "none", "-display", "none", "-monitor", "none"]
        return argv + ["-serial", "stdio", "-semihosting-config", semihosting, "-kernel", self.firmware]

    def run(self, script, args=(), timeout=30):
        """Runs a script file: (output, exit status). Status None when the time was up.

        `args` are NAME=VALUE strings, environment variables to the script; HEAP_SIZE in bytes is the heap.
        It can import what lies in its folder. An exception's traceback follows the script's output.
        """
        with open(script, "rb") as file:
            text = file.read()
        folder = os.path.dirname(os.path.abspath(script))
        output = b""
        with Console(self.command(args), folder, time.monotonic() + BOOT_LIMIT) as console:
            try:
                console.until(PROMPT)
                console.send(ENTER)
                console.until(ENTERED)
                console.deadline = time.monotonic() + timeout
                console.send(text + END)
                console.until(ACCEPTED)
                output = console.until(END)
                error = console.until(END)
                output += error
                status = 1 if error else 0
            except Stopped as reason:
                late = console.process.poll() is None
                output += console.received + ("\n%s\n" % reason).encode()
                status = None if late else 1
        return output.replace(b"\r\n", b"\n").decode("utf-8", "backslashreplace"), status


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
