# SPDX-License-Identifier: MIT
"""What the functions of an object or firmware do with the stack, whom they call, and where they trap.

Reads the instructions of Xtensa (call0 and windowed) and RV32IMC themselves: of each, where it leads, and what it does
to the stack pointer and to registers that hold a known constant. What cannot be known is reported as such. Of Thumb
code, only traps and floating point.
"""

import elf

MASK = 0xFFFFFFFF


def signed(value, bits):
    return value - (1 << bits) if value >> (bits - 1) & 1 else value


class Function:
    """What one function does. Depths are bytes below the stack pointer that its caller had."""

    def __init__(self, symbol, start, code):
        self.name = symbol.name
        self.start = start
        self.end = start + len(code)
        self.frame = 0
        # How far the stack pointer is down at the return: only pieces that LLVM has outlined leave it moved.
        self.left = 0
        self.calls = set()  # (address called, depth at that point; None: that of the whole frame)
        self.indirect = set()  # addresses of calls whose target is in no constant
        self.passed = set()  # functions whose addresses are arguments of its calls
        self.switches = set()  # addresses of jumps whose target is in no constant
        self.traps = set()  # addresses of instructions that trap
        self.floats = set()  # addresses of instructions of a floating-point unit
        self.moves_stack = False  # by an amount that is not known

    def __contains__(self, address):
        return address is not None and self.start <= address < self.end


class Reader:
    """Goes through one function along its jumps.

    `values` are what registers, and words of the stack, hold at an instruction on every way to it: ("constant", n),
    ("functions", set of addresses), or ("stack", n) for the stack pointer at the entry + n.
    """

    stack = None  # the stack pointer's number
    LIMIT = 1 << 20  # no frame is as large: the stack pointer moves in a loop

    def __init__(self, program, function, code):
        self.program = program
        self.function = function
        self.code = code
        self.values = {}
        self.constants = set()
        self.goes_on = True
        self.waiting = []
        self.seen = {}

    def read(self):
        self.arrive(self.function.start, {self.stack: ("stack", 0)})
        while self.waiting:
            pc = self.waiting.pop()
            self.values = dict(self.seen[pc])
            self.goes_on = True
            offset = pc - self.function.start
            length = self.length(self.code[offset])
            self.step(pc, int.from_bytes(self.code[offset : offset + length], "little"), length)
            if self.goes_on:
                self.arrive(pc + length, self.values)

    def arrive(self, pc, values):
        """Joins what is known on this way with what is known on others."""
        if pc not in self.function:
            return
        known = self.seen.get(pc)
        if known is None:
            joined = dict(values)
        else:
            joined = {name: self.either(value, values[name]) for name, value in known.items() if name in values}
            joined = {name: value for name, value in joined.items() if value}
            joined[self.stack] = min(known[self.stack], values[self.stack])
        if joined != known:
            self.seen[pc] = joined
            self.waiting.append(pc)

    def either(self, left, right):
        """What holds one of two values: of addresses of functions, which ones; else nothing is known."""
        if left == right:
            return left
        both = frozenset()
        for kind, value in (left, right):
            both |= value if kind == "functions" else {value & MASK} if kind == "constant" else {None}
        return ("functions", both) if both <= self.program.symbols.keys() else None

    def depth(self):
        return -self.values[self.stack][1]

    def set(self, register, value=None):
        if register == self.stack:
            if value is None or value[0] != "stack" or -value[1] > self.LIMIT:
                self.function.moves_stack = True
                return
            self.function.frame = max(self.function.frame, -value[1])
        if value is None:
            self.values.pop(register, None)
            return
        self.values[register] = value
        if value[0] == "constant":
            self.constants.add(value[1] & MASK)

    def store(self, register, base, offset):
        """To the stack: what was stored there comes back when it is loaded."""
        kind, value = self.values.get(base, (None, 0))
        if kind == "stack":
            self.set(("slot", value + offset), self.values.get(register))

    def load(self, register, base, offset):
        kind, value = self.values.get(base, (None, 0))
        self.set(register, self.values.get(("slot", value + offset)) if kind == "stack" else None)

    def sum(self, target, register, amount):
        kind, value = self.values.get(register, (None, 0))
        if amount == 0:
            self.set(target, kind and (kind, value))
        elif kind == "constant":
            self.set(target, (kind, signed(value + amount & MASK, 32)))
        else:
            self.set(target, (kind, value + amount) if kind == "stack" else None)

    def add(self, target, left, right, sign=1):
        """target = left + sign * right, where one of them is known."""
        for base, other in ((left, right), (right, left)):
            kind, amount = self.values.get(other, (None, 0))
            if kind == "constant" and (sign == 1 or other == right):
                return self.sum(target, base, sign * amount)
        self.set(target)

    def constant(self, register):
        kind, value = self.values.get(register, (None, 0))
        return value & MASK if kind == "constant" else None

    def targets(self, register):
        """Addresses that a call through this register can reach; none when that is not known."""
        kind, value = self.values.get(register, (None, 0))
        return value if kind == "functions" else {value & MASK} if kind == "constant" else set()

    def pass_arguments(self, registers):
        for register in registers:
            self.function.passed |= self.targets(register) & self.program.symbols.keys()

    def returns(self):
        self.function.left = self.depth()
        self.goes_on = False

    def trap(self, pc):
        self.function.traps.add(pc)
        self.goes_on = False

    def branch(self, target):
        if target in self.function:
            self.arrive(target, self.values)
        else:
            self.function.calls.add((target, self.depth()))

    def jump(self, target):
        self.branch(target)
        self.goes_on = False

    def table(self, address):
        """The words at an address for as long as they point into this function."""
        while (target := self.program.elf.word(address)) in self.function:
            yield target
            address += 4

    def switch(self, pc):
        """A jump by a table: to all places in this function that tables name whose address it has used so far."""
        targets = {target for address in self.constants for target in self.table(address)}
        if not targets:
            self.function.indirect.add(pc)
        self.function.switches.add(pc)
        for target in targets:
            self.arrive(target, self.values)
        self.goes_on = False


class Xtensa(Reader):
    stack = 1

    def length(self, first):
        return 2 if first & 15 >= 8 else 3

    def call(self, targets, window):
        self.pass_arguments(range(2 + 4 * window, 8 + 4 * window))
        self.function.calls.update((target, None) for target in targets)
        first = (0, 4, 8, 12)[window]
        for register in [0, *range(2, 12)] if window == 0 else range(first, 16):
            self.set(register)

    def step(self, pc, word, length):
        op, t, s, r = word & 15, word >> 4 & 15, word >> 8 & 15, word >> 12 & 15
        if length == 2:
            self.narrow(pc, word, op, t, s, r)
        elif word == 0:  # ill
            self.trap(pc)
        elif op == 5:  # call0, call4, call8, call12
            self.call({(pc & ~3) + 4 + 4 * signed(word >> 6, 18)}, word >> 4 & 3)
        elif op == 6:
            self.control(pc, word, t, r)
        elif op == 7:  # branches on two registers or a bit
            self.branch(pc + 4 + signed(word >> 16, 8))
        elif op == 1:  # l32r
            self.literal(t, ((pc + 3) & ~3) + signed(word >> 8 | 0xFFFF0000, 32) * 4)
        elif op == 2:
            self.immediate(word, t, s, r)
        elif op == 3 or op == 0 and word >> 16 & 15 in (8, 10, 11):
            self.function.floats.add(pc)
        elif op == 0:
            self.register(pc, word, t, s, r)

    def control(self, pc, word, t, r):
        kind = t & 3
        if kind == 0:  # j
            self.jump(pc + 4 + signed(word >> 6, 18))
        elif kind == 1:  # branches on zero and sign
            self.branch(pc + 4 + signed(word >> 12, 12))
        elif t == 3:  # entry
            self.sum(self.stack, self.stack, -(word >> 12) * 8)
        elif t == 7 and r in (8, 9, 10):  # loop, loopnez, loopgtz: to the end, as if there were no round
            self.branch(pc + 4 + (word >> 16))
        else:  # branches on a small constant, or on a boolean
            self.branch(pc + 4 + signed(word >> 16, 8))

    def literal(self, register, address):
        value = self.program.elf.word(address)
        self.set(register, None if value is None else ("constant", value))

    def immediate(self, word, t, s, r):
        byte = signed(word >> 16, 8)
        if r == 10:  # movi
            self.set(t, ("constant", signed(s << 8 | word >> 16, 12)))
        elif r == 12:  # addi
            self.sum(t, s, byte)
        elif r == 13:  # addmi
            self.sum(t, s, byte * 256)
        elif r == 2:  # l32i
            self.load(t, s, (word >> 16) * 4)
        elif r == 6:  # s32i
            self.store(t, s, (word >> 16) * 4)
        elif r in (0, 1, 9, 11):  # other loads
            self.set(t)

    def register(self, pc, word, t, s, r):
        kind = word >> 16
        if kind == 0 and r == 0:
            self.jumps(pc, word, t, s)
        elif kind == 0 and r == 1:  # movsp
            self.sum(t, s, 0)
        elif kind == 0x20 and s == t:  # mov
            self.sum(r, s, 0)
        elif kind == 0x80:  # add
            self.add(r, s, t)
        elif kind == 0xC0:  # sub
            self.add(r, s, t, -1)
        elif kind not in (0, 0x40):  # not: synchronisation, shift amounts
            self.set(r)

    def jumps(self, pc, word, t, s):
        if t in (8, 9):  # ret, retw
            self.returns()
        elif t == 10:  # jx
            target = self.constant(s)
            self.switch(pc) if target is None else self.jump(target)
        elif t >= 12:  # callx0, callx4, callx8, callx12
            targets = self.targets(s)
            if not targets:
                self.function.indirect.add(pc)
            self.call(targets, t & 3)

    def narrow(self, pc, word, op, t, s, r):
        if op == 0xA:  # add.n
            self.add(r, s, t)
        elif op == 0xB:  # addi.n
            self.sum(r, s, t or -1)
        elif op == 0xC and t < 8:  # movi.n
            value = t << 4 | r
            self.set(s, ("constant", value - 128 if value >= 96 else value))
        elif op == 0xC:  # beqz.n, bnez.n
            self.branch(pc + 4 + ((t & 3) << 4 | r))
        elif op == 0xD and r == 0:  # mov.n
            self.sum(t, s, 0)
        elif op == 8:  # l32i.n
            self.load(t, s, r * 4)
        elif op == 9:  # s32i.n
            self.store(t, s, r * 4)
        elif word in (0xF00D, 0xF01D):  # ret.n, retw.n
            self.returns()
        elif word == 0xF06D:  # ill.n
            self.trap(pc)


class RiscV(Reader):
    stack = 2
    LINKS = (1, 5)  # ra, and t0 of pieces that were outlined
    CLOBBERED = (1, 5, 6, 7, *range(10, 18), *range(28, 32))

    def length(self, first):
        return 4 if first & 3 == 3 else 2

    def call(self, pc, target, link):
        if link == 5:  # a piece that was outlined, which may move the stack pointer
            if target in self.program.symbols:
                piece = self.program.function(target)
                self.function.calls.add((target, self.depth()))
                self.sum(self.stack, self.stack, -piece.left)
            else:
                self.function.indirect.add(pc)
        elif target is None:
            self.function.indirect.add(pc)
        else:
            self.function.calls.add((target, None))
        if link == 1:
            self.pass_arguments(range(10, 18))
        for register in self.CLOBBERED:
            self.set(register)

    def indirect_jump(self, pc, register, offset=0):
        target = self.constant(register)
        if target is not None:
            self.jump(target + offset & MASK)
        elif register in self.LINKS:
            self.returns()
        else:
            self.switch(pc)

    def step(self, pc, word, length):
        if length == 2:
            return self.compressed(pc, word)
        op, rd, kind, rs = word & 0x7F, word >> 7 & 31, word >> 12 & 7, word >> 15 & 31
        immediate = signed(word >> 20, 12)
        if word in (0x00100073, 0xC0001073):  # ebreak, unimp
            self.trap(pc)
        elif op in (0x07, 0x27, 0x43, 0x47, 0x4B, 0x4F, 0x53):
            self.function.floats.add(pc)
        elif op == 0x6F:  # jal
            offset = (word >> 31) << 20 | (word >> 12 & 0xFF) << 12 | (word >> 20 & 1) << 11 | (word >> 21 & 0x3FF) << 1
            target = pc + signed(offset, 21)
            self.call(pc, target, rd) if rd else self.jump(target)
        elif op == 0x67:  # jalr
            target = self.constant(rs)
            if rd:
                self.call(pc, None if target is None else target + immediate & MASK, rd)
            else:
                self.indirect_jump(pc, rs, immediate)
        elif op == 0x63:  # branches
            offset = (word >> 31) << 12 | (word >> 7 & 1) << 11 | (word >> 25 & 0x3F) << 5 | (word >> 8 & 15) << 1
            self.branch(pc + signed(offset, 13))
        elif op == 0x13 and kind == 0:  # addi
            self.sum(rd, rs, immediate) if rs else self.set(rd, ("constant", immediate))
        elif op == 0x37:  # lui
            self.set(rd, ("constant", signed(word & 0xFFFFF000, 32)))
        elif op == 0x17:  # auipc
            self.set(rd, ("constant", signed(pc + (word & 0xFFFFF000) & MASK, 32)))
        elif op == 0x33 and kind == 0 and word >> 25 in (0, 0x20):  # add, sub
            self.add(rd, rs, word >> 20 & 31, -1 if word >> 25 else 1)
        elif op != 0x23:  # not: stores
            self.set(rd)

    def compressed(self, pc, word):
        rd, rs = word >> 7 & 31, word >> 2 & 31
        small = 8 + (word >> 7 & 7)
        immediate = signed((word >> 12 & 1) << 5 | rs, 6)
        kind = word & 3, word >> 13
        if word in (0, 0x9002):  # c.unimp, c.ebreak
            self.trap(pc)
        elif kind[0] != 1 and kind[1] in (1, 3, 5, 7):
            self.function.floats.add(pc)
        elif kind in ((0, 0), (0, 2)):  # c.addi4spn, c.lw
            self.set(8 + (word >> 2 & 7))
        elif kind == (1, 0):  # c.addi
            self.sum(rd, rd, immediate)
        elif kind in ((1, 1), (1, 5)):  # c.jal, c.j
            target = pc + self.compressed_offset(word)
            self.call(pc, target, 1) if word >> 13 == 1 else self.jump(target)
        elif kind == (1, 2):  # c.li
            self.set(rd, ("constant", immediate))
        elif kind == (1, 3) and rd == 2:  # c.addi16sp
            offset = (word >> 12 & 1) << 9 | (word >> 3 & 3) << 7 | (word >> 5 & 1) << 6 | (word >> 2 & 1) << 5
            self.sum(2, 2, signed(offset | (word >> 6 & 1) << 4, 10))
        elif kind == (1, 3):  # c.lui
            self.set(rd, ("constant", immediate << 12))
        elif kind == (1, 4):  # arithmetic
            self.set(small)
        elif kind in ((1, 6), (1, 7)):  # c.beqz, c.bnez
            offset = (word >> 12 & 1) << 8 | (word >> 5 & 3) << 6 | (word >> 2 & 1) << 5 | (word >> 10 & 3) << 3
            self.branch(pc + signed(offset | (word >> 3 & 3) << 1, 9))
        elif kind in ((2, 0), (2, 2)):  # c.slli, c.lwsp
            self.set(rd)
        elif kind == (2, 4):
            self.moves_and_jumps(pc, word >> 12 & 1, rd, rs)

    def moves_and_jumps(self, pc, second, rd, rs):
        if not rs and second:  # c.jalr
            self.call(pc, self.constant(rd), 1)
        elif not rs:  # c.jr
            self.indirect_jump(pc, rd)
        elif second:  # c.add
            self.add(rd, rd, rs)
        else:  # c.mv
            self.sum(rd, rs, 0)

    @staticmethod
    def compressed_offset(word):
        bits = ((12, 11), (11, 4), (10, 9), (9, 8), (8, 10), (7, 6), (6, 7), (5, 3), (4, 2), (3, 1), (2, 5))
        return signed(sum((word >> source & 1) << target for source, target in bits), 12)


class Thumb(Reader):
    stack = 13

    def length(self, first):
        raise NotImplementedError

    def read(self):
        """Traps and floats only, from beginning to end. Between the marks $d and $t lie data."""
        marks = self.program.marks(self.function)
        position, data = 0, False
        while position + 2 <= len(self.code):
            data = marks.get(self.function.start + position, data)
            word = int.from_bytes(self.code[position : position + 2], "little")
            if data:
                position += 2
            elif word >> 11 in (0x1D, 0x1E, 0x1F):
                second = int.from_bytes(self.code[position + 2 : position + 4], "little")
                if word & 0xFFF0 == 0xF7F0 and second & 0xF000 == 0xA000:  # udf.w
                    self.function.traps.add(self.function.start + position)
                elif word & 0xEC00 == 0xEC00 and second >> 8 & 14 == 10:  # coprocessors 10 and 11
                    self.function.floats.add(self.function.start + position)
                position += 4
            else:
                if word >> 8 in (0xDE, 0xBE):  # udf, bkpt
                    self.function.traps.add(self.function.start + position)
                position += 2


READERS = {elf.EM_XTENSA: Xtensa, elf.EM_RISCV: RiscV, elf.EM_ARM: Thumb}


class Program:
    """All functions of an object or a linked program. Only of a linked one the calls are right."""

    def __init__(self, file):
        self.elf = file
        self.symbols = {}
        for symbol in file.functions():
            self.symbols.setdefault(symbol.value & ~file.mode_bits, symbol)
        self._functions = {}

    def function(self, address):
        if address not in self._functions:
            self._functions[address] = self.read(self.symbols[address])
        return self._functions[address]

    def read(self, symbol):
        start, code = self.elf.code(symbol)
        function = Function(symbol, start, code)
        READERS[self.elf.machine](self, function, code).read()
        return function

    def named(self, name):
        """The function of that name; KeyError when there is none."""
        for address, symbol in self.symbols.items():
            if symbol.name == name:
                return self.function(address)
        raise KeyError(name)

    def marks(self, function):
        """Where data begin (True) and end (False), in Thumb code: the mapping symbols."""
        section = next(symbol.section for symbol in self.elf.symbols if symbol.name == function.name and symbol.section)
        return {
            symbol.value: symbol.name.startswith("$d")
            for symbol in self.elf.symbols
            if symbol.section is section and symbol.name[:2] in ("$d", "$t")
        }
