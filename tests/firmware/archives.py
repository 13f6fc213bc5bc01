# SPDX-License-Identifier: MIT
"""What the project promises of the engine's archives, for every CPU: no panic, no trap, no floating point, no static
memory, and nothing needed from elsewhere but what is listed here."""

import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from runner import process  # noqa: E402

sys.path.append(os.path.join(process.ROOT, "tools"))

import elf  # noqa: E402
import machine_code  # noqa: E402

# What an archive may need. Every C library has the first ones, Thumb's compilers have them under names of their own;
# the others are for integers where the CPU lacks the instruction: division by 64 bits is not among them.
MEMORY = {"memcpy", "memmove", "memset", "memcmp"}
AEABI = {"__aeabi_" + name + size for name in ("memcpy", "memmove", "memset", "memclr") for size in ("", "4", "8")}
ALLOWED = {
    "xtensa-esp8266": MEMORY | {"__udivsi3", "__umodsi3", "__divsi3", "__modsi3", "__muldi3"},
    "xtensa": MEMORY,
    "riscv32": MEMORY,
    "thumbv6m": MEMORY | AEABI | {"__aeabi_uidiv", "__aeabi_uidivmod", "__aeabi_lmul", "__clzsi2"},
    "thumb": MEMORY | AEABI,
}
LINKERS = {
    elf.EM_XTENSA: ["xtensa-lx106-elf-ld"],
    elf.EM_RISCV: ["riscv64-unknown-elf-ld", "-m", "elf32lriscv"],
}
PANIC = re.compile(r"9panicking|core\.\.panicking|core9panick|slice_\w*fail|unwrap_failed|expect_failed|panic_bounds")


def allowed(target):
    return next(names for family, names in ALLOWED.items() if target.startswith(family))


def check_engine(target, folder):
    """Raises AssertionError for the first promise that the archive in the folder breaks."""
    archive = os.path.join(folder, "libmicrocoapy.a")
    code = elf.engine(archive)
    engine = elf.Elf(code)
    check_symbols(target, engine)
    written = engine.size(elf.SHF_WRITE)
    assert written == 0, "%d bytes of .data and .bss" % written
    if engine.machine in LINKERS:
        engine = linked(engine.machine, code)
    check_code(machine_code.Program(engine), engine.functions())


def check_symbols(target, engine):
    panics = sorted({symbol.name for symbol in engine.symbols if PANIC.search(symbol.name)})
    assert not panics, "panics: " + " ".join(panics)
    needed = engine.undefined()
    assert needed, "needs nothing at all: not the engine"
    assert needed <= allowed(target), "needs " + " ".join(sorted(needed - allowed(target)))


def linked(machine, code):
    """The engine's object as a program, though what it needs is missing: only that tells whom it calls."""
    with tempfile.TemporaryDirectory() as folder:
        file, program = os.path.join(folder, "engine.o"), os.path.join(folder, "engine.elf")
        with open(file, "wb") as output:
            output.write(code)
        argv = [*LINKERS[machine], "--unresolved-symbols=ignore-all", "-e", "0", "-o", program, file]
        status, output = process.run(argv, 60)
        assert status == 0, output
        return elf.read(program)


def check_code(program, symbols):
    assert len(symbols) > 100, "%d functions: not the engine" % len(symbols)
    traps, floats = set(), set()
    aborts = {symbol.value for symbol in symbols if symbol.name == "abort"}
    for symbol in symbols:
        function = program.read(symbol)
        if symbol.name != "abort" and (function.traps or aborts & {target for target, _ in function.calls}):
            traps.add(symbol.name)
        if function.floats:
            floats.add(symbol.name)
    assert not floats, "floating point in " + " ".join(sorted(floats))
    assert not traps, "traps in " + " ".join(sorted(traps))


# ---- the checks can fail -------------------------------------------------------------------------

RISCV = (["riscv64-unknown-elf-gcc", "-ffreestanding"], ["riscv64-unknown-elf-ld", "-m", "elf32lriscv"])
COMPILERS = {
    "riscv32imc-unknown-none-elf": ([*RISCV[0], "-march=rv32imc", "-mabi=ilp32"], RISCV[1], "unimp"),
    "riscv32imafc-unknown-none-elf": ([*RISCV[0], "-march=rv32imafc", "-mabi=ilp32f"], RISCV[1], "unimp"),
    "xtensa-esp8266-none-elf": (["xtensa-lx106-elf-gcc", "-mlongcalls"], ["xtensa-lx106-elf-ld"], "ill"),
}
# C code that breaks one promise each, and what the check says of it.
BREAKS = {
    "panic": ("void _ZN4core9panicking5panic17h0E(void) {}", r"^panics: _ZN4core9panicking5panic17h0E$"),
    "trap": ('void broken(int x) { if (x) __asm__ volatile ("TRAP"); }', r"^traps in broken$"),
    "abort": ("void abort(void); void broken(int x) { if (x) abort(); }", r"^needs abort$"),
    "float": ("float broken(float a, float b) { return a * b; }", r"^(needs __mulsf3|floating point in broken)$"),
    "division": ("long long broken(long long a, long long b) { return a / b; }", r"^needs __divdi3$"),
    "data": ("int broken = 1;", r"^4 bytes of \.data and \.bss$"),
    "bss": ("int broken[2];", r"^8 bytes of \.data and \.bss$"),
}


def with_code(target, folder, code, out):
    """An archive in `out` whose engine has this C code besides."""
    compiler, linker, trap = COMPILERS[target]
    source, added, engine = (os.path.join(out, name) for name in ("added.c", "added.o", "engine.o"))
    with open(source, "w") as file:
        file.write(code.replace("TRAP", trap) + "\n")
    with open(engine, "wb") as file:
        file.write(elf.engine(os.path.join(folder, "libmicrocoapy.a")))
    together = os.path.join(out, "microcoapy.o")
    for argv in (
        [*compiler, "-Os", "-fno-common", "-c", source, "-o", added],
        [*linker, "-r", engine, added, "-o", together],
        ["ar", "rcs", os.path.join(out, "libmicrocoapy.a"), together],
    ):
        status, output = process.run(argv, 60)
        assert status == 0, output


def check_refusals(target, folder):
    """Each promise is checked: the archive is refused when it breaks that one, and else not."""
    for name, (code, message) in {"nothing": ("void harmless(void) {}", None), **BREAKS}.items():
        with tempfile.TemporaryDirectory() as out:
            with_code(target, folder, code, out)
            try:
                check_engine(target, out)
                said = None
            except AssertionError as error:
                said = str(error)
            refused = said is not None and message is not None and re.search(message, said)
            assert refused or said is message is None, "%s: %s" % (name, said)
