#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs boundary.py for some seconds: run.py SECONDS [SEED]

Batches of successive seeds, from where the last run ended or from SEED on, by turns under build/micropython-asan and
build/micropython; then one seed again and again, for the heap. A finding is a status other than 0, a report of the
sanitizer, or a batch without end; its seed is printed, the exit status is 1, and all output is in build/fuzz/python.log.
"""

import collections
import os
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
WORK = os.path.join(ROOT, "build", "fuzz")
# A SequenceFile may have any name.
FILES = os.path.join(WORK, "files")
INTERPRETERS = [os.path.join(ROOT, "build", name) for name in ("micropython-asan", "micropython")]
SCRIPT = os.path.join(HERE, "boundary.py")
HEAP = ["-X", "heapsize=8m"]
# What MicroPython's collector needs of the sanitizer; what it has not collected at exit is not leaked.
ENVIRONMENT = {"ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0", "TERM": "dumb"}
BATCHES = 100
REPEATS = 18
# Seconds that a batch may take on a busy machine, under the sanitizer.
BATCH_LIMIT = 60
REPORTS = ("AddressSanitizer", "runtime error:", "FINDING")
LINES_KEPT = 5000


class Run:
    """One process: its seeds, and what is wrong (None: nothing)."""

    def __init__(self, interpreter, *arguments):
        self.argv = [interpreter, *HEAP, SCRIPT, *map(str, arguments)]
        self.seed = arguments[0]
        self.batches = 0
        self.lines = collections.deque(maxlen=LINES_KEPT)
        self.finding = None

    def follow(self, until):
        """Reads on; ends the process at that time, or when a batch has no end."""
        process = subprocess.Popen(
            self.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **ENVIRONMENT},
            cwd=FILES,
        )
        hangs = threading.Event()
        timer = None
        for line in process.stdout:
            line = line.decode("utf-8", "backslashreplace").rstrip("\n")
            self.lines.append(line)
            if any(word in line for word in REPORTS):
                self.finding = self.finding or line
            if timer is None or line.startswith("seed "):
                timer = self._restart(timer, process, hangs)
            if line.startswith("seed "):
                self.seed = int(line[5:])
                self.batches += 1
                if time.monotonic() > until:
                    break
        self._end(process, timer, hangs, time.monotonic() > until)

    @staticmethod
    def _restart(timer, process, hangs):
        def end():
            hangs.set()
            process.kill()

        if timer is not None:
            timer.cancel()
        timer = threading.Timer(BATCH_LIMIT, end)
        timer.start()
        return timer

    def _end(self, process, timer, hangs, time_is_up):
        if time_is_up and self.finding is None:
            process.kill()
        process.stdout.close() if time_is_up else None
        status = process.wait()
        if timer is not None:
            timer.cancel()
        if hangs.is_set():
            self.finding = "no end within %d s" % BATCH_LIMIT
        elif status != 0 and not time_is_up:
            self.finding = self.finding or "status %d" % status


def tell(run):
    with open(os.path.join(WORK, "python.log"), "w") as log:
        log.write("\n".join(run.lines) + "\n")
    print("\n".join(list(run.lines)[-40:]))
    again = [run.argv[0], *HEAP, SCRIPT, str(run.seed), "1", "-v"]
    print("FINDING, seed %d: %s" % (run.seed, run.finding))
    print("again: " + " ".join(os.path.relpath(part) if part.startswith(ROOT) else part for part in again))
    return 1


def first_seed(path):
    try:
        with open(path) as file:
            return int(file.read())
    except (OSError, ValueError):
        return 1


def fuzz(seconds, seed):
    """The run with a finding, or None; and how many batches there were, and the next seed."""
    started = time.monotonic()
    until = started + seconds
    batches = 0
    for turn in range(sys.maxsize):
        if time.monotonic() >= until:
            return None, batches, seed
        run = Run(INTERPRETERS[turn % 2], seed, BATCHES)
        run.follow(until)
        batches += run.batches
        if run.finding:
            return run, batches, seed
        seed = run.seed + 1


def main():
    seconds = float(sys.argv[1])
    os.makedirs(FILES, exist_ok=True)
    path = os.path.join(WORK, "python.seed")
    first = seed = int(sys.argv[2]) if len(sys.argv) > 2 else first_seed(path)
    run, batches, seed = fuzz(seconds, seed)
    if run is None:
        run = Run(INTERPRETERS[1], first, 1, REPEATS)
        run.follow(time.monotonic() + REPEATS * BATCH_LIMIT)
    if run.finding:
        return tell(run)
    with open(path, "w") as file:
        file.write(str(seed))
    print("%d batches, seeds %d to %d; %s" % (batches, first, seed - 1, run.lines[-1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
