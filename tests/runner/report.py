# SPDX-License-Identifier: MIT
"""Counts results and prints one line per test, from any thread."""

import threading


class Report:
    def __init__(self):
        self.passed = 0
        self.failures = []
        self.skipped = {}  # reason: number of tests
        self._lock = threading.Lock()

    def ok(self, name, note="", count=1):
        with self._lock:
            self.passed += count
            print("pass  %s%s" % (name, "  " + note if note else ""), flush=True)

    def fail(self, name, output="", count=1):
        with self._lock:
            self.failures += [name] * count
            print("FAIL  %s" % name)
            for line in output.rstrip().split("\n"):
                print("      " + line)
            print(end="", flush=True)

    def skip(self, name, reason, count=1):
        """Tests that cannot be run here; the reason's last line comes into the summary."""
        line = reason.strip().split("\n")[-1]
        with self._lock:
            self.skipped[line] = self.skipped.get(line, 0) + count
            print("skip  %s  %d tests: %s" % (name, count, reason), flush=True)

    def count(self):
        return self.passed + len(self.failures) + sum(self.skipped.values())

    def note(self, text):
        with self._lock:
            print(text, flush=True)

    def finish(self):
        """Prints the summary; the exit status."""
        if self.failures:
            print("failed: " + " ".join(dict.fromkeys(self.failures)))
        if not self.passed and not self.failures:
            print("no test ran")
        line = "%d passed, %d failed" % (self.passed, len(self.failures))
        for reason, count in self.skipped.items():
            line += ", %d skipped: %s" % (count, reason)
        print(line, flush=True)
        return 0 if self.passed and not self.failures else 1
