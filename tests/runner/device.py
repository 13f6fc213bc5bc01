# SPDX-License-Identifier: MIT
"""Group 'py' on a board: `tests/run.py py --board DEVICE` sends each script over the board's REPL (mpremote) and compares
what it prints. DEVICE is what `mpremote connect` takes: /dev/ttyUSB0, COM3, auto.

Nothing is written to the board's files: what tests import is put into sys.modules first. The board is reset softly before
each script. What it cannot run is skipped, with the reason: a heap of a certain size, sockets, threads, features of the
module that were left out when its firmware was built.
"""

import ast
import os
import re
import tempfile

from runner import firmware, process, python, setup
from runner.report import Failed, Missing

# A board is slower than this machine.
SLOWER = 10
# What the firmware has: modules, and features of microcoapy.
QUESTION = """
def has(name):
    try:
        return __import__(name)
    except ImportError:
        return None
m = has("microcoapy")
found = [name for name in ("socket", "_thread", "asyncio") if has(name)]
if m:
    found += ["microcoapy"] + [name for name in ("Exchange", "Observation") if hasattr(m, name)]
    found += [name for name in ("discover",) if hasattr(m.Coap, name)]
print(found)
"""
# What the tests import.
HELPERS = ("collecting", "growing", "support")
# A module without a file.
IMPORTED = """
import sys
names = {"__name__": %(name)r}
exec(%(text)r, names)
class Module:
    pass
sys.modules[%(name)r] = Module()
for name in names:
    setattr(sys.modules[%(name)r], name, names[name])
del names, name, Module
"""


class Board:
    def __init__(self, device, folder):
        self.argv = [setup.venv(), "-m", "mpremote", "connect", device]
        self.folder = folder
        self.imported = os.path.join(folder, "imported.py")
        with open(self.imported, "w") as file:
            for name in HELPERS:
                with open(os.path.join(python.FOLDER, name + ".py")) as source:
                    file.write(IMPORTED % {"name": name, "text": source.read()})

    def run(self, *scripts, timeout):
        """Runs the scripts one after the other, after a soft reset: (exit status, output)."""
        argv = list(self.argv)
        for script in scripts:
            argv += ["run", script]
        status, output = process.run(argv, timeout)
        return status, output.replace("\r\n", "\n")

    def has(self):
        """What its firmware has, of what tests need."""
        script = os.path.join(self.folder, "question.py")
        with open(script, "w") as file:
            file.write(QUESTION)
        status, output = self.run(script, timeout=60)
        if status != 0:
            raise Missing("mpremote: status %s\n%s" % (status, output))
        found = set(ast.literal_eval(output.strip().split("\n")[-1]))
        if "microcoapy" not in found:
            raise Missing("the firmware of this board has no module microcoapy")
        return found

    def passes(self, name):
        path = os.path.join(python.FOLDER, name + ".py")
        said = python.directives(path)
        status, output = self.run(self.imported, path, timeout=python.limit(said) * SLOWER)
        difference = python.difference(path, output, over_serial=True)
        if status != 0 or difference:
            raise Failed("exit status %s\n%s" % (status, difference))


def lacks(name, has):
    """What the board lacks that the test needs; None: nothing."""
    path = os.path.join(python.FOLDER, name + ".py")
    with open(path) as source:
        text = source.read()
    if "heapsize" in python.directives(path):
        return "tests that need a heap of a certain size"
    if name in firmware.NEEDS_SOCKETS and "socket" not in has:
        return "no module socket on the board"
    if "DTLS" in python.needs(name):
        return "tests of DTLS need files and sockets of this machine"
    if name in firmware.NEEDS_THREADS and "_thread" not in has:
        return "no module _thread on the board"
    if re.search(r"^import asyncio", text, re.M) and "asyncio" not in has:
        return "no module asyncio on the board"
    if python.is_modern(name) and "Exchange" not in has:
        return "the firmware has the classic layer alone"
    if name in firmware.NEEDS_ALL_FEATURES and not {"Observation", "discover"} <= has:
        return "the firmware is built without all features"
    return None


def run(report, options, device):
    with tempfile.TemporaryDirectory() as folder:
        board = Board(device, folder)
        has = board.has()
        for name in options.chosen(python.names()):
            reason = lacks(name, has)
            if reason:
                report.skip("py/" + name, reason)
            else:
                report.test("py/" + name, lambda name=name: board.passes(name))
