# SPDX-License-Identifier: MIT
"""Groups 'interop' and 'conformance': modules test_*.py of test functions, each run by tests/interop/harness.py."""

import glob
import os

from runner import process, setup

HARNESS = os.path.join(process.TESTS, "interop", "harness.py")
MODULE_LIMIT = 900


class Module:
    """Follows one module's results while it runs."""

    def __init__(self, report, group, path):
        self.report = report
        self.path = path
        name = os.path.basename(path)[5:-3]
        self.prefix = "%s/%s" % (group, name)
        self.planned = None
        self.results = []  # (name, passed)
        self._failing = None
        self._output = []

    def line(self, line):
        word, _, rest = line.partition(" ")
        if self._failing and line.startswith("    "):
            self._output.append(line[4:])
            return
        self._flush()
        if word == "plan" and self.planned is None:
            self.planned = int(rest)
        elif word == "pass":
            name, seconds = rest.rsplit(" ", 1)
            self.results.append((name, True))
            self.report.ok("%s/%s" % (self.prefix, name), seconds + " s" if float(seconds) >= 1 else "")
        elif word == "FAIL":
            self.results.append((rest, False))
            self._failing = rest

    def _flush(self):
        if self._failing:
            self.report.fail("%s/%s" % (self.prefix, self._failing), "\n".join(self._output))
        self._failing, self._output = None, []

    def run(self, python, parts, environment):
        argv = [python, HARNESS, self.path, *parts]
        status, output = process.run(argv, MODULE_LIMIT, env=environment, on_line=self.line)
        self._flush()
        missing = 1 if self.planned is None else self.planned - len(self.results)
        if missing:
            self.report.fail(self.prefix, "%d tests did not run, status %s\n%s" % (missing, status, output[-4000:]), missing)
        return self.results


def paths(group):
    return sorted(glob.glob(os.path.join(process.TESTS, group, "test_*.py")))


def run(report, options, group):
    """Results as {module: [(test, passed)]}."""
    python = setup.venv()
    setup.programs("coap-server-notls", "coap-client-notls")
    environment = {"MICROPYTHON": setup.interpreter(), "PYTHONDONTWRITEBYTECODE": "1"}
    modules = [Module(report, group, path) for path in paths(group)]
    found = {}

    def one(module):
        parts = options.parts_for(module.prefix)
        if parts is not None:
            found[os.path.basename(module.path)[5:-3]] = module.run(python, parts, environment)

    options.parallel([lambda module=module: one(module) for module in modules])
    return found
