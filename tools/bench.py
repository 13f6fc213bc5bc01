#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The comparison with peers, as a Markdown table: CPU time, memory and instructions for the same work over loopback.

CPU time is user and system time of the measured process alone, after start and warm-up. Each round measures every
implementation once; the table has the least of the rounds, as other processes can only make it more, and in brackets
its ratio to the first column. Every answer is checked, and a wrong one ends the run with status 1; so does a count of
instructions above its line in benches/ceilings, which only go down, unless a commit says what was bought with them.

In the build for gateways a GET may take 1.2 times the instructions with 1,000 peers that it takes with one, and a
notification with 50 observers 1.2 times those that it takes with 5. Resources are searched one after the other.

Usage: bench.py [--rounds N] [--requests N] [--top]
"""

import argparse
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HERE = os.path.join(ROOT, "tools", "bench")
sys.path += [HERE, os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests", "interop")]
sys.dont_write_bytecode = True

import codec  # noqa: E402
import instructions  # noqa: E402
import net  # noqa: E402
import programs  # noqa: E402
import protected  # noqa: E402
import rates  # noqa: E402
from load import Load  # noqa: E402
from processes import (  # noqa: E402
    AIOCOAP, CLIENT, COLUMNS, LARGE_HEAP, LIBCOAP, OURS, POLL, SERVER, STORED, command, peak, script, server, spent,
)  # fmt: skip
from runner import setup  # noqa: E402
from work import BLOCK, BLOCKS, PATH, SMALL, large  # noqa: E402

WARM_UP = 500
DESCRIPTORS = 2 * max(instructions.PEERS) + 100
LARGE = large()

NOTES = """
- Server: the resource is kept in memory and answered by a handler. GETs are confirmable, {small} bytes of payload, from
  benches/load.rs; blocks of {block} bytes come one after the other.
- Client: small GETs go to benches/load.rs, bodies to and from a server of libcoap; they are put together in memory.
- Protected: OSCORE, RFC 8613; the other side is always ours.
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
- Heap: on a CPU of 32 bits an object takes half as much. The engine's tables, part of the endpoint, have room for so
  many of each: src/config.rs, with the bytes of an entry.
- Heap of our server's endpoint at most, handlers and the streams that are bodies here included, in bytes:
  {heaps}.
- The least of {rounds} rounds of {requests:,} GETs and one transfer each way, and its ratio to the first column. A time
  is above the least by {spread:.0f} % in the median. All processes share one CPU.
- {versions}.
"""


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
        rates.STORED: lambda: server(STORED),
        rates.ECHO_MICROPYTHON: lambda: (script("echo.py", port), port),
        rates.ECHO_C: rates.echo,
    }
    for name, start in starts.items():
        program, port_of = start()
        with program:
            rates.measure_server(name, program, port_of, count, add, spent)


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


def heap_of_each():
    """{what: bytes of MicroPython's heap for one}"""
    program = script("memory.py")
    with program:
        lines = (line.rpartition(": ") for line in program.output.splitlines() if ": " in line)
        return {what: int(count) for what, _, count in lines}


# ---- the table -----------------------------------------------------------------------------------

ROWS = {
    **dict.fromkeys(rates.SERVED, "µs per request"),
    "server: 1 MB down": "µs per block",
    "server: 1 MB up": "µs per block",
    **dict.fromkeys(rates.ASKED, "µs per request"),
    "client: 1 MB down": "µs per block",
    "client: 1 MB up": "µs per block",
    **protected.ROWS,
    **instructions.ROWS,
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
        protected.measure(arguments.requests // 4, add)
    instructions.measure(add, arguments.top)
    show(arguments, results)
    grown = list(instructions.above_ceilings(results))
    assert not grown, "; ".join(grown)


def show_table(columns, rows, results):
    print("| work | unit | %s |" % " | ".join(columns))
    print("|---" * (len(columns) + 2) + "|")
    for row in rows:
        if any((row, name) in results for name in columns):
            print("| %s | %s | %s |" % (row, ROWS[row], " | ".join(cell(row, name, results) for name in columns)))


def show_heap():
    print("| bytes of the heap, collector off | microcoapy |")
    print("|---|---|")
    for what, count in heap_of_each().items():
        print("| {} | {:,} |".format(what, count))


def show(arguments, results):
    show_table(COLUMNS, ROWS, results)
    if arguments.rounds == 0:
        return
    print()
    show_table((POLL, *rates.BESIDE), rates.SERVED, results)
    print()
    codec.show()
    print()
    show_heap()
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
    # One for each peer.
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
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
