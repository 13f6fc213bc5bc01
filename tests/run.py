#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the tests and ends with one line 'N passed, M failed', with 'K skipped: reason' when there are such.

Usage: tests/run.py [-j JOBS] [GROUP | GROUP/NAME ...]
Groups: build rust py stubs interop conformance docs memory firmware; none named: all of them.
'py/packet' runs the tests of a group whose name begins so, 'interop/polling/interrupt' one test of a module.
Status 0 only when something ran and nothing failed.
"""

import argparse
import concurrent.futures
import os
import signal
import sys
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from runner import build, conformance, docs, firmware, memory, modules, process, python, rust, setup, stubs  # noqa: E402
from runner.report import Report  # noqa: E402

GROUPS = {
    "build": build.run,
    "rust": rust.run,
    "py": python.run,
    "stubs": stubs.run,
    "interop": lambda report, options: modules.run(report, options, "interop"),
    "conformance": conformance.run,
    "docs": docs.run,
    "memory": memory.run,
    "firmware": firmware.run,
}


class Options:
    """What of one group was asked for."""

    def __init__(self, group, wanted, jobs, asked_for):
        self.group = group
        self.jobs = jobs
        self.asked_for = asked_for  # by name, not as one of all groups
        self.prefixes = [name.partition("/")[2] for name in wanted if name.split("/")[0] == group]

    @property
    def everything(self):
        return "" in self.prefixes

    def chosen(self, names):
        return [name for name in names if any(name.startswith(prefix) for prefix in self.prefixes)]

    def parts_for(self, module):
        """None: leave this module out. []: all its tests. Else parts of the names wanted."""
        name = module.split("/", 1)[1]
        parts = []
        for prefix in self.prefixes:
            wanted, _, test = prefix.partition("/")
            if test and wanted == name:
                parts.append(test)
            elif not test and name.startswith(wanted):
                return []
        return parts or None

    def parallel(self, jobs):
        """Runs the functions, a few at a time; an exception of one comes out here."""
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            for future in [pool.submit(job) for job in jobs]:
                future.result()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-j", type=int, default=2, metavar="JOBS", help="tests at the same time (2)")
    parser.add_argument("what", nargs="*", help="groups or GROUP/NAME")
    arguments = parser.parse_args()
    wanted = arguments.what or list(GROUPS)
    unknown = [name for name in wanted if name.split("/")[0] not in GROUPS]
    if unknown:
        parser.error("no group %s; groups are %s" % (", ".join(unknown), " ".join(GROUPS)))
    report = Report()
    for group, function in GROUPS.items():
        options = Options(group, wanted, arguments.j, bool(arguments.what))
        if not options.prefixes:
            continue
        before = report.count()
        try:
            function(report, options)
        except setup.Missing as missing:
            report.fail(group + "/setup", str(missing))
        except Exception:
            report.fail(group, traceback.format_exc())
        if report.count() == before:
            report.fail(group, "no test ran")
    return report.finish()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    finally:
        process.end_all()
