# SPDX-License-Identifier: MIT
"""Group 'runner': what the runner and the tests' own tools promise."""

import contextlib
import io
import os
import subprocess
import sys

from runner import process
from runner.report import Failed, Report

INTEROP = os.path.join(process.TESTS, "interop")
# What a lossy proxy does to 200 datagrams of each direction; the order in which these come is an argument.
LOSSY = """
import sys
sys.path[:0] = [%r, %r]
import chance, net
class Datagram:
    def __init__(self, to_server, number):
        self.to_server = to_server
        self.data = number.to_bytes(4, "big")
chance.begin(sys.argv[1])
rule = net.lossy()
fate = {0: [], 1: []}
for to_server in eval(sys.argv[2]):
    fate[to_server].append(rule(Datagram(to_server, len(fate[to_server]))))
print(chance.seed(), fate, chance.mid(), chance.token())
""" % (INTEROP, process.TESTS)
PORTS = """
import sys
sys.path.insert(0, %r)
from runner import ports
print(ports.free(), flush=True)
sys.stdin.read()
""" % process.TESTS


def reported(*functions, sockets):
    """(exit status, output) of a report on tests that each call the next of the functions."""
    left = list(functions)
    with contextlib.redirect_stdout(io.StringIO()) as output:
        report = Report()
        report.test("a/b", lambda: left.pop(0)(), sockets)
        report.settle()
        status = report.finish()
    return status, output.getvalue()


def passing():
    return "a note"


def failing():
    raise Failed("the reason")


def expect(condition, *about):
    if not condition:
        raise Failed("\n".join(map(str, about)))


def a_second_try_is_told_and_counted():
    status, output = reported(failing, passing, sockets=True)
    lines = output.splitlines()
    expect(status == 0 and "UNSTABLE a/b" in lines, output)
    expect("      the reason" in lines and lines[-2:] == ["1 unstable", "1 passed, 0 failed"], output)


def a_second_failure_fails():
    status, output = reported(failing, failing, sockets=True)
    expect(status == 1 and "FAIL  a/b" in output and output.count("the reason") == 2, output)
    expect(output.endswith("0 unstable\n0 passed, 1 failed\n"), output)


def without_sockets_there_is_one_try():
    status, output = reported(failing, passing, sockets=False)
    expect(status == 1 and output.endswith("0 unstable\n0 passed, 1 failed\n"), output)


def a_run_is_judged_by_itself():
    with contextlib.redirect_stdout(io.StringIO()):
        report = Report()
        found = []
        for function in (failing, passing):
            report.begin_run()
            report.test("a/b", function)
            found.append(report.has_passed("a/b"))
    expect(found == [False, True], found)


def python(code, *arguments):
    status, output = process.run([sys.executable, "-B", "-c", code, *arguments], 60)
    expect(status == 0, output)
    return output


def a_seed_gives_the_same_run():
    one = python(LOSSY, "interop/a", "[0] * 200 + [1] * 200")
    again = python(LOSSY, "interop/a", "[1, 0] * 200")
    other = python(LOSSY, "interop/b", "[1, 0] * 200")
    expect(one == again, one, again)
    expect(one != other, one)


def processes_have_ports_of_their_own():
    argv = [sys.executable, "-B", "-c", PORTS]
    runs = [subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    found = [int(run.stdout.readline()) for run in runs]
    for run in runs:
        run.communicate()
    expect(all(abs(a - b) >= 100 for a in found for b in found if a is not b), found)


def busy_processes_end():
    with process.busy(2) as loops:
        expect(all(loop.poll() is None for loop in loops), loops)
    expect(all(loop.poll() is not None for loop in loops), loops)


TESTS = (
    a_second_try_is_told_and_counted,
    a_second_failure_fails,
    without_sockets_there_is_one_try,
    a_run_is_judged_by_itself,
    a_seed_gives_the_same_run,
    processes_have_ports_of_their_own,
    busy_processes_end,
)


def run(report, options):
    tests = {test.__name__: test for test in TESTS}
    for name in options.chosen(tests):
        report.test("runner/" + name, tests[name])
