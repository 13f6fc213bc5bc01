#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Stack that calls of the module need in the emulated boards' firmware, worst case: `make sizes` builds them and calls
this.

Of each mcoap_* function: its frame and the deepest of what it calls, compiler_builtins and the C library included. Of
the shim's functions: the frames of the shim and of the engine, down to MicroPython's functions, whose stack is not
counted. From the instructions, tools/machine_code.py. In the engine nothing may be unknown: recursion, or a stack
pointer that moves by an unknown amount is an error, and so is a call through a pointer, unless addresses of functions
are passed as arguments in the engine: then it is taken to reach each of these.

Fails when a call needs more than the budget below.
--self-check: whether recursion, pointers and depths are found at all, in small programs.
"""

import glob
import os
import re
import subprocess
import sys
import tempfile

import elf
import machine_code
import sizes

ROOT = sizes.ROOT

# What the shim's own pointers reach, by the file that calls through them. Its other pointers go to MicroPython.
SHIM_POINTERS = {
    "pump": ("microcoapy_dispatch",),
    "link": ("microcoapy_recvfrom", "microcoapy_sendto", "stream_poll", "stream_receive", "stream_join", "object_poll"),
    "address": ("microcoapy_peer_resolve",),
}

# Bytes of stack for any call, AES's among them: what the project has reached. Without OSCORE the budgets are 1536, 2048
# and 2048.
LIMITS = {"esp8266": 2656, "esp32": 2816, "rv32": 2400}


class Unknown(Exception):
    """Something about the stack that cannot be known."""


class Depths:
    """Worst depths in a program, of functions for which `counted` is true; others count as nothing."""

    def __init__(self, program, counted, passed=None, known=()):
        self.program = program
        self.counted = counted
        # {function that calls through a pointer: functions that it reaches}, where that is known of a function.
        self.known = dict(known)
        # Functions that calls through pointers can reach; None: those go to MicroPython.
        self.passed = passed
        self.depths = {}
        self.pointers = set()

    def of(self, address, callers=()):
        """(bytes, names of the way down) below the caller of the function at this address."""
        if address in callers:
            names = [self.program.symbols[caller].name for caller in callers[callers.index(address) :]]
            raise Unknown("recursion: " + " > ".join(names))
        if address not in self.depths:
            self.depths[address] = self.worst(address, callers)
        return self.depths[address]

    def worst(self, address, callers):
        if not self.counted(address):
            return 0, ()
        if address not in self.program.symbols:
            raise Unknown("%s calls %#x, which is no function" % (self.program.symbols[callers[-1]].name, address))
        function = self.program.function(address)
        if function.moves_stack:
            raise Unknown("%s moves the stack pointer by an unknown amount" % function.name)
        if function.indirect and address not in self.known:
            self.pointers.add(function.name)
            if self.passed is not None and not self.passed:
                raise Unknown("%s calls through a pointer" % function.name)
        deepest = function.frame, (function.name,)
        through_pointers = self.known.get(address, self.passed or ()) if function.indirect else ()
        reached = {(target, None) for target in through_pointers}
        for target, depth in sorted(function.calls | reached, key=str):
            below, way = self.of(target, (*callers, address))
            total = below + (function.frame if depth is None else depth)
            if total > deepest[0]:
                deepest = total, (function.name, *way)
        return deepest


def ranges(board, pattern):
    """Where the linker has put the sections of the files that match."""
    path = os.path.join(ROOT, "build", "qemu-" + board, "firmware.map")
    return [(start, start + size) for _, start, size, file in sizes.sections(path) if pattern.search(file)]


class Module:
    """The module in one board's firmware."""

    def __init__(self, board):
        self.board = board
        folder = os.path.join(ROOT, "build", "qemu-" + board)
        self.program = machine_code.Program(elf.read(os.path.join(folder, "firmware.elf")))
        engine, shim = (ranges(board, sizes.OURS[part]) for part in ("core", "shim"))
        self.engine = {a for a in self.program.symbols if any(start <= a < end for start, end in engine)}
        self.shim = {a for a in self.program.symbols if any(start <= a < end for start, end in shim)}
        objects = glob.glob(os.path.join(folder, "**", "src", "mpy", "*.o"), recursive=True)
        self.called = {name for path in objects for name in elf.read(path).undefined() if name.startswith("mcoap_")}

    def engine_depths(self):
        """{name: (bytes, way)} of the mcoap_* functions, and the names of those that call through pointers."""
        passed = {target for address in self.engine for target in self.program.function(address).passed}
        depths = Depths(self.program, lambda address: True, passed)
        found = {
            symbol.name: depths.of(address)
            for address, symbol in self.program.symbols.items()
            if symbol.name.startswith("mcoap_")
        }
        if not self.called or self.called - found.keys():
            raise Unknown("not found: %s" % (" ".join(sorted(self.called - found.keys())) or "anything"))
        return found, depths.pointers

    def shim_pointers(self):
        """{function of the shim: functions that its calls through pointers reach}"""
        named = {symbol.name: address for address, symbol in self.program.symbols.items() if address in self.shim}
        if "microcoapy_dispatch" not in named:
            raise Unknown("not found: microcoapy_dispatch")
        known = {}
        for file, names in SHIM_POINTERS.items():
            places = ranges(self.board, re.compile(r"/src/mpy/%s\.o$" % file))
            targets = {named[name] for name in names if name in named}
            callers = (a for a in self.shim if any(start <= a < end for start, end in places))
            known.update({a: targets for a in callers if self.program.function(a).indirect})
        return known

    def shim_depths(self):
        """{name: (bytes, way)} of the shim's functions, and the names of those that call through pointers."""
        depths = Depths(self.program, (self.shim | self.engine).__contains__, known=self.shim_pointers())
        found = {self.program.symbols[address].name: depths.of(address) for address in self.shim}
        if len(found) < 50:
            raise Unknown("only %d functions of the shim found" % len(found))
        return found, depths.pointers


def declared():
    with open(os.path.join(ROOT, "include", "microcoapy.h")) as header:
        return sorted(set(re.findall(r"\b(mcoap_\w+)\(", header.read())))


def deepest(found):
    name = max(found, key=lambda name: (found[name][0], name))
    return (*found[name], name)


def main():
    modules = {board: Module(board) for board in LIMITS}
    results = {board: module.engine_depths() for board, module in modules.items()}
    engines = {board: found for board, (found, _) in results.items()}
    print("| stack of | %s |" % " | ".join(sizes.CPUS[board]["title"] for board in LIMITS))
    print("|---" * (len(LIMITS) + 1) + "|")
    for name in declared():
        columns = [engines[board][name][0] if name in engines[board] else "not linked" for board in LIMITS]
        print("| `%s` | %s |" % (name, " | ".join(str(column) for column in columns)))
    over, notes = [], []
    for board, limit in LIMITS.items():
        title = sizes.CPUS[board]["title"]
        found, pointers = modules[board].shim_depths()
        size, way, _ = deepest(found)
        inside = results[board][1]
        notes.append("%s: engine %d, with the shim %d, budget %d: %s" % (
            title, deepest(engines[board])[0], size, limit, " > ".join(way)))  # fmt: skip
        notes.append("  calls through pointers in the engine: " + (" ".join(sorted(inside)) or "none"))
        notes.append("  from the shim into MicroPython: " + (" ".join(sorted(pointers - inside)) or "none"))
        if size > limit:
            over.append("over: %s: %d bytes of stack, more than %d" % (title, size, limit))
    print("\n" + "\n".join(notes + over))
    return 1 if over else 0


# ---- self-check -----------------------------------------------------------------------------------

# Small programs: functions with known depths, or with what must be found.
PROGRAMS = {
    "xtensa-lx106-elf-": """
leaf:       addi a1, a1, -32
            addi a1, a1, 32
            ret.n
middle:     addi a8, a1, -64
            mov.n a1, a8
            s32i.n a0, a1, 0
            call0 leaf
            l32i.n a0, a1, 0
            addi a1, a1, 64
            ret.n
deep:       movi a9, -1040
            add a1, a1, a9
            l32r a8, middle_address
            s32i a8, a1, 16
            movi.n a8, 0
            l32i a8, a1, 16
            callx0 a8
            movi a9, 1040
            add a1, a1, a9
            ret.n
tail:       addi a1, a1, -16
            addi a1, a1, 16
            j deep
recursive:  addi a1, a1, -16
            call0 other
            ret.n
other:      j recursive
pointer:    callx0 a2
            ret.n
unknown:    sub a1, a1, a2
            ret.n
""",
    "riscv64-unknown-elf-": """
leaf:       addi sp, sp, -32
            addi sp, sp, 32
            ret
outlined:   addi sp, sp, -64
            sw ra, 0(sp)
            jr t0
middle:     jal t0, outlined
            jal leaf
            addi sp, sp, 64
            ret
deep:       li t1, -1040
            add sp, sp, t1
            call middle
            addi sp, sp, 1040
            ret
tail:       addi sp, sp, -16
            addi sp, sp, 16
            tail deep
recursive:  addi sp, sp, -16
            call other
            ret
other:      j recursive
pointer:    jalr a2
            ret
unknown:    sub sp, sp, a2
            ret
""",
}
OPTIONS = {
    "xtensa-lx106-elf-": ((), ()),
    "riscv64-unknown-elf-": (("-march=rv32imc", "-mabi=ilp32"), ("-m", "elf32lriscv")),
}
FUNCTIONS = ("leaf", "middle", "deep", "tail", "recursive", "other", "pointer", "unknown")
WANTED = {
    "leaf": 32, "middle": 96, "deep": 1136, "tail": 1136,
    "recursive": "recursion", "other": "recursion", "pointer": "through a pointer", "unknown": "unknown amount",
}  # fmt: skip


def assembled(prefix, text):
    """The linked program."""
    for name in set(re.findall(r"^(\w+):", text, re.M)):
        text = re.sub(r"^%s:" % name, "\t.type %s, @function\n%s:" % (name, name), text, flags=re.M)
    # Each function ends where the next begins.
    names = re.findall(r"^(\w+):", text, re.M)
    text += "".join("\t.size %s, %s - %s\n" % (name, end, name) for name, end in zip(names, names[1:] + ["end"]))
    text = text.replace("\t.size %s" % names[0], "end:\n\t.size %s" % names[0], 1)
    head = "\t.text\n\t.literal middle_address, middle\n" if "xtensa" in prefix else "\t.text\n"
    with tempfile.TemporaryDirectory() as folder:
        source, file, program = (os.path.join(folder, name) for name in ("a.s", "a.o", "a.elf"))
        with open(source, "w") as output:
            output.write(head + text)
        assembler, linker = OPTIONS[prefix]
        subprocess.run([prefix + "as", *assembler, source, "-o", file], check=True)
        subprocess.run([prefix + "ld", *linker, "-e", "0", file, "-o", program], check=True)
        return machine_code.Program(elf.read(program))


def self_check():
    status = 0
    for prefix, text in PROGRAMS.items():
        program = assembled(prefix, text)
        addresses = {symbol.name: address for address, symbol in program.symbols.items()}
        for name in FUNCTIONS:
            try:
                found = Depths(program, lambda address: True, set()).of(addresses[name])[0]
            except Unknown as unknown:
                found = str(unknown)
            wanted = WANTED[name]
            right = wanted in found if isinstance(wanted, str) and isinstance(found, str) else found == wanted
            if not right:
                print("FAIL  %s%s: %s, not %s" % (prefix, name, found, wanted))
                status = 1
    print("self-check: " + ("failed" if status else "%d functions on 2 CPUs" % len(FUNCTIONS)))
    return status


if __name__ == "__main__":
    try:
        sys.exit(self_check() if sys.argv[1:] == ["--self-check"] else main())
    except Unknown as unknown:
        sys.exit("stack: %s" % unknown)
