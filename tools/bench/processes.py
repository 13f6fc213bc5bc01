# SPDX-License-Identifier: MIT
"""The programs that are measured, and what they have taken."""

import os
import re
import time

import net
import programs
from runner import setup

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.dirname(os.path.abspath(__file__))
GATEWAY = os.path.join(ROOT, "build", "micropython-gateway")
POLL, ASYNCIO, LIBCOAP, AIOCOAP = COLUMNS = ("microcoapy", "microcoapy, asyncio", "libcoap", "aiocoap")
OURS = {POLL: "poll", ASYNCIO: "asyncio"}
STORED, OBSERVED = "stored", "observed"  # ours too
SERVER, CLIENT = "coap-server-notls", "coap-client-notls"
LARGE_HEAP = ("-X", "heapsize=8M")  # where the large body is kept; else the interpreter's own, 2 MB


def script(name, *arguments, options=(), before=(), interpreter=programs.INTERPRETER):
    """A program of tools/bench, ready: build/micropython runs it unless it is aiocoap's."""
    run = [setup.venv()] if name.startswith("aiocoap") else [interpreter, *options]
    argv = [*before, *run, os.path.join(HERE, name), *map(str, arguments)]
    program = programs.Program(argv, env={"PYTHONDONTWRITEBYTECODE": "1"})
    program.wait_line("^ready$", 60)
    return program


def server(name, options=(), before=(), interpreter=programs.INTERPRETER, resources=1):
    """(program, port); `resources`: how many ours has."""
    port = net.free_port()
    settings = {"options": options, "before": before, "interpreter": interpreter}
    if name in OURS or name == STORED:
        return script("server.py", port, OURS.get(name, name), resources, **settings), port
    if name == OBSERVED:
        return script("observed.py", port, **settings), port
    if name == AIOCOAP:
        return script("aiocoap_server.py", port), port
    program = programs.Program([*before, programs.needs(SERVER), "-A", "127.0.0.1", "-p", str(port)])
    net.wait_until_up(("127.0.0.1", port))
    return program, port


def cpu(program):
    """Microseconds of user and system time of the process so far: clock_getcpuclockid(3), finer than /proc."""
    return time.clock_gettime(~program.process.pid << 3 | 2) * 1e6


def peak(program):
    """Megabytes of VmHWM."""
    with open("/proc/%d/status" % program.process.pid) as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) / 1024


def spent(program, count, work, *arguments, **settings):
    """Microseconds per unit."""
    before = cpu(program)
    work(*arguments, **settings)
    return (cpu(program) - before) / count


def command(program, line):
    start = len(program.lines)
    program.process.stdin.write(line.encode() + b"\n")
    program.wait_line("^done$", 120, start)
