# SPDX-License-Identifier: MIT
"""Counts results and prints one line per test, from any thread.

A test over sockets that fails is run once more when nothing else runs: `settle`. If it passes then it is UNSTABLE, which
is told and counted, and fails no run. Other tests get no second try.
"""

import collections
import threading
import time
import traceback

SLOWEST = 10


class Failed(Exception):
    """A test has failed; what it has to say."""


class Missing(Exception):
    """Something the tests need is not there and cannot be made."""


def seconds_text(seconds):
    return "%.1f s" % seconds if seconds >= 1 else ""


class Report:
    def __init__(self):
        self.passed = 0
        self.failures = []
        self.unstable = []
        self.skipped = {}  # reason: number of tests
        self._run = 0  # the failures before this run
        self._again = []  # (name, output, function)
        self._seconds = {}
        self._lock = threading.Lock()

    # ---- results

    def begin_run(self):
        self._run = len(self.failures)

    def ok(self, name, note="", count=1, seconds=0):
        with self._lock:
            self.passed += count
            self._took(name, seconds)
            print("  ".join(filter(None, ("pass", name, seconds_text(seconds), note))), flush=True)

    def fail(self, name, output="", count=1, seconds=0, again=None):
        """`again` runs the test once more: it returns or raises Failed."""
        with self._lock:
            self._took(name, seconds)
            if again:
                self._again.append((name, output, again))
                print("again %s: failed, gets a second try" % name, flush=True)
                return
            self.failures += [name] * count
            self._print("FAIL  " + name, output)

    def skip(self, name, reason, count=1):
        """Tests that cannot be run here; the reason's last line comes into the summary."""
        line = reason.strip().split("\n")[-1]
        with self._lock:
            self.skipped[line] = self.skipped.get(line, 0) + count
            print("skip  %s  %d tests: %s" % (name, count, reason), flush=True)

    def note(self, text):
        with self._lock:
            print(text, flush=True)

    def test(self, name, function, sockets=False):
        """Runs one test, which raises when it fails, and may return a note. Whether it has passed, so far."""
        started = time.monotonic()
        note, output = outcome(function)
        seconds = time.monotonic() - started
        if output is None:
            self.ok(name, note or "", seconds=seconds)
        else:
            self.fail(name, output, seconds=seconds, again=function if sockets else None)
        return output is None

    # ---- second tries

    def settle(self):
        """Second tries, one after the other, with nothing else running."""
        again, self._again = self._again, []
        for name, output, function in again:
            _, second = outcome(function)
            outputs = "-- the first time:\n%s\n-- the second time, alone:\n%s" % (output, second or "passed")
            with self._lock:
                if second is None:
                    self.passed += 1
                    self.unstable.append(name)
                    self._print("UNSTABLE " + name, outputs)
                else:
                    self.failures.append(name)
                    self._print("FAIL  " + name, outputs)

    def has_passed(self, name):
        """In this run, after `settle`."""
        return name not in self.failures[self._run :]

    # ---- the end

    def count(self):
        return self.passed + len(self.failures) + sum(self.skipped.values())

    def finish(self, runs=1):
        """Prints the summary; the exit status."""
        for name, seconds in sorted(self._seconds.items(), key=lambda item: -item[1])[:SLOWEST]:
            print("slow  %5.1f s  %s" % (seconds, name))
        if self.failures:
            print("failed: " + " ".join(dict.fromkeys(self.failures)))
        if runs > 1:
            times = collections.Counter(self.failures + self.unstable)
            for name, number in times.most_common():
                print("not stable: %s, %d of %d runs" % (name, number, runs))
            print("%d runs, %d tests not stable" % (runs, len(times)))
        if not self.passed and not self.failures:
            print("no test ran")
        print("%d unstable" % len(self.unstable))
        line = "%d passed, %d failed" % (self.passed, len(self.failures))
        for reason, count in self.skipped.items():
            line += ", %d skipped: %s" % (count, reason)
        print(line, flush=True)
        return 0 if self.passed and not self.failures else 1

    def _took(self, name, seconds):
        self._seconds[name] = max(seconds, self._seconds.get(name, 0))

    @staticmethod
    def _print(title, output):
        print(title)
        for line in output.rstrip().split("\n"):
            print("      " + line)
        print(end="", flush=True)


def outcome(function):
    """(note, None), or (None, what the failed test says). Missing comes out."""
    try:
        return function(), None
    except Missing:
        raise
    except (Failed, AssertionError) as error:
        return None, str(error) or traceback.format_exc()
    except Exception:
        return None, traceback.format_exc()
