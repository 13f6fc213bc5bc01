# SPDX-License-Identifier: MIT
"""Runs the test_* functions of one module. Usage: harness.py [--exactly | --part K/N] MODULE.py [NAME_PART ...]

Prints 'plan [NAME...]' (JSON), then for each test 'pass NAME SECONDS SEED' or 'FAIL NAME SECONDS SEED' with indented output after it;
SEED is '-' when the test draws no numbers. MICROCOAPY_SEED=N in the environment gives another seed than the name's.
A test has a time limit (`limit`) and may come in several cases (`cases`); what it left running is ended. With --exactly
the names are whole; with --part 0/2 every second test is run, from the first one on.
"""

import argparse
import importlib.util
import json
import os
import signal
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

import chance  # noqa: E402
import programs  # noqa: E402

DEFAULT_LIMIT = 300


class TimeUp(BaseException):
    """The test's time limit has passed."""


def limit(seconds):
    """The test may take that long."""

    def mark(function):
        function.limit = seconds
        return function

    return mark


def cases(**by_name):
    """Runs the test once per case; the value is its argument."""

    def mark(function):
        function.cases = by_name
        return function

    return mark


def collect(module):
    """(name, function, arguments) in the order of the file."""
    tests = []
    for name, function in vars(module).items():
        if not name.startswith("test_") or not callable(function):
            continue
        name = name[5:]
        for case, value in getattr(function, "cases", {}).items():
            tests.append((name + "/" + case, function, (value,)))
        if not hasattr(function, "cases"):
            tests.append((name, function, ()))
    return tests


def _time_up(signum, frame):
    raise TimeUp()


def run(module, name, function, arguments):
    """True when it passed."""
    started = time.monotonic()
    chance.begin("%s/%s" % (module, name))
    signal.signal(signal.SIGALRM, _time_up)
    signal.alarm(getattr(function, "limit", DEFAULT_LIMIT))
    report = None
    try:
        function(*arguments)
    except TimeUp:
        report = "took longer than %d s\n%s" % (getattr(function, "limit", DEFAULT_LIMIT), traceback.format_exc())
    except Exception:
        report = traceback.format_exc()
    finally:
        signal.alarm(0)
        programs.stop_all()
    seed = chance.seed()
    result = "%s %.1f %s" % (name, time.monotonic() - started, "-" if seed is None else seed)
    if report is None:
        print("pass " + result, flush=True)
        return True
    print("FAIL " + result)
    for line in report.rstrip().split("\n"):
        print("    " + line)
    sys.stdout.flush()
    return False


def chosen(tests, arguments):
    if arguments.exactly:
        return [test for test in tests if test[0] in arguments.names]
    first, step = map(int, arguments.part.split("/"))
    wanted = [test for test in tests if not arguments.names or any(part in test[0] for part in arguments.names)]
    return wanted[first::step]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--exactly", action="store_true")
    parser.add_argument("--part", default="0/1")
    parser.add_argument("module")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    folder, file = os.path.split(os.path.abspath(arguments.module))
    sys.path.insert(0, folder)
    sys.modules["harness"] = sys.modules["__main__"]
    spec = importlib.util.spec_from_file_location("tests_module", arguments.module)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tests = chosen(collect(module), arguments)
    print("plan " + json.dumps([test[0] for test in tests]), flush=True)
    name = "%s/%s" % (os.path.basename(folder), file[5:-3])
    passed = sum([run(name, *test) for test in tests])
    return 0 if passed == len(tests) else 1


if __name__ == "__main__":
    sys.exit(main())
