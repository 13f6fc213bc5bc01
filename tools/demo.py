#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The demo: examples/server.py and examples/client.py, two processes of build/micropython, talk over loopback.

Prints what both say; status 0 only when the exchange happened.
"""

import os
import queue
import socket
import subprocess
import sys
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INTERPRETER = os.environ.get("MICROPYTHON") or os.path.join(ROOT, "build", "micropython")
EXAMPLES = os.path.join(ROOT, "examples")
EXPECTED = ("2.05", "222", "2.04", "led is off")


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Talker:
    """A program whose lines go to a queue, with its name."""

    def __init__(self, name, lines, *arguments):
        self.name = name
        script = os.path.join(EXAMPLES, name + ".py")
        self.process = subprocess.Popen(
            [INTERPRETER, script, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
        )
        self._thread = threading.Thread(target=self._read, args=(lines,), daemon=True)
        self._thread.start()

    def _read(self, lines):
        for line in self.process.stdout:
            lines.put((self.name, line.rstrip("\n")))
        lines.put((self.name, None))

    def end(self):
        self.process.terminate()
        self.process.wait()
        self._thread.join()


def show(lines, until, seconds=40):
    """Prints lines until one satisfies; all that were printed, and whether it came."""
    shown = []
    while True:
        try:
            name, line = lines.get(timeout=seconds)
        except queue.Empty:
            return shown, False
        if line is not None:
            print("%-7s| %s" % (name, line), flush=True)
            shown.append(line)
        if until(name, line):
            return shown, True
        if line is None:
            return shown, False


def main():
    if not os.access(INTERPRETER, os.X_OK):
        print("no interpreter at %s: run make first" % INTERPRETER)
        return 1
    port = str(free_port())
    lines = queue.Queue()
    talkers = [Talker("server", lines, port)]
    try:
        _, ready = show(lines, lambda name, line: line is not None and "listens" in line, 20)
        if not ready:
            print("demo failed: the server did not start")
            return 1
        talkers.append(Talker("client", lines, "127.0.0.1", port))
        shown, _ = show(lines, lambda name, line: name == "client" and line is None)
        status = talkers[1].process.wait(10)
    finally:
        for talker in talkers:
            talker.end()
    answers = "\n".join(line for line in shown if line.startswith("answer:"))
    missing = [text for text in EXPECTED if text not in answers]
    if status != 0 or missing:
        print("demo failed: client status %s, not seen in its answers: %s" % (status, missing or "nothing"))
        return 1
    print("demo passed: the client got the measured value and switched the LED")
    return 0


if __name__ == "__main__":
    sys.exit(main())
