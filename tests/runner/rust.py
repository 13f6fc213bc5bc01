# SPDX-License-Identifier: MIT
"""Group 'rust': every test of the crate counts."""

import os
import re

from runner import process

TARGET = os.path.join(process.ROOT, "build", "cargo-test")
RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored")
BINARY = re.compile(r"^\s*(?:Running|Doc-tests) (.*)")
FAILED = re.compile(r"^test (\S+) \.\.\. FAILED")


def run(report, options):
    if not os.path.exists(os.path.join(process.ROOT, "Cargo.toml")):
        report.fail("rust", "no Cargo.toml")
        return
    status, output = process.run(["cargo", "test", "--locked", "--no-fail-fast", "--target-dir", TARGET], 1800)
    binary, failed_here, any_failed = "?", [], False
    for line in output.split("\n"):
        if BINARY.match(line):
            binary, failed_here = BINARY.match(line).group(1).split(" (")[0], []
        elif FAILED.match(line):
            failed_here.append(FAILED.match(line).group(1))
        elif RESULT.match(line):
            passed, failed, ignored = map(int, RESULT.match(line).groups())
            if passed:
                report.ok("rust/%s" % binary, "%d tests" % passed, count=passed)
            for name in failed_here:
                report.fail("rust/%s/%s" % (binary, name), _of(output, name))
            if ignored:
                report.fail("rust/%s" % binary, "%d tests ignored" % ignored, count=ignored)
            any_failed |= failed > 0
    if status != 0 and not any_failed:
        report.fail("rust", output[-8000:])


def _of(output, name):
    """What the failed test printed."""
    match = re.search(r"---- %s stdout ----\n(.*?)(?=\n---- |\nfailures:)" % re.escape(name), output, re.S)
    return match.group(1) if match else ""
