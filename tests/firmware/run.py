#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the tests on emulated boards and ends with one line 'N passed, M failed'.

Usage: tests/firmware/run.py [-j JOBS] [--no-skip] BOARD... [TEST...]
Boards: esp8266 rv32 esp32. Tests, by the beginning of their names: those of tests/py that need nothing that the boards
lack, those of tests/firmware/device, and the board's own.

A board that cannot be built here, for want of a compiler or of Rust's core source, is skipped, with the reason; with
--no-skip, or MICROCOAPY_NO_SKIP=1, that is a failure. Status 0 only when nothing failed.
"""

import argparse
import concurrent.futures
import difflib
import glob
import importlib
import os
import signal
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
sys.dont_write_bytecode = True

from runner import process, python, setup  # noqa: E402
from runner.report import Report  # noqa: E402

BOARDS = ("esp8266", "rv32", "esp32")
DEVICE = os.path.join(HERE, "device")

# Tests of tests/py that boards cannot run.
NEEDS_SOCKETS = {
    "attributes",
    "bad_arguments",
    "callbacks_stop",
    "custom_socket_lifecycle",
    "gc_in_callbacks",
    "import_heap",
    "keywords",
    "loopback",
    "many_objects",
}
NEEDS_THREADS = {"threads"}
# How much of its heap is left, and so how many requests are answered, depends on the layout of the unix port's objects.
NEEDS_UNIX_HEAP = {"out_of_memory"}
LEFT_OUT = NEEDS_SOCKETS | NEEDS_THREADS | NEEDS_UNIX_HEAP
# Messages longer than profile 'esp8266' takes: on that CPU they run with a larger profile.
NEEDS_LARGE = {"payload_types"}
# tools/archive.sh: this machine cannot build for that CPU.
STATUS_MISSING = 3
# tools/install-packages.sh, without root's rights.
NO_PACKAGES = "These Debian packages are missing"


def scripts():
    """(name, path) of the tests, each with a .py.exp beside it."""
    shared = {
        name: os.path.join(python.FOLDER, name + ".py")
        for name in python.names()
        if name not in LEFT_OUT
    }
    stale = (LEFT_OUT | NEEDS_LARGE) - set(python.names())
    if stale:
        raise AssertionError("no such test in tests/py: " + " ".join(sorted(stale)))
    own = {os.path.basename(path)[:-7]: path[:-4] for path in glob.glob(os.path.join(DEVICE, "*.py.exp"))}
    return sorted({**shared, **own}.items())


def check_core_source():
    """Raises Missing when there is no source of Rust's core library for other CPUs. All boards need it."""
    target = "riscv32imc-unknown-none-elf"
    build = os.path.join(process.ROOT, "build")
    status, output = process.run(
        ["sh", "tools/archive.sh", target, os.path.join(build, "archive", target)],
        900,
        env={"MICROCOAPY_TARGET_DIR": os.path.join(build, "cargo")},
    )
    if status == STATUS_MISSING:
        raise setup.Missing(output.strip())
    if status != 0:
        raise AssertionError("tools/archive.sh %s: exit status %s\n%s" % (target, status, output))


def heap_bytes(text):
    """Of a '# heapsize: 40k' directive."""
    return int(text[:-1]) * 1024 if text.endswith("k") else int(text)


def run_script(report, board, name, path):
    said = python.directives(path)
    variables = ["HEAP_SIZE=%d" % heap_bytes(said["heapsize"])] if "heapsize" in said else []
    if name in NEEDS_LARGE and board.name == "esp8266":
        variables.append("LARGE=1")
    # An emulated CPU is some 20 times slower than the machine it runs on.
    output, status = board.run(path, variables, float(said.get("timeout", 30)) * 10)
    with open(path + ".exp") as expected:
        difference = "\n".join(
            difflib.unified_diff(expected.read().splitlines(), output.splitlines(), "expected", "got", lineterm="", n=1)
        )
    test = "%s/%s" % (board.name, name)
    if status == 0 and not difference:
        report.ok(test)
    else:
        report.fail(test, "exit status %s\n%s" % (status, difference))


def run_extra(report, board, name, function):
    test = "%s/%s" % (board.name, name)
    try:
        report.ok(test, function() or "")
    except Exception:
        report.fail(test, traceback.format_exc())


def run_board(report, name, prefixes, jobs):
    board = importlib.import_module(name).Board()
    check_core_source()
    status, output = board.build()
    if status != 0 and NO_PACKAGES in output:
        raise setup.Missing(output.strip())
    if status != 0:
        report.fail(name + "/build", "exit status %s\n%s" % (status, output[-8000:]))
        return
    report.ok(name + "/build")
    todo = [(test, lambda test=test, path=path: run_script(report, board, test, path)) for test, path in scripts()]
    todo += [
        (test, lambda test=test, function=function: run_extra(report, board, test, function))
        for test, function in getattr(board, "extra_tests", list)()
    ]
    chosen = [function for test, function in todo if any(test.startswith(prefix) for prefix in prefixes)]
    if not chosen:
        report.fail(name, "no test ran")
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for future in [pool.submit(function) for function in chosen]:
            future.result()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-j", type=int, default=2, metavar="JOBS", help="tests at the same time (2)")
    parser.add_argument("--no-skip", action="store_true", help="what cannot be built here is a failure")
    parser.add_argument("what", nargs="*", help="boards, then beginnings of names of tests")
    arguments = parser.parse_args()
    boards = [name for name in arguments.what if name in BOARDS] or list(BOARDS)
    prefixes = [name for name in arguments.what if name not in BOARDS] or [""]
    no_skip = arguments.no_skip or os.environ.get("MICROCOAPY_NO_SKIP") == "1"
    report = Report()
    skipped = []
    report.note(
        "left out on boards: for sockets %s; for threads %s; for the unix port's heap %s"
        % tuple(" ".join(sorted(names)) for names in (NEEDS_SOCKETS, NEEDS_THREADS, NEEDS_UNIX_HEAP))
    )
    for name in boards:
        try:
            run_board(report, name, prefixes, arguments.j)
        except setup.Missing as missing:
            if no_skip:
                report.fail(name, "cannot be built here: %s" % missing)
            else:
                report.note("skip  %s: %s" % (name, missing))
                skipped.append(name)
        except Exception:
            report.fail(name, traceback.format_exc())
    if skipped:
        report.note("skipped: " + " ".join(skipped))
        if not report.passed and not report.failures:
            print("0 passed, 0 failed")
            return 0
    return report.finish()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    finally:
        process.end_all()
