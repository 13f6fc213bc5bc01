# SPDX-License-Identifier: MIT
"""Group 'py': tests/py/NAME.py under the interpreter, its output compared with NAME.py.exp.

Comment lines at the top of a test may say '# heapsize: 40k', '# timeout: 120' (seconds), '# stderr: varies': then that is
left out, and '# needs: block,observe': settings of the build without which it cannot run.
"""

import difflib
import glob
import os
import re

from runner import ports, process, setup
from runner.report import Failed

FOLDER = os.path.join(process.TESTS, "py")
SOCKETS = re.compile(r"\bstart\(|\bimport socket\b")
LIMIT = 300
DIRECTIVE = re.compile(r"^# (heapsize|timeout|stderr|needs): *(\S+)$")


def names(folder=FOLDER):
    """Names of the folder's tests; a .py without .exp is a helper the tests import."""
    return sorted(os.path.basename(path)[:-7] for path in glob.glob(os.path.join(folder, "*.py.exp")))


def source(name):
    with open(os.path.join(FOLDER, name + ".py")) as file:
        return file.read()


def is_modern(name):
    """Whether the test uses the modern layer, which a build may leave out."""
    return "coap://" in source(name)


def directives(path):
    found = {}
    with open(path) as file:
        for line in file:
            if not line.startswith("#"):
                break
            match = DIRECTIVE.match(line.rstrip())
            if match:
                found[match.group(1)] = match.group(2)
    return found


def needs(name):
    """The settings of the build that the test needs, MICROCOAPY_NAME each, and ASYNCIO."""
    found = set(directives(os.path.join(FOLDER, name + ".py")).get("needs", "").upper().split(",")) - {""}
    if "import asyncio" in source(name):
        found.add("ASYNCIO")
    return found | {"MODERN"} if is_modern(name) else found


def uses_sockets(name):
    """Whether the test opens sockets: itself, or by start()."""
    return SOCKETS.search(source(name)) is not None


def limit(said):
    """Seconds that a test may take, by its directives."""
    return float(said.get("timeout", LIMIT))


def difference(path, output, over_serial=False):
    """Of what the test at `path` printed to what is expected: "" when there is none."""
    if over_serial:
        output = output.replace('File "<stdin>"', 'File "%s"' % os.path.basename(path))
    with open(path + ".exp") as expected:
        lines = expected.read().splitlines()
    return "\n".join(difflib.unified_diff(lines, output.splitlines(), "expected", "got", lineterm="", n=1))


def execute(interpreter, name, wrapper=(), slower=1, environment=None, folder=FOLDER, heapsize=None):
    """Runs one test of the folder: (exit status, output, difference to what is expected)."""
    path = os.path.join(folder, name + ".py")
    said = directives(path)
    argv = [*wrapper, interpreter]
    heapsize = said.get("heapsize", heapsize)
    if heapsize:
        argv += ["-X", "heapsize=" + heapsize]
    env = {"COAP_TEST_PORTS": " ".join(str(ports.free()) for _ in range(4)), **(environment or {})}
    status, output = process.run(argv + [name + ".py"], limit(said) * slower, folder, env, errors="stderr" not in said)
    return status, output, difference(path, output)


def passes(interpreter, name):
    status, _, found = execute(interpreter, name)
    if status != 0 or found:
        raise Failed("exit status %s\n%s" % (status, found))


def run(report, options):
    interpreter = setup.interpreter()

    def one(name):
        report.test("py/" + name, lambda: passes(interpreter, name), uses_sockets(name))

    options.parallel([lambda name=name: one(name) for name in options.chosen(names())])
