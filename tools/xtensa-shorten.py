#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""xtensa-shorten.py IN.s OUT.s: replaces what LLVM 22 writes for Xtensa by shorter instructions of the same effect.

- A call of a function of the same file through a literal (l32r, callx0) becomes a direct one, whose reach of 512 KB the
  linker checks. Not windowed calls: the emulated board's linker does not know them, so they could not be tried.
- A stack pointer that is computed in another register and moved is computed in place.
- An AND with a mask of the lowest bits that is loaded for it becomes extui.

A register is left out only where it is dead afterwards; a function with an instruction that is not known here stays as
it is.
"""

import re
import sys

LABEL = re.compile(r'("[^"]+"|[^\s.#":][^\s":]*|\.L[^\s":]+):')
INSTRUCTION = re.compile(r"\s+([a-z][a-z0-9.]*)(?:\s+(.*?))?\s*$")
LITERAL = re.compile(r"\s*\.literal\s+(\S+),\s*(.+?)\s*$")
FUNCTION = re.compile(r"\s*\.type\s+(\S+),\s*@function")
REGISTER = re.compile(r"a(\d+)$")

BRANCHES = {
    "b" + condition
    for condition in "all any bc bci bs bsi eq eqi eqz ge gei geu geui gez lt lti ltu ltui ltz nall ne nei nez none".split()
}
STORES = {"s8i", "s16i", "s32i"}
# All their registers are read.
READERS = BRANCHES | STORES | {"ssl", "ssr", "ssa8l", "ssa8b"}
# The first register is written, the others are read.
WRITERS = set(
    "abs add addi addmi addx2 addx4 addx8 and extui l8ui l16si l16ui l32i l32r max maxu min minu mov mov.n movi movi.n mull "
    "mul16s mul16u muluh mulsh neg nsa nsau or quos quou rems remu sext sll slli sra srai src srl srli sub subx2 subx4 subx8 xor"
    .split()
)
# The first register keeps its value if the condition is false.
CONDITIONAL = {"moveqz", "movgez", "movltz", "movnez"}
RETURNS = {"ret", "ret.n", "retw", "retw.n"}
ALL = frozenset(range(16))


class Instruction:
    def __init__(self, name, operands):
        self.name = name
        self.operands = operands
        self.reads = set()
        self.writes = set()
        self.live_after = set()

    def text(self):
        return "\t%s\n" % "\t".join([self.name, ", ".join(self.operands)]).rstrip()


class Unknown(Exception):
    """An instruction whose registers are not known here."""


def analyse(name, operands, windowed):
    """The instruction with the registers that it reads and writes."""
    found = Instruction(name, operands)
    registers = [int(match[1]) for match in map(REGISTER.match, operands) if match]
    if name in READERS:
        found.reads = set(registers)
    elif name in WRITERS:
        found.writes, found.reads = {registers[0]}, set(registers[1:])
    elif name in CONDITIONAL:
        found.writes, found.reads = {registers[0]}, set(registers)
    elif name in ("call0", "callx0") and not windowed:
        # Arguments and results in a2 to a7; a12 to a15 survive.
        found.writes, found.reads = ALL - {1, 12, 13, 14, 15}, {1, 2, 3, 4, 5, 6, 7} | set(registers)
    elif name in ("call8", "callx8") and windowed:
        # a8 to a15 are the called function's a0 to a7.
        found.writes, found.reads = set(range(8, 16)), {1} | set(range(10, 16)) | set(registers)
    elif name in RETURNS:
        found.reads = set(range(8)) if windowed else ALL - {6, 7, 8, 9, 10, 11}
    elif name == "entry":
        found.writes, found.reads = {1}, {1}
    elif name not in ("j", "nop", "ill"):
        raise Unknown(name)
    return found


class Function:
    """The lines between a function's label and its end; instructions in place of the lines that are some."""

    def __init__(self, lines, windowed):
        self.lines = []
        for line in lines:
            match = INSTRUCTION.match(line)
            if match and not LABEL.match(line):
                operands = [operand.strip() for operand in (match[2] or "").split(",") if operand.strip()]
                self.lines.append(analyse(match[1], operands, windowed))
            else:
                self.lines.append(line)
        self.labels = {LABEL.match(line)[1]: at for at, line in enumerate(self.lines) if self.is_label(at)}
        self.find_live()

    def is_label(self, at):
        return isinstance(self.lines[at], str) and LABEL.match(self.lines[at]) is not None

    def find_live(self):
        """Sets what is live after each instruction: what is read before it is written on some way on."""
        before = [set() for _ in range(len(self.lines) + 1)]
        changed = True
        while changed:
            changed = False
            for at in reversed(range(len(self.lines))):
                line = self.lines[at]
                live = set() if self.ends_way(line) else set(before[at + 1])
                if isinstance(line, Instruction):
                    if line.name in BRANCHES or line.name == "j":
                        live |= before[self.labels[line.operands[-1]]]
                    line.live_after = live
                    live = live - line.writes | line.reads
                if live != before[at]:
                    before[at] = live
                    changed = True

    @staticmethod
    def ends_way(line):
        return isinstance(line, Instruction) and (line.name in RETURNS or line.name in ("j", "ill"))

    def definition(self, at, register):
        """Where the register got its value, if that is certain and nothing in between has read it: on the straight way to
        the instruction at `at`."""
        while at > 0:
            at -= 1
            line = self.lines[at]
            if isinstance(line, str):
                if self.is_label(at):
                    return None
                continue
            if register in line.writes:
                return at
            if register in line.reads or line.name in BRANCHES or self.ends_way(line):
                return None
        return None

    def call_directly(self, literals, functions):
        for at, line in enumerate(self.lines):
            if not isinstance(line, Instruction) or line.name != "callx0":
                continue
            register = int(line.operands[0][1:])
            place = self.definition(at, register)
            if place is None or self.lines[place].name != "l32r" or register in line.live_after - line.writes:
                continue
            target = literals.get(self.lines[place].operands[1])
            if target in functions:
                self.lines[at] = Instruction("call0", [target])
                self.lines[place] = ""

    def move_stack_pointer(self):
        for at in range(len(self.lines) - 1):
            first, second = self.lines[at], self.lines[at + 1]
            if not isinstance(first, Instruction) or not isinstance(second, Instruction):
                continue
            moves = second.name == "or" and second.operands == ["a1", first.operands[0], first.operands[0]]
            if first.name == "addi" and first.operands[1] == "a1" and moves and not first.writes & second.live_after:
                self.lines[at] = ""
                self.lines[at + 1] = Instruction("addi", ["a1", "a1", first.operands[2]])

    def extract_bits(self, literals):
        for at, line in enumerate(self.lines):
            if not isinstance(line, Instruction) or line.name != "and":
                continue
            result, first, second = line.operands
            for value, mask in ((first, second), (second, first)):
                place = self.definition(at, int(mask[1:])) if value != mask else None
                bits = self.mask_bits(place, literals) if place is not None else None
                dead = mask == result or int(mask[1:]) not in line.live_after
                if bits and dead:
                    self.lines[at] = Instruction("extui", [result, value, "0", str(bits)])
                    self.lines[place] = ""
                    break

    def mask_bits(self, at, literals):
        """How many lowest bits are set in what this instruction loads; None: it is no such mask."""
        line = self.lines[at]
        if line.name not in ("movi", "l32r"):
            return None
        text = line.operands[1] if line.name == "movi" else literals.get(line.operands[1], "")
        if not re.fullmatch(r"\d+", text):
            return None
        bits = int(text).bit_length()
        return bits if 1 <= bits <= 16 and int(text) == (1 << bits) - 1 else None

    def output(self):
        return [line if isinstance(line, str) else line.text() for line in self.lines]


def shorten(lines):
    literals = {match[1]: match[2] for match in map(LITERAL.match, lines) if match}
    functions = {match[1] for match in map(FUNCTION.match, lines) if match}
    windowed = any(re.match(r"\s+entry\b", line) for line in lines)
    out, done, at = [], 0, 0
    while at < len(lines):
        label = LABEL.match(lines[at])
        out.append(lines[at])
        at += 1
        if not label or label[1] not in functions:
            continue
        end = next(index for index in range(at, len(lines)) if lines[index].startswith(".Lfunc_end"))
        try:
            function = Function(lines[at:end], windowed)
        except Unknown as instruction:
            print("xtensa-shorten: %s: left as it is because of %s" % (label[1], instruction), file=sys.stderr)
        else:
            if not windowed:
                function.call_directly(literals, functions)
                function.find_live()
            function.move_stack_pointer()
            function.find_live()
            function.extract_bits(literals)
            lines[at:end] = function.output()
            end = at + len(function.lines)
            done += 1
        out += lines[at:end]
        at = end
    used = set(re.findall(r"\.LCPI\w+", "".join(line for line in out if not LITERAL.match(line))))
    kept = [line for line in out if not LITERAL.match(line) or LITERAL.match(line)[1] in used]
    return kept, done


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1]) as source:
        lines, done = shorten(source.readlines())
    if not done:
        sys.exit("xtensa-shorten: %s: no function was understood" % sys.argv[1])
    with open(sys.argv[2], "w") as target:
        target.writelines(lines)


if __name__ == "__main__":
    main()
