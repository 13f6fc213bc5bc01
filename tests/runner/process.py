# SPDX-License-Identifier: MIT
"""Child processes with a time limit, in a process group of their own that ends with them."""

import contextlib
import os
import signal
import subprocess
import sys
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TESTS = os.path.join(ROOT, "tests")

# Ends with its parent, whatever becomes of that.
BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    for _ in range(10 ** 6): pass\n"

_groups = set()
_lock = threading.Lock()


def _end_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def end_all():
    """For an interrupted run: ends every child and what it started."""
    with _lock:
        for process in _groups:
            _end_group(process)


def environment(changes):
    """This process's environment without what make left in it, and with these changes."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    return {**inherited, **changes}


def run(argv, timeout, cwd=ROOT, env=None, on_line=None, errors=True):
    """Runs to the end: (exit status, output). Status None when the time was up.

    Output is stdout and, with `errors`, stderr together; `on_line` sees each line as it comes.
    """
    process = subprocess.Popen(
        argv,
        cwd=cwd,
        env=environment(env or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if errors else subprocess.DEVNULL,
        start_new_session=True,
    )
    with _lock:
        _groups.add(process)
    timed_out = threading.Event()

    def expire():
        timed_out.set()
        _end_group(process)

    timer = threading.Timer(timeout, expire)
    timer.start()
    lines = []
    try:
        for raw in process.stdout:
            line = raw.decode("utf-8", "backslashreplace")
            lines.append(line)
            if on_line:
                on_line(line.rstrip("\n"))
        status = process.wait()
    finally:
        timer.cancel()
        _end_group(process)
        process.stdout.close()
        with _lock:
            _groups.discard(process)
    output = "".join(lines)
    if timed_out.is_set():
        return None, output + "\ntime limit of %d s passed" % timeout
    return status, output


@contextlib.contextmanager
def busy(count):
    """Runs that many processes that do nothing but use a processor."""
    loops = [subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.DEVNULL) for _ in range(count)]
    try:
        yield loops
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
