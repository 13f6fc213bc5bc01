#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""xtensa-literals.py IN.s OUT.s: puts each function's literals into the function's own section.

LLVM 22 (rustc 1.95) prints the constants of an Xtensa function (.literal_position and .literal) before it switches to the
function's section, so that they end up in the section of the function before, and writes object files with the same
mistake, where they are not even aligned: 'l32r: misaligned literal target'. Here they are held back until the
function's label. GNU as --text-section-literals does the rest. Fixed in LLVM after 22.1.
"""

import re
import sys

LITERAL = re.compile(r"\s*\.literal(_position)?\b")
FUNCTION = re.compile(r"\s*\.type\s+([^,\s]+),\s*@function")
LABEL = re.compile(r'("[^"]+"|[^\s.#":][^\s":]*):')


def move(lines):
    """The lines in their new order, and the number of functions whose literals were moved."""
    out = []
    held = []
    function = None
    moved = 0
    for line in lines:
        if LITERAL.match(line):
            held.append(line)
            continue
        found = FUNCTION.match(line)
        if found:
            function = found.group(1).strip('"')
        label = LABEL.match(line)
        if held and label and label.group(1).strip('"') == function:
            out += held
            held = []
            moved += 1
        out.append(line)
    if held:
        sys.exit("xtensa-literals: no function follows %r" % held[0])
    return out, moved


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1]) as source:
        lines, moved = move(source)
    # A form of assembly that is not understood must not pass as one without literals.
    if not moved and any(re.match(r"\s*l32r\b", line) for line in lines):
        sys.exit("xtensa-literals: %s: l32r without literals" % sys.argv[1])
    with open(sys.argv[2], "w") as target:
        target.writelines(lines)


main()
