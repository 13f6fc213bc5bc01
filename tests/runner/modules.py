# SPDX-License-Identifier: MIT
"""Groups 'interop' and 'conformance': modules test_*.py of test functions, each run by tests/interop/harness.py."""

import glob
import json
import os
import re

from runner import process, setup
from runner.report import Failed

HARNESS = os.path.join(process.TESTS, "interop", "harness.py")
MODULE_LIMIT = 3000
# A module whose tests mostly wait, or take long, says in how many parts it is run, beside each other.
PARTS = re.compile(r"^PARTS = (\d+)$", re.M)


class Lines:
    """Follows what the harness prints: `plan` has the names of the tests, `results` (name, seconds, seed, output or
    None) of those that have ended."""

    def __init__(self, on_result=lambda *result: None):
        self.plan = []
        self.results = []
        self._on_result = on_result
        self._failing = None
        self._output = []

    def line(self, line):
        word, _, rest = line.partition(" ")
        if self._failing and line.startswith("    "):
            self._output.append(line[4:])
            return
        self.flush()
        if word == "plan" and not self.plan:
            self.plan = json.loads(rest)
        elif word == "pass":
            self._result(*rest.rsplit(" ", 2), None)
        elif word == "FAIL":
            self._failing = rest

    def flush(self):
        if self._failing:
            self._result(*self._failing.rsplit(" ", 2), "\n".join(self._output))
        self._failing, self._output = None, []

    def _result(self, name, seconds, seed, output):
        result = (name, float(seconds), seed, output)
        self.results.append(result)
        self._on_result(*result)


class Module:
    """One file of tests."""

    def __init__(self, report, group, path, python, environment):
        self.report = report
        self.path = path
        self.name = os.path.basename(path)[5:-3]
        self.prefix = "%s/%s" % (group, self.name)
        with open(path) as file:
            self.parts = int((PARTS.search(file.read()) or [0, 1])[1])
        self.names = []
        self.argv = [python, HARNESS]
        self.environment = environment

    def _execute(self, arguments, lines):
        status, output = process.run([*self.argv, *arguments], MODULE_LIMIT, env=self.environment, on_line=lines.line)
        lines.flush()
        return "status %s\n%s" % (status, output[-4000:])

    def run(self, part, wanted):
        """One of its parts. `wanted`: parts of names, none: all."""
        lines = Lines(self._result)
        output = self._execute(["--part", "%d/%d" % (part, self.parts), self.path, *wanted], lines)
        self.names += lines.plan
        if not lines.plan and not wanted:
            self.report.fail(self.prefix, "no test ran, " + output)
        for name in lines.plan[len(lines.results) :]:
            self._result(name, 0, "-", "did not run, " + output)

    def _result(self, name, seconds, seed, output):
        title = "%s/%s" % (self.prefix, name)
        note = "" if seed == "-" else "seed " + seed
        if output is None:
            self.report.ok(title, note, seconds=seconds)
        else:
            self.report.fail(title, note + "\n" + output, seconds=seconds, again=lambda: self._once_more(name))

    def _once_more(self, name):
        lines = Lines()
        output = self._execute(["--exactly", self.path, name], lines)
        if [result[0] for result in lines.results] != [name]:
            raise Failed("did not run, " + output)
        if lines.results[0][3] is not None:
            raise Failed(lines.results[0][3])


def paths(group):
    return sorted(glob.glob(os.path.join(process.TESTS, group, "test_*.py")))


def run(report, options, group):
    """Results as {module: [(test, passed)]}."""
    python = setup.venv()
    setup.programs("coap-server-notls", "coap-client-notls", "openssl")
    environment = {"MICROPYTHON": setup.interpreter(), "PYTHONDONTWRITEBYTECODE": "1"}
    modules = [Module(report, group, path, python, environment) for path in paths(group)]
    chosen = [(module, options.parts_for(module.prefix)) for module in modules]
    chosen = [(module, wanted) for module, wanted in chosen if wanted is not None]
    jobs = [(module, part, wanted) for module, wanted in chosen for part in range(module.parts)]
    options.parallel([lambda job=job: job[0].run(*job[1:]) for job in sorted(jobs, key=lambda job: -job[0].parts)], waiting=True)
    report.settle()
    return {m.name: [(name, report.has_passed("%s/%s" % (m.prefix, name))) for name in m.names] for m, _ in chosen}
