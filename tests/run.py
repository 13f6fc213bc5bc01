#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the tests and ends with one line 'N passed, M failed', with 'K skipped: reason' when there are such.

Usage: tests/run.py [-j JOBS] [--repeat N] [--load M] [--board DEVICE] [GROUP | GROUP/NAME ...]
Groups: runner build rust py stubs interop conformance docs memory firmware; none named: all of them.
'py/packet' runs the tests of a group whose name begins so, 'interop/polling/interrupt' one test of a module.
A test over sockets that fails is run once more, alone; if it passes then it is UNSTABLE, and 'N unstable' counts these.
--repeat N runs all that N times and lists each test that did not pass at once every time; --load M keeps M processes
busy beside it. 'py --board DEVICE' runs the group on a board over its REPL (runner/device.py). Status 0 only when something ran and nothing failed.
"""

import argparse
import concurrent.futures
import os
import signal
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from runner import build, conformance, device, docs, firmware, memory, modules, own, process, python, rust, setup, stubs  # noqa: E402
from runner.report import Report  # noqa: E402

GROUPS = {
    "runner": own.run,
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

    def parallel(self, jobs, waiting=False):
        """Runs the functions, a few at a time, more when they mostly wait; an exception of one comes out here."""
        with concurrent.futures.ThreadPoolExecutor(self.jobs * (6 if waiting else 1)) as pool:
            for future in [pool.submit(job) for job in jobs]:
                future.result()


def run_groups(report, arguments, wanted):
    groups = GROUPS
    if arguments.board:
        groups = {"py": lambda report, options: device.run(report, options, arguments.board)}
    for group, function in groups.items():
        options = Options(group, wanted, arguments.j, bool(arguments.what))
        if not options.prefixes:
            continue
        started = time.monotonic()
        passed, failed = report.passed, len(report.failures)
        before = report.count()
        try:
            function(report, options)
        except setup.Missing as missing:
            report.fail(group + "/setup", str(missing))
        except Exception:
            report.fail(group, traceback.format_exc())
        report.settle()
        if report.count() == before:
            report.fail(group, "no test ran")
        numbers = (group, report.passed - passed, len(report.failures) - failed, time.monotonic() - started)
        report.note("group %s: %d passed, %d failed, %.0f s" % numbers)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-j", type=int, default=2, metavar="JOBS", help="tests at the same time (2)")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="runs (1)")
    parser.add_argument("--load", type=int, default=0, metavar="M", help="busy processes beside them (0)")
    parser.add_argument("--board", metavar="DEVICE", help="run group py there, as mpremote names it")
    parser.add_argument("what", nargs="*", help="groups or GROUP/NAME")
    arguments = parser.parse_args()
    wanted = arguments.what or (["py"] if arguments.board else list(GROUPS))
    if arguments.board and any(name.split("/")[0] != "py" for name in wanted):
        parser.error("only the group py runs on a board")
    unknown = [name for name in wanted if name.split("/")[0] not in GROUPS]
    if unknown:
        parser.error("no group %s; groups are %s" % (", ".join(unknown), " ".join(GROUPS)))
    report = Report()
    with process.busy(arguments.load):
        for run in range(arguments.repeat):
            if arguments.repeat > 1:
                report.note("run %d of %d" % (run + 1, arguments.repeat))
            report.begin_run()
            run_groups(report, arguments, wanted)
    return report.finish(arguments.repeat)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    finally:
        process.end_all()
