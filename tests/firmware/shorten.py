# SPDX-License-Identifier: MIT
"""What tools/xtensa-shorten.py may change in a function, and what it must leave."""

import importlib.util
import os

from runner import process

# What is around the lines of each case: a literal of each kind, and a function to call.
FRAME = """\
	.literal_position
	.literal .LCPI0_0, near
	.literal .LCPI0_1, memcpy
	.literal .LCPI0_2, 65535
	.type	near,@function
near:
	%s
.Lfunc_end0:
	.type	it,@function
it:
%s
.Lfunc_end1:
"""
CALL0, WINDOWED = "ret", "entry	a1, 32"

# (title, convention, lines, what becomes of them; None: nothing)
CASES = (
    ("a call of a function nearby", CALL0, "l32r a8, .LCPI0_0; or a2, a12, a12; callx0 a8; ret", "or a2, a12, a12; call0 near; ret"),
    ("a windowed call", WINDOWED, "l32r a8, .LCPI0_0; callx8 a8; retw.n", None),
    ("a call of what is elsewhere", CALL0, "l32r a8, .LCPI0_1; callx0 a8; ret", None),
    ("a call of what was loaded", CALL0, "l32i a8, a2, 0; callx0 a8; ret", None),
    ("an address that is used twice", CALL0, "l32r a12, .LCPI0_0; callx0 a12; callx0 a12; ret", None),
    ("an address that is read before", CALL0, "l32r a8, .LCPI0_0; or a2, a8, a8; callx0 a8; ret", None),
    ("an address from two ways", CALL0, "beqz a2, .L1; l32r a8, .LCPI0_0; .L1:; callx0 a8; ret", None),
    ("an address for two ways", CALL0, "l32r a8, .LCPI0_0; beqz a2, .L1; callx0 a8; .L1:; s32i a8, a1, 0; ret", None),
    ("the stack pointer", CALL0, "addi a8, a1, -32; or a1, a8, a8; addi a9, a1, 32; or a1, a9, a9; ret", "addi a1, a1, -32; addi a1, a1, 32; ret"),
    ("a copy of the stack pointer", CALL0, "addi a8, a1, -32; or a1, a8, a8; s32i a8, a1, 0; ret", None),
    ("a copy that is used later", CALL0, "addi a8, a1, -32; or a1, a8, a8; beqz a2, .L1; ret; .L1:; or a2, a8, a8; ret", None),
    ("a result next to the stack pointer", CALL0, "addi a2, a1, 8; or a1, a2, a2; ret", None),
    ("a byte", CALL0, "movi a8, 255; and a2, a3, a8; ret", "extui a2, a3, 0, 8; ret"),
    ("a byte, the mask first", CALL0, "movi a2, 255; add a4, a4, a4; and a2, a2, a3; ret", "add a4, a4, a4; extui a2, a3, 0, 8; ret"),
    ("16 bits", CALL0, "l32r a8, .LCPI0_2; and a2, a3, a8; ret", "extui a2, a3, 0, 16; ret"),
    ("a mask with a gap", CALL0, "movi a8, 5; and a2, a3, a8; ret", None),
    ("a negative mask", CALL0, "movi a8, -1; and a2, a3, a8; ret", None),
    ("no bits", CALL0, "movi a8, 0; and a2, a3, a8; ret", None),
    ("a mask that is used again", CALL0, "movi a8, 255; and a2, a3, a8; and a3, a4, a8; ret", None),
    ("a mask that is the result", WINDOWED, "movi a2, 1; and a8, a3, a2; retw", None),
    ("a mask of a loop", CALL0, "movi a8, 1; .L1:; and a3, a3, a8; bnez a3, .L1; ret", None),
    ("both are the mask", CALL0, "movi a8, 1; and a2, a8, a8; ret", None),
    ("a call in between", CALL0, "movi a8, 1; call0 near; and a2, a3, a8; ret", None),
    ("an unknown instruction", CALL0, "movi a8, 1; and a2, a3, a8; jx a2", None),
)


def assembly(lines):
    return "\n".join(
        line if line.endswith(":") else "\t" + line.replace(" ", "\t", 1) for line in (part.strip() for part in lines.split(";"))
    )


def check():
    path = os.path.join(process.ROOT, "tools", "xtensa-shorten.py")
    spec = importlib.util.spec_from_file_location("shorten", path)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    for title, convention, before, after in CASES:
        given = (FRAME % (convention, assembly(before))).splitlines(keepends=True)
        got, _ = tool.shorten(given)
        text = "".join(got).replace("\n\n", "\n")
        wanted = assembly(after if after is not None else before)
        body = text[text.index("\nit:\n") + 5 : text.index("\n.Lfunc_end1:")]
        assert body == wanted, "%s:\n%s\ninstead of\n%s" % (title, body, wanted)
        for literal in (".LCPI0_0", ".LCPI0_1", ".LCPI0_2"):
            assert (".literal " + literal in text) == (literal in wanted), "%s: the literal %s" % (title, literal)
