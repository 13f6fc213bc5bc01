#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The demo: examples/server.py and examples/client.py, two processes of build/micropython, talk over loopback.

Prints what both say; status 0 only when the exchange happened.
"""

import os
import selectors
import socket
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INTERPRETER = os.environ.get("MICROPYTHON") or os.path.join(ROOT, "build", "micropython")
EXAMPLES = os.path.join(ROOT, "examples")
EXPECTED = ("2.05", "222", "2.04", "led is off")


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Stage:
    """Programs whose lines are shown as they come, with the name of who said them."""

    def __init__(self):
        self._selector = selectors.DefaultSelector()
        self._processes = {}
        self._partial = {}

    def start(self, name, *arguments):
        script = os.path.join(EXAMPLES, name + ".py")
        process = subprocess.Popen(
            [INTERPRETER, script, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
        )
        self._processes[name] = process
        self._partial[name] = b""
        self._selector.register(process.stdout, selectors.EVENT_READ, name)

    def status(self, name):
        return self._processes[name].wait(10)

    def end(self):
        for process in self._processes.values():
            process.terminate()
            process.wait()
            process.stdout.close()

    def show(self, name, text=None, seconds=40):
        """Shows lines until `name` says one with `text`, or without a text until it has ended. All
        lines that were shown, and whether it came to that."""
        shown = []
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            # One loop for both, so that what is shown is in the order in which it was said.
            for key, _ in self._selector.select(deadline - time.monotonic()):
                lines = self._read(key)
                if lines is None:
                    return shown, key.data == name and text is None
                shown += lines
                if text is not None and key.data == name and any(text in line for line in lines):
                    return shown, True
        return shown, False

    def _read(self, key):
        data = os.read(key.fd, 65536)
        if not data:
            self._selector.unregister(key.fileobj)
            return None
        *lines, self._partial[key.data] = (self._partial[key.data] + data).split(b"\n")
        lines = [line.decode() for line in lines]
        for line in lines:
            print("%-7s| %s" % (key.data, line), flush=True)
        return lines


def main():
    if not os.access(INTERPRETER, os.X_OK):
        print("no interpreter at %s: run make first" % INTERPRETER)
        return 1
    port = str(free_port())
    stage = Stage()
    try:
        stage.start("server", port)
        _, ready = stage.show("server", "listens", 20)
        if not ready:
            print("demo failed: the server did not start")
            return 1
        stage.start("client", "127.0.0.1", port)
        shown, _ = stage.show("client")
        status = stage.status("client")
    finally:
        stage.end()
    answers = "\n".join(line for line in shown if line.startswith("answer:"))
    missing = [text for text in EXPECTED if text not in answers]
    if status != 0 or missing:
        print("demo failed: client status %s, not seen in its answers: %s" % (status, missing or "nothing"))
        return 1
    print("demo passed: the client got the measured value and switched the LED")
    return 0


if __name__ == "__main__":
    sys.exit(main())
