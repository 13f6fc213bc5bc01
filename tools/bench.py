#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The comparison with peers, as a Markdown table: CPU time, memory and instructions for the same work over loopback.

CPU time is user and system time of the measured process alone, after start and warm-up. Each round measures every
implementation once; the table has the least of the rounds, as other processes can only make it more, and in brackets
its ratio to the first column. Every answer is checked, and a wrong one ends the run with status 1; so does a count of
instructions above its line in benches/ceilings, which only go down, unless a commit says what was bought with them.

In the build for gateways a GET may take 1.2 times the instructions with 1,000 peers that it takes with one, and a
notification with 50 observers 1.2 times those that it takes with 5.

Usage: bench.py [--rounds N] [--requests N] [--top]
"""

import argparse
import contextlib
import functools
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HERE = os.path.join(ROOT, "tools", "bench")
CEILINGS = os.path.join(ROOT, "benches", "ceilings")
sys.path += [HERE, os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests", "interop")]
sys.dont_write_bytecode = True

import coapmsg  # noqa: E402
import net  # noqa: E402
import programs  # noqa: E402
import rates  # noqa: E402
from load import Load  # noqa: E402
from runner import setup  # noqa: E402
from work import BLOCK, PATH, SIZE, SMALL, large  # noqa: E402

POLL, ASYNCIO, LIBCOAP, AIOCOAP = COLUMNS = ("microcoapy", "microcoapy, asyncio", "libcoap", "aiocoap")
OURS = {POLL: "poll", ASYNCIO: "asyncio"}
OBSERVED = "observed"  # ours too
SERVER, CLIENT = "coap-server-notls", "coap-client-notls"
WARM_UP = 500
COUNTED = 2000  # GETs under valgrind, and twice as many
PEERS = 1000
GATEWAY = os.path.join(ROOT, "build", "micropython-gateway")
OF_ONE, OF_MANY = ("gateway: instructions of a small GET of %s" % peers for peers in ("one peer", "1,000 peers"))
OBSERVERS = 5, 50
TO_FEW, TO_MANY = ("gateway: instructions of a notification to each of %d observers" % count for count in OBSERVERS)
MANY_MOST = 1.2  # times what it is of few
BLOCKS = SIZE // BLOCK
LARGE = large()
LARGE_HEAP = ("-X", "heapsize=8M")  # where the large body is kept; else the interpreter's own, 2 MB

NOTES = """
- Server: the resource is kept in memory and answered by a handler. GETs are confirmable, {small} bytes of payload, from
  benches/load.rs; blocks of {block} bytes come one after the other.
- Client: small GETs go to benches/load.rs, bodies to and from a server of libcoap; they are put together in memory.
- Bare echoes send back what comes, and do nothing else. A stored value: `coap.resource(path, value=...)`.
- microcoapy: `while True: coap.loop()` and `.wait()`; asyncio: `coap.run()` and `await`. Handlers and callers are
  MicroPython bytecode, as aiocoap's are CPython's; libcoap's are C.
- libcoap: `{server}`, `{client}` and the library as Debian builds them. The client makes one
  request per process: a transfer is its process less that of one small GET, a download goes to a file. For small GETs:
  benches/libcoap_client.c.
- Instructions: callgrind's, of a process that does the work twice, less those of one that does it once; user mode only.
  Each request finds the server asleep.
- Peak memory: VmHWM of the process, interpreter included, one process for GETs, one for 1 MB up and down. MicroPython's
  heap fills before it is collected: 2 MB of it, 8 MB for 1 MB bodies.
- Heap of our server's endpoint at most, handlers and the streams that are bodies here included, in bytes:
  {heaps}.
- The least of {rounds} rounds of {requests:,} GETs and one transfer each way, and its ratio to the first column. A time
  is above the least by {spread:.0f} % in the median. All processes share one CPU.
- {versions}.
"""


# ---- processes -----------------------------------------------------------------------------------


def script(name, *arguments, options=(), before=(), interpreter=programs.INTERPRETER):
    """A program of tools/bench, ready: build/micropython runs it unless it is aiocoap's."""
    run = [setup.venv()] if name.startswith("aiocoap") else [interpreter, *options]
    argv = [*before, *run, os.path.join(HERE, name), *map(str, arguments)]
    program = programs.Program(argv, env={"PYTHONDONTWRITEBYTECODE": "1"})
    program.wait_line("^ready$", 60)
    return program


def server(name, options=(), before=(), interpreter=programs.INTERPRETER):
    """(program, port)"""
    port = net.free_port()
    if name in OURS:
        settings = {"options": options, "before": before, "interpreter": interpreter}
        return script("server.py", port, OURS[name], **settings), port
    if name == OBSERVED:
        return script("observed.py", port, options=options, before=before, interpreter=interpreter), port
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


# ---- what is measured ----------------------------------------------------------------------------


def measure_server(name, count, add):
    program, port = server(name)
    with program, Load(port) as load:
        add("server: peak memory when started", name, peak(program))
        load.put(SMALL)
        rates.measure_server(name, program, port, count, add, spent)
        add("server: peak memory after GETs", name, peak(program))
    program, port = server(name, options=LARGE_HEAP)
    with program, Load(port) as load:
        load.put(SMALL)
        load.gets(WARM_UP, SMALL)
        add("server: 1 MB up", name, spent(program, BLOCKS, load.upload, LARGE))
        add("server: 1 MB down", name, spent(program, BLOCKS, load.download, LARGE))
        add("server: peak memory after 1 MB", name, peak(program))


def measure_beside(count, add):
    """A stored value, and bare echoes."""
    port = net.free_port()
    starts = {
        rates.STORED: lambda: (script("server.py", port, "stored"), port),
        rates.ECHO_MICROPYTHON: lambda: (script("echo.py", port), port),
        rates.ECHO_C: rates.echo,
    }
    for name, start in starts.items():
        program, port_of = start()
        with program:
            rates.measure_server(name, program, port_of, count, add, spent)


def command(program, line):
    start = len(program.lines)
    program.process.stdin.write(line.encode() + b"\n")
    program.wait_line("^done$", 120, start)


def with_large(port, work):
    """What work() gives, which uploads the large body."""
    with Load(port) as load:
        load.put(SMALL)
        result = work()
        load.download(LARGE)
    return result


def measure_client(name, count, small_port, large_port, add):
    uris = ["coap://127.0.0.1:%d/%s" % (port, PATH) for port in (small_port, large_port)]
    if name in OURS:
        program = script("client.py", OURS[name], *uris, options=LARGE_HEAP)
    else:
        program = script("aiocoap_client.py", *uris)
    with program:
        rates.measure_client(name, program, count, add, spent, command)
        up = with_large(large_port, lambda: spent(program, BLOCKS, command, program, "upload"))
        add("client: 1 MB up", name, up)
        add("client: 1 MB down", name, spent(program, BLOCKS, command, program, "download"))


def libcoap_process(port, wanted, *options):
    """Microseconds of one run of libcoap's client, whose output must be `wanted`."""
    with tempfile.TemporaryDirectory() as folder:
        got = os.path.join(folder, "got")
        uri = "coap://127.0.0.1:%d/%s" % (port, PATH)
        process = subprocess.Popen([programs.needs(CLIENT), "-o", got, *options, uri], stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        body = b""
        if os.path.exists(got):
            with open(got, "rb") as file:
                body = file.read()
        assert process.returncode == 0 and body == wanted, "%s: %d bytes" % (process.args, len(body))
    return (usage.ru_utime + usage.ru_stime) * 1e6


def measure_libcoap_client(small_port, large_port, add):
    once = min(libcoap_process(small_port, SMALL) for _ in range(5))
    with tempfile.NamedTemporaryFile() as file:
        file.write(LARGE)
        file.flush()
        options = "-m", "put", "-f", file.name, "-b", str(BLOCK)
        up = with_large(large_port, lambda: libcoap_process(large_port, b"", *options))
    down = libcoap_process(large_port, LARGE, "-b", str(BLOCK))
    add("client: 1 MB up", LIBCOAP, (up - once) / BLOCKS)
    add("client: 1 MB down", LIBCOAP, (down - once) / BLOCKS)


def measure_clients(count, add):
    first, small_port = rates.responder()
    second, port = server(LIBCOAP)
    third, large_port = server(LIBCOAP)
    with first, second, third:
        with Load(port) as load:
            load.put(SMALL)
        for name in COLUMNS:
            if name == LIBCOAP:
                with rates.libcoap_client(small_port) as program:
                    rates.measure_client(name, program, count, add, spent, command)
                measure_libcoap_client(port, large_port, add)
            else:
                measure_client(name, count, small_port, large_port, add)


def heap():
    """Bytes of MicroPython's heap that our server takes at most: for small GETs, 1 MB down, 1 MB up."""
    port = net.free_port()
    with script("heap.py", port, options=LARGE_HEAP), Load(port) as load:
        works = (
            lambda: load.gets(WARM_UP, SMALL, "small"),
            lambda: load.download(LARGE, "stream"),
            lambda: load.upload(LARGE, "stream"),
        )
        for work in works:
            load.ask(1, "most")
            work()
            yield int(load.ask(1, "most").payload)


# ---- callgrind -----------------------------------------------------------------------------------


def small_gets(loads, times):
    """Of each in turn."""
    loads[0].put(SMALL)
    for at in range(times * COUNTED):
        loads[at % len(loads)].gets(1, SMALL)


def downloads(loads, times):
    (load,) = loads
    load.upload(LARGE)
    for _ in range(times):
        load.download(LARGE)


def notifying(loads, times):
    """Each change is told to all, who acknowledge it; COUNTED notifications, and twice as many."""
    changer, *observers = loads
    for load in observers:
        load.observe(SMALL)
    for _ in range(times * COUNTED // len(observers)):
        changer.ask(coapmsg.POST)
        for load in observers:
            load.take_notification(SMALL)


def valgrind(path):
    return "valgrind", "--tool=callgrind", "--callgrind-out-file=" + path


def counted(path):
    """Instructions of a process's whole life."""
    with open(path) as profile:
        return int(re.search(r"(?m)^(?:summary|totals): (\d+)", profile.read())[1])


def serving(name, work, times, path, peers=1, interpreter=programs.INTERPRETER):
    program, port = server(name, LARGE_HEAP if name in (*OURS, OBSERVED) else (), valgrind(path), interpreter)
    with contextlib.ExitStack() as stack:
        stack.enter_context(program)
        work([stack.enter_context(Load(port, program.process.pid)) for _ in range(peers)], times)
        programs.interrupt(program)
        program.wait_end()
    return counted(path)


def asking(name, port, times, path):
    uri = "coap://127.0.0.1:%d/%s" % (port, PATH)
    program = script("client.py", OURS[name], uri, uri, options=LARGE_HEAP, before=valgrind(path))
    with program:
        command(program, "get %d 1" % (times * COUNTED))
        program.process.stdin.close()
        program.wait_end()
    return counted(path)


def idling(times, path):
    program = script("idle.py", times * COUNTED, before=valgrind(path))
    with program:
        program.wait_end()
    return counted(path)


def show_top(title, path):
    report = subprocess.run(["callgrind_annotate", path], capture_output=True, text=True, check=True)
    print(title, *report.stdout.split("file:function", 1)[1].splitlines()[2:14], sep="\n", file=sys.stderr)


def measure_instructions(add, top):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "profile")

        def measure(row, name, count, life, *arguments):
            once, twice = (life(*arguments, times, path) for times in (1, 2))
            add(row, name, (twice - once) / count)
            if top:
                show_top("%s, %s" % (row, name), path)

        for name in (POLL, ASYNCIO, LIBCOAP):
            measure("server: instructions of a small GET", name, COUNTED, serving, name, small_gets)
            measure("server: instructions of a block down", name, BLOCKS, serving, name, downloads)
        program, port = server(LIBCOAP)
        with program:
            with Load(port) as load:
                load.put(SMALL)
            for name in OURS:
                measure("client: instructions of a small GET", name, COUNTED, asking, name, port)
        measure("instructions of an idle pass", POLL, COUNTED, idling)
        for row, peers in ((OF_ONE, 1), (OF_MANY, PEERS)):
            gateway = functools.partial(serving, peers=peers, interpreter=GATEWAY)
            measure(row, POLL, COUNTED, gateway, POLL, small_gets)
        for row, count in zip((TO_FEW, TO_MANY), OBSERVERS):
            gateway = functools.partial(serving, peers=1 + count, interpreter=GATEWAY)
            measure(row, POLL, COUNTED, gateway, OBSERVED, notifying)


def ceilings():
    """{row: instructions that ours may take}"""
    with open(CEILINGS) as file:
        lines = (line.rstrip().rsplit(" ", 1) for line in file if line.strip() and not line.startswith("#"))
        return {row: int(most) for row, most in lines}


def above_ceilings(results):
    """What has grown; AssertionError if there is something that is not measured any more."""
    for row, most in ceilings().items():
        assert (row, POLL) in results, "%s: no row %r" % (CEILINGS, row)
        least = min(results[row, POLL])
        if least > most:
            yield "%s: %.0f, more than %d" % (row, least, most)
    for of_few, of_many in ((OF_ONE, OF_MANY), (TO_FEW, TO_MANY)):
        few, many = (min(results[row, POLL]) for row in (of_few, of_many))
        if many > MANY_MOST * few:
            yield "%s: %.2f times as many as of few, more than %.1f" % (of_many, many / few, MANY_MOST)


# ---- the table -----------------------------------------------------------------------------------

ROWS = {
    **dict.fromkeys(rates.SERVED, "µs per request"),
    "server: 1 MB down": "µs per block",
    "server: 1 MB up": "µs per block",
    **dict.fromkeys(rates.ASKED, "µs per request"),
    "client: 1 MB down": "µs per block",
    "client: 1 MB up": "µs per block",
    "server: instructions of a small GET": "per request",
    "client: instructions of a small GET": "per request",
    "instructions of an idle pass": "per pass",
    "server: instructions of a block down": "per block",
    OF_ONE: "per request",
    OF_MANY: "per request",
    TO_FEW: "per notification",
    TO_MANY: "per notification",
    "server: peak memory when started": "MB",
    "server: peak memory after GETs": "MB",
    "server: peak memory after 1 MB": "MB",
}


def cell(row, name, results):
    if (row, name) not in results:
        return "–"
    least = min(results[row, name])
    text = "{:,.0f}" if least >= 1000 else "{:.1f}"
    if name != COLUMNS[0]:
        text += " (%.2f)" % (least / min(results[row, COLUMNS[0]]))
    return text.format(least)


def spread(results):
    """By how many percent a time is above the least of its rounds, in the median."""
    times = (values for (row, _), values in results.items() if ROWS[row].startswith("µs"))
    return statistics.median((value / min(values) - 1) * 100 for values in times for value in values)


def versions():
    show = "import sys, microcoapy; print(microcoapy.__version__, sys.version.split('; ')[1])"
    ours = [programs.INTERPRETER, "-c", show]
    show = "import aiocoap.meta, platform; print(aiocoap.meta.version, platform.python_version())"
    peer = [setup.venv(), "-c", show]
    own, micropython = subprocess.run(ours, capture_output=True, text=True, check=True).stdout.split(" ", 1)
    aiocoap, python = subprocess.run(peer, capture_output=True, text=True, check=True).stdout.split()
    usage = subprocess.run([programs.needs(SERVER), "-?"], capture_output=True, text=True)
    libcoap = re.search(r"v(\d[\w.]*)", usage.stderr + usage.stdout)[1]
    with open("/proc/cpuinfo") as cpuinfo:
        model = re.search(r"model name\s*: (.*)|$", cpuinfo.read())[1] or "CPU unknown"
    machine = "%s, %d CPUs, %s %s" % (model, os.cpu_count(), platform.system(), platform.machine())
    return "microcoapy %s on %s; libcoap %s; aiocoap %s on CPython %s; %s" % (
        own, micropython.strip(), libcoap, aiocoap, python, machine,
    )  # fmt: skip


def run(arguments):
    results = {}

    def add(row, name, value):
        results.setdefault((row, name), []).append(value)

    for _ in range(arguments.rounds):
        for name in COLUMNS:
            measure_server(name, arguments.requests, add)
        measure_beside(arguments.requests, add)
        measure_clients(arguments.requests, add)
    measure_instructions(add, arguments.top)
    show(arguments, results)
    grown = list(above_ceilings(results))
    assert not grown, "; ".join(grown)


def show_table(columns, rows, results):
    print("| work | unit | %s |" % " | ".join(columns))
    print("|---" * (len(columns) + 2) + "|")
    for row in rows:
        if any((row, name) in results for name in columns):
            print("| %s | %s | %s |" % (row, ROWS[row], " | ".join(cell(row, name, results) for name in columns)))


def show(arguments, results):
    show_table(COLUMNS, ROWS, results)
    if arguments.rounds == 0:
        return
    print()
    show_table((POLL, *rates.BESIDE), rates.SERVED, results)
    heaps = "{:,} for small GETs, {:,} for 1 MB down, {:,} for 1 MB up".format(*heap())
    print(
        NOTES.format(
            small=len(SMALL), block=BLOCK, server=SERVER, client=CLIENT, heaps=heaps,
            rounds=arguments.rounds, requests=arguments.requests, spread=spread(results), versions=versions(),
        ), end="",
    )  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="0: instructions alone")
    parser.add_argument("--requests", type=int, default=2000, help="small GETs per round")
    parser.add_argument("--top", action="store_true", help="callgrind's top functions, to standard error")
    arguments = parser.parse_args()
    # All on one CPU: waking another one costs the sender more than a datagram does, and happens or not by chance.
    # A descriptor for each peer.
    resource.setrlimit(resource.RLIMIT_NOFILE, (2 * PEERS + 100, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    try:
        setup.programs(SERVER, CLIENT, "valgrind")
        run(arguments)
    except (AssertionError, OSError, setup.Missing) as error:
        sys.exit("bench: %s" % error)
    finally:
        programs.stop_all()


if __name__ == "__main__":
    main()
