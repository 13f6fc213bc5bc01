# SPDX-License-Identifier: MIT
"""Runs the test_* functions of one module. Usage: harness.py MODULE.py [NAME_PART ...]

Prints 'plan N', then for each test 'pass NAME SECONDS' or 'FAIL NAME' with indented output after it.
A test has a time limit (`limit`) and may come in several cases (`cases`); what it left running is ended.
"""

import importlib.util
import os
import signal
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import programs  # noqa: E402

DEFAULT_LIMIT = 60


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


def run(name, function, arguments):
    """True when it passed."""
    started = time.monotonic()
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
    if report is None:
        print("pass %s %.1f" % (name, time.monotonic() - started), flush=True)
        return True
    print("FAIL %s" % name)
    for line in report.rstrip().split("\n"):
        print("    " + line)
    sys.stdout.flush()
    return False


def main(path, parts):
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    sys.modules["harness"] = sys.modules["__main__"]
    spec = importlib.util.spec_from_file_location("tests_module", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tests = [t for t in collect(module) if not parts or any(part in t[0] for part in parts)]
    print("plan %d" % len(tests), flush=True)
    passed = sum([run(*test) for test in tests])
    return 0 if passed == len(tests) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
