# SPDX-License-Identifier: MIT
"""Group 'py': tests/py/NAME.py under the interpreter, its output compared with NAME.py.exp.

Comment lines at the top of a test may say '# heapsize: 40k', '# timeout: 120' (seconds) and '# stderr: varies': then
that is left out.
"""

import difflib
import glob
import os
import random
import re
import socket

from runner import process, setup

FOLDER = os.path.join(process.TESTS, "py")
DIRECTIVE = re.compile(r"^# (heapsize|timeout|stderr): *(\S+)$")


def names():
    """Names of the tests; a .py without .exp is a helper the tests import."""
    return sorted(os.path.basename(path)[:-7] for path in glob.glob(os.path.join(FOLDER, "*.py.exp")))


def is_modern(name):
    """Whether the test uses the modern layer, which a build may leave out."""
    with open(os.path.join(FOLDER, name + ".py")) as source:
        return "coap://" in source.read()


def directives(path):
    found = {}
    with open(path) as source:
        for line in source:
            if not line.startswith("#"):
                break
            match = DIRECTIVE.match(line.rstrip())
            if match:
                found[match.group(1)] = match.group(2)
    return found


def free_ports(count):
    """UDP ports nobody has bound, outside the kernel's ephemeral range."""
    ports = []
    while len(ports) < count:
        port = random.randrange(10000, 20000)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.append(str(port))
    return ports


def execute(interpreter, name, wrapper=(), slower=1, environment=None):
    """Runs one test: (exit status, output, difference to what is expected)."""
    path = os.path.join(FOLDER, name + ".py")
    said = directives(path)
    argv = [*wrapper, interpreter]
    if "heapsize" in said:
        argv += ["-X", "heapsize=" + said["heapsize"]]
    env = {"COAP_TEST_PORTS": " ".join(free_ports(4)), **(environment or {})}
    status, output = process.run(argv + [name + ".py"], float(said.get("timeout", 30)) * slower, FOLDER, env, errors="stderr" not in said)
    with open(path + ".exp") as expected:
        difference = difflib.unified_diff(
            expected.read().splitlines(), output.splitlines(), "expected", "got", lineterm="", n=1
        )
    return status, output, "\n".join(difference)


def one(report, interpreter, name):
    status, _, difference = execute(interpreter, name)
    if status == 0 and not difference:
        report.ok("py/" + name)
    else:
        report.fail("py/" + name, "exit status %s\n%s" % (status, difference))


def run(report, options):
    interpreter = setup.interpreter()
    tests = options.chosen(names())
    options.parallel([lambda name=name: one(report, interpreter, name) for name in tests])
