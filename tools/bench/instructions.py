# SPDX-License-Identifier: MIT
"""Instructions, as callgrind counts them in user mode: of a process that does the work twice, less those of one that does
it once. Each request finds the server asleep."""

import contextlib
import os
import re
import subprocess
import sys
import tempfile

import coapmsg
import programs
from load import Load
from processes import ASYNCIO, GATEWAY, LARGE_HEAP, LIBCOAP, OBSERVED, OURS, POLL, ROOT, STORED, command, script, server
from work import BLOCKS, PATH, SMALL, large

CEILINGS = os.path.join(ROOT, "benches", "ceilings")
COUNTED = 2000  # GETs under valgrind, and twice as many
LARGE = large()
GROWTH = 1, 10, 100, 1000  # peers, or resources
OBSERVERS = 5, 50
MANY_MOST = 1.2  # times what it is of few
GET, GET_STORED = "server: instructions of a small GET", "server: instructions of a GET of a stored value"
ASKED, DOWN = "client: instructions of a small GET", "server: instructions of a block down"
IDLE = "instructions of an idle pass"
PEERS = {count: "gateway: instructions of a small GET, peers: {:,}".format(count) for count in GROWTH}
RESOURCES = {count: "gateway: instructions of a small GET, resources: {:,}".format(count) for count in GROWTH}
NOTIFICATIONS = {count: "gateway: instructions of a notification to each of %d observers" % count for count in OBSERVERS}
ROWS = {
    GET: "per request",
    GET_STORED: "per request",
    ASKED: "per request",
    IDLE: "per pass",
    DOWN: "per block",
    **dict.fromkeys([*PEERS.values(), *RESOURCES.values()], "per request"),
    **dict.fromkeys(NOTIFICATIONS.values(), "per notification"),
}


# ---- work: once, or twice ------------------------------------------------------------------------


def small_gets(loads, times):
    """Of each in turn."""
    for at in range(times * COUNTED):
        loads[at % len(loads)].gets(1, SMALL)


def gets_of_what_was_put(loads, times):
    loads[0].put(SMALL)
    small_gets(loads, times)


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


# ---- lives of processes --------------------------------------------------------------------------


def valgrind(path):
    return "valgrind", "--tool=callgrind", "--callgrind-out-file=" + path


def counted(path):
    """Instructions of a process's whole life."""
    with open(path) as profile:
        return int(re.search(r"(?m)^(?:summary|totals): (\d+)", profile.read())[1])


def serving(name, work, times, path, peers=1, **settings):
    options = () if name == LIBCOAP else LARGE_HEAP
    program, port = server(name, options, valgrind(path), **settings)
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


# ---- all of them ---------------------------------------------------------------------------------


def show_top(title, path):
    report = subprocess.run(["callgrind_annotate", path], capture_output=True, text=True, check=True)
    print(title, *report.stdout.split("file:function", 1)[1].splitlines()[2:14], sep="\n", file=sys.stderr)


def measure(add, top):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "profile")

        def one(row, name, count, life, *arguments, **settings):
            once, twice = (life(*arguments, times, path, **settings) for times in (1, 2))
            add(row, name, (twice - once) / count)
            if top:
                show_top("%s, %s" % (row, name), path)

        for name in (POLL, ASYNCIO, LIBCOAP):
            one(GET, name, COUNTED, serving, name, gets_of_what_was_put)
            one(DOWN, name, BLOCKS, serving, name, downloads)
        one(GET_STORED, POLL, COUNTED, serving, STORED, small_gets)
        program, port = server(LIBCOAP)
        with program:
            with Load(port) as load:
                load.put(SMALL)
            for name in OURS:
                one(ASKED, name, COUNTED, asking, name, port)
        one(IDLE, POLL, COUNTED, idling)
        for count, row in PEERS.items():
            one(row, POLL, COUNTED, serving, POLL, gets_of_what_was_put, peers=count, interpreter=GATEWAY)
        for count, row in RESOURCES.items():
            one(row, POLL, COUNTED, serving, POLL, gets_of_what_was_put, resources=count, interpreter=GATEWAY)
        for count, row in NOTIFICATIONS.items():
            one(row, POLL, COUNTED, serving, OBSERVED, notifying, peers=1 + count, interpreter=GATEWAY)


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
    for rows in (PEERS, NOTIFICATIONS):
        of_few, of_many = (min(results[rows[count], POLL]) for count in (min(rows), max(rows)))
        if of_many > MANY_MOST * of_few:
            yield "%s: %.2f times as many as of few, more than %.1f" % (rows[max(rows)], of_many / of_few, MANY_MOST)
