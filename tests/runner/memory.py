# SPDX-License-Identifier: MIT
"""Group 'memory': the py tests again under valgrind and in the build with AddressSanitizer and UndefinedBehaviorSanitizer,
and a little of the fuzzing of the boundary to Python, of which `make fuzz` does more; any report fails the test.

Tests do fewer rounds there: they read COAP_TEST_QUICK. And the tests of ../faults, in the build whose allocations fail
where a test says so.
"""

import os
import re

from runner import process, python, setup
from runner.report import Failed

ASAN = os.path.join(process.ROOT, "build", "micropython-asan")
FAULTS = os.path.join(process.ROOT, "build", "micropython-faults")
FAULTS_FOLDER = os.path.join(process.TESTS, "faults")
SUPPRESSIONS = os.path.join(process.TESTS, "runner", "valgrind.supp")
# The collector marks by every word of the stack, written or not, so in its tables, and in what it hands out after
# a collection, valgrind sees the mark of unwritten memory. Tests that collect, by themselves or by a helper, are run for
# bad addresses alone; the others with a heap so large that none of them does.
COLLECTS = re.compile(r"\bgc\b|heapsize|\bfrom (growing|collecting) import\b")
ADDRESSES_ONLY = ["--undef-value-errors=no"]
NEVER_COLLECTED = "256m"
VALGRIND = ["valgrind", "-q", "--error-exitcode=9", "--num-callers=20", "--suppressions=" + SUPPRESSIONS]
REPORTS = ("ERROR: AddressSanitizer", "runtime error:", "==ERROR", "LeakSanitizer", "Invalid read", "Invalid write")
# Seed, batches: under AddressSanitizer. Seed, batches, repeats: the heap of the interpreter under test stays.
BOUNDARY = os.path.join(process.TESTS, "fuzz", "python", "boundary.py")
BOUNDARIES = {"boundary/asan": (ASAN, "1", "40"), "boundary/heap": (None, "1", "1", "18")}
BOUNDARY_LIMIT = 120
SLOWER = 10
QUICK = {"COAP_TEST_QUICK": "1"}
# Detecting leaks is no use with a collector: what it has not collected at exit is not leaked.
ASAN_OPTIONS = {"ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0:abort_on_error=0:exitcode=9"}


def passes(interpreter, name, wrapper, environment, folder=python.FOLDER, heapsize=None):
    status, output, difference = python.execute(interpreter, name, wrapper, SLOWER, environment, folder, heapsize)
    reported = [word for word in REPORTS if word in output]
    if status != 0 or difference or reported:
        raise Failed("exit status %s\n%s" % (status, output[-6000:] if reported or status == 9 else difference))


def holds(interpreter, *arguments):
    """The boundary to Python, fuzzed with seeds that are always the same."""
    argv = [interpreter, "-X", "heapsize=8m", BOUNDARY, *arguments]
    status, output = process.run(argv, BOUNDARY_LIMIT, env=ASAN_OPTIONS)
    if status != 0 or any(word in output for word in REPORTS):
        raise Failed("exit status %s\n%s" % (status, output[-6000:]))


def collects(test):
    with open(os.path.join(process.TESTS, "py", test + ".py")) as source:
        return COLLECTS.search(source.read()) is not None


def armed():
    """The build has both sanitizers at all."""
    _, output = process.run([ASAN, "-c", "pass"], 30, env={"ASAN_OPTIONS": "help=1"})
    if "AddressSanitizer" not in output:
        raise Failed(output)
    with open(ASAN, "rb") as file:
        if b"__ubsan_handle_" not in file.read():
            raise Failed("no UndefinedBehaviorSanitizer")


def has_symbols(interpreter):
    """Whether valgrind can tell the collector's functions by name, as the suppressions need."""
    with open(interpreter, "rb") as file:
        return b".symtab" in file.read()


def made(report, target, interpreter):
    """Whether there is this interpreter, which `make TARGET` makes."""
    if os.access(interpreter, os.X_OK):
        return True
    status, output = process.run(["make", target], 900)
    if status == 0 and os.access(interpreter, os.X_OK):
        return True
    report.fail("memory/" + target, "no %s, and make %s did not make it:\n%s" % (interpreter, target, output[-4000:]))
    return False


def run(report, options):
    setup.programs("valgrind")
    tests = python.names()
    jobs = []

    def one(tool, name, *arguments):
        report.test("memory/%s/%s" % (tool, name), lambda: passes(*arguments), python.uses_sockets(name))

    valgrind = options.chosen(["valgrind/" + test for test in tests])
    if valgrind and not has_symbols(setup.interpreter()):
        report.fail("memory/valgrind", "the interpreter is stripped; link it with STRIP=", len(valgrind))
        valgrind = []
    for name in valgrind:
        test = name.partition("/")[2]
        wrapper, heapsize = (VALGRIND + ADDRESSES_ONLY, None) if collects(test) else (VALGRIND, NEVER_COLLECTED)
        run = (setup.interpreter(), test, wrapper, QUICK, python.FOLDER, heapsize)
        jobs.append(lambda test=test, run=run: one("valgrind", test, *run))
    asan = options.chosen(["asan/" + test for test in tests])
    wants_asan = asan or options.chosen(["boundary/asan"])
    if wants_asan and not made(report, "asan", ASAN):
        asan = []
    if asan:
        jobs.append(lambda: report.test("memory/asan is in the build", armed))
    for name in asan:
        test = name.partition("/")[2]
        jobs.append(lambda test=test: one("asan", test, ASAN, test, (), {**QUICK, **ASAN_OPTIONS}))
    for name in options.chosen(list(BOUNDARIES)):
        interpreter, *arguments = BOUNDARIES[name]
        interpreter = interpreter or setup.interpreter()
        jobs.append(lambda name=name, run=(interpreter, *arguments): report.test("memory/" + name, lambda: holds(*run)))
    # What the tests share lies in both folders.
    path = {"MICROPYPATH": ":".join((FAULTS_FOLDER, python.FOLDER, ".frozen"))}
    faults = options.chosen(["faults/" + test for test in python.names(FAULTS_FOLDER)])
    if faults and not made(report, "faults", FAULTS):
        faults = []
    for name in faults:
        test = name.partition("/")[2]
        jobs.append(lambda test=test: report.test("memory/faults/" + test, lambda: passes(FAULTS, test, (), path, FAULTS_FOLDER)))
    options.parallel(jobs)
