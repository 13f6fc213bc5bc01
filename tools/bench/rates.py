# SPDX-License-Identifier: MIT
"""Small GETs one after the other and many at once, the same for every implementation: benches/load.rs asks, or answers.

A bare echo is the least that a server can do: it only sends back what comes.
"""

import functools
import json
import os
import subprocess

import programs
from work import PATH, SMALL

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build", "bench")
WINDOWS = 1, 16  # GETs under way
WARM_UP = 500
STORED, ECHO_MICROPYTHON, ECHO_C = BESIDE = (
    "microcoapy, stored value", "bare echo in MicroPython", "bare echo in C",
)  # fmt: skip
SERVED, ASKED = (["%s: a small GET, %d under way" % (side, window) for window in WINDOWS] for side in ("server", "client"))


@functools.cache
def built(bench, **environment):
    """The program of benches/BENCH.rs."""
    argv = ["cargo", "build", "--quiet", "--locked", "--release", "--bench", bench, "--message-format=json"]
    environment = {**os.environ, **environment}
    lines = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True, env=environment).stdout.splitlines()
    (program,) = filter(None, (json.loads(line).get("executable") for line in lines))
    return program


@functools.cache
def compiled(name, *libraries):
    """The program of benches/NAME.c."""
    os.makedirs(BUILD, exist_ok=True)
    program = os.path.join(BUILD, name)
    source = os.path.join(ROOT, "benches", name + ".c")
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", source, "-o", program, *libraries], check=True)
    return program


def echo():
    """(program, port) of the bare echo in C."""
    program = programs.Program([compiled("echo")])
    return program, int(program.wait_line(r"^\d+$", 60)[0])


def responder():
    """(program, port) of the server that clients are measured with."""
    program = programs.Program([built("load"), "answer", SMALL.decode()])
    return program, int(program.wait_line(r"^\d+$", 60)[0])


def libcoap_client(port):
    program = programs.Program([compiled("libcoap_client", "-lcoap-3-notls"), str(port), PATH, SMALL.decode()])
    program.wait_line("^ready$", 60)
    return program


def ask(port, count, window, echoes=False):
    """count GETs, answered right; AssertionError if not."""
    verb, payload = ("echo", ()) if echoes else ("ask", (SMALL.decode(),))
    argv = [built("load"), verb, str(port), str(count), str(window), PATH, *payload]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, "%s: %s" % (" ".join(argv[1:]), done.stderr)


def measure_server(name, program, port, count, add, spent):
    """Of a server that has SMALL at PATH."""
    echoes = name in (ECHO_MICROPYTHON, ECHO_C)
    ask(port, WARM_UP, WINDOWS[0], echoes)
    for row, window in zip(SERVED, WINDOWS):
        add(row, name, spent(program, count, ask, port, count, window, echoes))


def measure_client(name, program, count, add, spent, command):
    command(program, "get %d %d" % (WARM_UP, WINDOWS[0]))
    for row, window in zip(ASKED, WINDOWS):
        add(row, name, spent(program, count, command, program, "get %d %d" % (count, window)))
