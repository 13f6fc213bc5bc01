#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The demo for devices: MicroPython with the module on an emulated ESP8266 CPU talks CoAP to libcoap's programs.

QEMU's lx106 runs build/qemu-esp8266/firmware.elf with examples/modem_socket.py, on a heap of 40 KB; its UART is the
terminal of tools/modem_relay.py, which is the modem. First the board is the client of coap-server-notls, then the
server of coap-client-notls. Prints what all say; status 0 only when both exchanges happened.
"""

import os
import shutil
import socket
import subprocess
import sys
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(ROOT, "tests", "firmware"), os.path.join(ROOT, "tests")]
sys.dont_write_bytecode = True

import esp8266  # noqa: E402

EXAMPLE = os.path.join(ROOT, "examples", "modem_socket.py")
HEAP = "40k"
SECONDS = 60


class Failed(Exception):
    pass


class Program:
    """A process whose lines are shown with its name as they come."""

    def __init__(self, name, argv, cwd=None):
        self.name = name
        self.lines = []
        self.changed = threading.Condition()
        self.ended = False
        # Programs of C keep their lines when they write to no terminal.
        argv = ["stdbuf", "-oL", *argv] if shutil.which("stdbuf") else argv
        self.process = subprocess.Popen(
            argv, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                if line.strip():
                    print("%-11s| %s" % (self.name, line.rstrip()), flush=True)
                    self.lines.append(line.rstrip())
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait_line(self, text, seconds=SECONDS):
        """The first line with the text."""

        def found():
            return next((line for line in self.lines if text in line), None)

        with self.changed:
            self.changed.wait_for(lambda: found() is not None or self.ended, seconds)
            line = found()
        if line is None:
            raise Failed("%s did not say %r" % (self.name, text))
        return line

    def wait_end(self, seconds=SECONDS):
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed("%s did not end" % self.name) from None
        self.reader.join(10)
        if status != 0:
            raise Failed("%s ended with status %s" % (self.name, status))

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join(10)
        self.process.stdout.close()


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Demo:
    def __init__(self, verbose=False):
        self.programs = []
        self.verbose = verbose
        self.terminal = None

    def start(self, name, argv, cwd=None):
        program = Program(name, argv, cwd)
        self.programs.append(program)
        return program

    def modem(self):
        options = ["--verbose"] if self.verbose else []
        relay = self.start("modem", [sys.executable, os.path.join(ROOT, "tools", "modem_relay.py"), *options])
        self.terminal = relay.wait_line("/dev/")

    def board(self, *arguments):
        words = ["-X", "heapsize=" + HEAP, "-X", "uart=" + self.terminal, EXAMPLE, *arguments]
        return self.start("esp8266", esp8266.command(words))

    def client(self):
        print("-- the board is the client of libcoap's server")
        port = free_port()
        server = self.start("coap-server", ["coap-server-notls", "-A", "127.0.0.1", "-p", str(port)])
        board = self.board("client", "127.0.0.1", str(port), ".well-known/core", "time", "no/such/path")
        board.wait_end()
        board.wait_line("2.05 from 127.0.0.1:%d: </>;title=" % port)
        if len([line for line in board.lines if line.startswith("2.05 from")]) != 2:
            raise Failed("the board did not get two contents")
        board.wait_line("4.04 from")
        server.end()

    def server(self):
        print("-- the board is the server of libcoap's client")
        port = free_port()
        uri = "coap://127.0.0.1:%d/measure" % port
        board = self.board("server", str(port), "3")
        board.wait_line("ready")
        for name, arguments, answer in (
            ("GET", ["-m", "get", uri], "21.5"),
            ("PUT", ["-m", "put", "-e", "23.0", uri], "23.0"),
            ("NON GET", ["-N", "-m", "get", uri], "23.0"),
        ):
            print("-- " + name)
            client = self.start("coap-client", ["coap-client-notls", "-B", "20", *arguments])
            client.wait_end()
            client.wait_line(answer)
        board.wait_end()

    def run(self):
        """Raises Failed unless everything happened."""
        try:
            self.modem()
            self.client()
            self.server()
        finally:
            for program in self.programs:
                program.end()


def main():
    for tool in ("coap-server-notls", "coap-client-notls", "qemu-system-xtensa"):
        if not shutil.which(tool):
            sys.exit("demo_esp8266: %s is missing; 'make demo-esp8266' installs it" % tool)
    try:
        Demo(verbose=True).run()
    except Failed as reason:
        sys.exit("demo_esp8266: %s" % reason)
    print("-- done: both exchanges happened")


if __name__ == "__main__":
    main()
