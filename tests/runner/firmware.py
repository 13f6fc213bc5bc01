# SPDX-License-Identifier: MIT
"""Group 'firmware': the emulated boards run the tests that need nothing that they lack; archives, micropython.cmake
and the boards of ports are checked. 'firmware/rv32/packet' is one test of a board, 'firmware/ports/archive' some checks.

What cannot be built here, for want of a compiler or of Rust's core source, is skipped with the reason when all groups
run; when this group is asked for, or with MICROCOAPY_NO_SKIP=1, that is a failure.
"""

import glob
import importlib
import os
import re
import sys
import traceback

from runner import process, python, setup

FOLDER = os.path.join(process.TESTS, "firmware")
DEVICE = os.path.join(FOLDER, "device")
BOARDS = ("esp8266", "rv32", "esp32")

# Tests of tests/py that boards cannot run.
NEEDS_SOCKETS = {
    "attributes",
    "bad_arguments",
    "callbacks_stop",
    "custom_socket_lifecycle",
    "discover_group",
    "gc_in_callbacks",
    "import_heap",
    "keywords",
    "loopback",
    "many_objects",
    "own_socket_module",
    "security_names",
    "stop_start",
}
NEEDS_THREADS = {"threads"}
NEEDS_FILES = {"security_file"}
LEFT_OUT = NEEDS_SOCKETS | NEEDS_THREADS | NEEDS_FILES
# Messages longer than profile 'esp8266' takes, or more at once. On that CPU they run with a larger profile.
NEEDS_LARGE = {
    "bodies",
    "body_memory",
    "callbacks_raise_modern",
    "discover",
    "feed_take",
    "heap_flat_modern",
    "observe",
    "payload_types",
    "state",
}
# What a build with a part left out cannot run: IPv6, Observe, blocks, discovery.
NEEDS_ALL_FEATURES = NEEDS_LARGE | {"custom_socket_fails", "custom_socket_shapes", "out_of_memory_modern", "resource"}
SOFT_RESETS = 4
# The board talks to libcoap's programs on this machine.
OVER_SOCKETS = {"esp8266/modem"}
# What the engine prints when a handler raises: a board has one output for all.
TRACEBACK = re.compile(r"^(?:Traceback \(most recent call last\):\n(?:  .*\n)*\w+|\w+Error)(?:: .*)?\n", re.M)
# Any target that needs no compiler but Rust's.
CORE_TARGET = "riscv32imc-unknown-none-elf"
NO_CORE_SOURCE = "no source of Rust's core library for other CPUs: rustup component add rust-src, or set MICROCOAPY_RUST_SRC"
# tools/archive.sh: this machine cannot build for that CPU.
STATUS_MISSING = 3
# How those begin that say what is missing: tools/install-packages.sh without root's rights, get-clang.sh.
MISSING = ("These Debian packages are missing", "get-clang.sh: ")


def scripts():
    """{name: path} of the tests, each with a .py.exp beside it."""
    stale = (LEFT_OUT | NEEDS_ALL_FEATURES) - set(python.names())
    if stale:
        raise AssertionError("no such test in tests/py: " + " ".join(sorted(stale)))
    names = [name for name in python.names() if name not in LEFT_OUT and "DTLS" not in python.needs(name)]
    shared = {name: os.path.join(python.FOLDER, name + ".py") for name in names}
    own = {os.path.basename(path)[:-7]: path[:-4] for path in glob.glob(os.path.join(DEVICE, "*.py.exp"))}
    return dict(sorted({**shared, **own}.items()))


def check_core_source(fetch):
    """Raises Missing when there is no source of Rust's core library for other CPUs, and it is not to be fetched."""
    cargo = os.path.join(process.ROOT, "build", "cargo")
    fetched = glob.glob(os.path.join(setup.cache(), "rust-library-*-debian"))
    if not fetch and not os.environ.get("MICROCOAPY_RUST_SRC") and not fetched:
        status, sysroot = process.run(["rustc", "--print", "sysroot"], 60)
        if not os.path.isdir(os.path.join(sysroot.strip(), "lib", "rustlib", "src", "rust", "library", "core")):
            raise setup.Missing(NO_CORE_SOURCE)
    argv = ["sh", "tools/archive.sh", CORE_TARGET, os.path.join(process.ROOT, "build", "archive", CORE_TARGET)]
    status, output = process.run(argv, 900, env={"MICROCOAPY_TARGET_DIR": cargo})
    if status == STATUS_MISSING:
        raise setup.Missing(output.strip())
    if status != 0:
        raise AssertionError("tools/archive.sh %s: exit status %s\n%s" % (CORE_TARGET, status, output))


def raise_missing(output):
    """Missing when a build has failed because of what the machine lacks."""
    for beginning in MISSING:
        if beginning in output:
            raise setup.Missing(output[output.index(beginning) :].strip())


def heap_bytes(text):
    """Of a '# heapsize: 40k' directive."""
    return int(text[:-1]) * 1024 if text.endswith("k") else int(text)


def run_script(board, name, path):
    said = python.directives(path)
    variables = ["HEAP_SIZE=%d" % heap_bytes(said["heapsize"])] if "heapsize" in said else []
    if name in NEEDS_LARGE and board.name == "esp8266":
        variables += ["LARGE=1"] if "heapsize" in said else ["LARGE=1", "HEAP_SIZE=%d" % heap_bytes("240k")]
    # An emulated CPU is some 20 times slower than the machine it runs on.
    output, status = board.run(path, variables, python.limit(said) * 10)
    if "stderr" in said:
        output = TRACEBACK.sub("", output)
    difference = python.difference(path, output, over_serial=True)
    assert status == 0 and not difference, "exit status %s\n%s" % (status, difference)


def run_after_soft_resets(board):
    """A program that ends in the middle of exchanges: the next one finds nothing of them."""
    script = os.path.join(python.FOLDER, "left_busy.py")
    output, status = board.run(script, ["RESETS=%d" % SOFT_RESETS], 120)
    with open(script + ".exp") as expected:
        wanted = expected.read() * (1 + SOFT_RESETS)
    assert status == 0 and output == wanted, "exit status %s\n%s" % (status, output)


def board_tests(board):
    """{name: function}"""
    tests = {name: lambda name=name, path=path: run_script(board, name, path) for name, path in scripts().items()}
    tests.update(board.extra_tests() if hasattr(board, "extra_tests") else ())
    return {"%s/%s" % (board.name, name): function for name, function in tests.items()}


def build(report, board):
    """Whether the board's firmware could be built."""
    status, output = board.build()
    if status != 0:
        raise_missing(output)
        report.fail("firmware/%s/build" % board.name, "exit status %s\n%s" % (status, output[-8000:]))
        return False
    report.ok("firmware/%s/build" % board.name)
    return True


class Run:
    """One run of the group: what is missing is skipped or fails."""

    def __init__(self, report, options):
        self.report = report
        self.options = options
        self.may_skip = not options.asked_for and os.environ.get("MICROCOAPY_NO_SKIP") != "1"

    def without(self, name, count, missing):
        """Tests that cannot be run."""
        if self.may_skip:
            self.report.skip("firmware/" + name, str(missing), count)
        else:
            self.report.fail("firmware/" + name, "cannot be run here: %s" % missing, count)

    def one(self, name, function):
        self.report.test("firmware/" + name, function, sockets=name in OVER_SOCKETS)

    def chosen(self, tests):
        return {name: tests[name] for name in self.options.chosen(tests)}

    def board(self, name):
        board = importlib.import_module(name).Board()
        tests = self.chosen(board_tests(board))
        if not tests:
            return
        try:
            check_core_source(fetch=not self.may_skip)
            if build(self.report, board):
                self.options.parallel([lambda n=n, f=f: self.one(n, f) for n, f in tests.items()])
        except setup.Missing as missing:
            self.without(name, 1 + len(tests), missing)
        except Exception:
            self.report.fail("firmware/" + name, traceback.format_exc())

    def ports(self):
        ports = importlib.import_module("ports")
        tests = self.chosen({"ports/" + name: function for name, function in ports.CHECKS.items()})
        if not tests:
            return
        try:
            check_core_source(fetch=not self.may_skip)
            ports.prepare()
        except setup.Missing as missing:
            self.without("ports", len(tests), missing)
            return
        except Exception:
            self.report.fail("firmware/ports", traceback.format_exc())
            return
        archives = [name for name in tests if name.startswith("ports/archive/")]
        self.options.parallel([lambda name=name: self.port(name, tests[name]) for name in archives])
        for name in tests:
            if name not in archives:
                self.port(name, tests[name])

    def port(self, name, function):
        try:
            self.one(name, function)
        except setup.Missing as missing:
            self.without(name, 1, missing)


def run(report, options):
    if FOLDER not in sys.path:
        sys.path.insert(0, FOLDER)
    lacks = [" ".join(sorted(names)) for names in (NEEDS_SOCKETS, NEEDS_THREADS)]
    report.note("left out on boards: for sockets %s; for threads %s; for mbedtls all that need DTLS" % tuple(lacks))
    group = Run(report, options)
    for name in BOARDS:
        group.board(name)
    group.ports()
