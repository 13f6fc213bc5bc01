# SPDX-License-Identifier: MIT
"""The engine in a dynamic native module (.mpy): its object alone is made for that, MicroPython's own linker takes it, and
stock firmware, in which nothing is ours, imports it.

docs/native-module.md says what is promised of the object.
"""

import base64
import functools
import os
import re
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import archives  # noqa: E402
import rv32  # noqa: E402
from runner import firmware, mptree, process, setup  # noqa: E402

sys.path.append(os.path.join(process.ROOT, "tools"))

import elf  # noqa: E402

# Beside those of the emulated board. The compiler for Arm comes without C headers.
PACKAGES = ("gcc-arm-none-eabi", "libnewlib-dev")
# MicroPython's name of the architecture: the Rust target.
ARCHITECTURES = {"rv32imc": "riscv32imc-unknown-none-elf", "armv7m": "thumbv7m-none-eabi"}
SOURCES = os.path.join(process.TESTS, "firmware", "native_module")
WORK = os.path.join(process.ROOT, "build", "ports", "native-module")
INCLUDE = os.path.join(process.ROOT, "include")


def run(*argv, env=None):
    status, output = process.run(list(argv), 900, env=env)
    if status == firmware.STATUS_MISSING and argv[0] == "sh":
        raise setup.Missing(output.strip())
    assert status == 0, "%s: status %s\n%s" % (" ".join(argv), status, output[-4000:])
    return output


@functools.lru_cache(maxsize=None)
def build_object(target):
    """Path of the engine's object alone."""
    folder = os.path.join(WORK, target)
    env = {"MICROCOAPY_PIC": "1", "MICROCOAPY_TARGET_DIR": os.path.join(process.ROOT, "build", "cargo")}
    run("sh", os.path.join(process.ROOT, "tools", "archive.sh"), target, folder, env=env)
    return os.path.join(folder, "microcoapy.o")


# ---- the engine's object -------------------------------------------------------------------------

# Relocations of code by distance: BRANCH, JAL, CALL, CALL_PLT, PCREL_HI20, PCREL_LO12_I, PCREL_LO12_S, ALIGN,
# RVC_BRANCH, RVC_JUMP and RELAX; REL32, THM_CALL and THM_JUMP24.
BY_DISTANCE = {elf.EM_RISCV: {16, 17, 18, 19, 23, 24, 25, 43, 44, 45, 51}, elf.EM_ARM: {3, 10, 30}}
# What mpy_ld.py takes, beside tables of pointers, which are .data.rel.ro; the rest it leaves out without a word.
LINKED = (".text", ".rodata")


def check_object(target, engine):
    """Raises AssertionError for the first promise that the object breaks."""
    archives.check_symbols(target, engine)
    # Where code begins and ends for those who unwind a stack. mpy_ld.py needs none.
    loaded = [s for s in engine.sections if s.flags & elf.SHF_ALLOC and s.size and s.type != elf.SHT_ARM_EXIDX]
    tables = {relocation.section for relocation in engine.relocations if relocation.section in loaded}
    tables = {section for section in tables if not section.flags & elf.SHF_EXECINSTR}
    written = sum(section.size for section in loaded if section.flags & elf.SHF_WRITE and section not in tables)
    assert not written, "%d bytes of .data and .bss" % written
    assert not tables, "tables of pointers: " + "; ".join(sorted(described(engine, section) for section in tables))
    others = {section.name for section in loaded if not section.name.startswith(LINKED)}
    assert not others, "sections that are not linked: " + " ".join(sorted(others))
    code = [relocation for relocation in engine.relocations if relocation.section in loaded]
    absolute = {r.section.name for r in code if r.type not in BY_DISTANCE[engine.machine]}
    assert not absolute, "not position-independent: " + " ".join(sorted(absolute))
    return "%d bytes" % sum(section.size for section in loaded)


def described(engine, table):
    users = {r.section.name for r in engine.relocations if r.symbol.section is table and r.section is not table}
    return "%s, %d bytes, in %s" % (table.name, table.size, " ".join(sorted(users)) or "nothing")


# ---- the check can fail --------------------------------------------------------------------------

COMPILERS = {
    "rv32imc": ["riscv64-unknown-elf-gcc", "-march=rv32imc", "-mabi=ilp32", "-msmall-data-limit=0"],
    "armv7m": ["arm-none-eabi-gcc", "-mthumb", "-mcpu=cortex-m3"],
}
# In place of the engine: C code that keeps each promise.
HARMLESS = """
void *memcpy(void *to, const void *from, __SIZE_TYPE__ len);
static const char text[] = "text";
void copy(char *to) { memcpy(to, text, 99); }
"""
FUNCTIONS = "void a(void) {} void b(void) {} void (*const table[])(void) = {a, b};"
# C code that breaks one promise each, how it is compiled, and what the check says of it.
BREAKS = {
    "nothing": ("", "-fpic", None),
    "data": ("int broken = 1;", "-fpic", r"^4 bytes of \.data and \.bss$"),
    "bss": ("int broken[2];", "-fpic", r"^8 bytes of \.data and \.bss$"),
    "small data": ("__attribute__((section('.sbss'))) int broken;", "-fpic", r"^4 bytes of \.data and \.bss$"),
    "table": (FUNCTIONS, "-fpic", r"^tables of pointers: \.data\.rel\.ro\S*, 8 bytes, in nothing$"),
    "table in .rodata": (FUNCTIONS + "void use(int i) { table[i](); }", "-fno-pic", r"^tables of pointers: \.rodata\S*, \d+ bytes, in .*\.text\.use$"),
    "unknown section": ("__attribute__((section('.constants'))) const int broken = 1;", "-fpic", r"^sections .* linked: \.constants$"),
    "absolute code": ("const char *broken(void) { return text; }", "-fno-pic", r"^not position-independent: .*\.text\.broken"),
    "helper": ("long long broken(long long a, long long b) { return a / b; }", "-fpic", r"^needs (__divdi3|__aeabi_ldivmod)$"),
}


def check_refusals(architecture):
    """Each promise is checked: an object is refused when it breaks that one, and else not."""
    for name, (code, option, message) in BREAKS.items():
        with tempfile.TemporaryDirectory() as folder:
            source, compiled = os.path.join(folder, "broken.c"), os.path.join(folder, "broken.o")
            with open(source, "w") as file:
                file.write(HARMLESS + code.replace("'", '"') + "\n")
            options = ["-ffreestanding", "-Os", "-fno-common", "-ffunction-sections", option]
            run(*COMPILERS[architecture], *options, "-c", source, "-o", compiled)
            try:
                check_object(ARCHITECTURES[architecture], elf.read(compiled))
                said = None
            except AssertionError as error:
                said = str(error)
        refused = said is not None and message is not None and re.search(message, said)
        assert refused or said is message is None, "%s: %s" % (name, said)


# ---- the module ----------------------------------------------------------------------------------


@functools.lru_cache(maxsize=None)
def build_module(architecture):
    """Path of engine.mpy, made by MicroPython's own rules and linker."""
    folder = os.path.join(WORK, architecture)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SOURCES, folder)
    settings = ["MPY_DIR=" + mptree.source(), "ARCH=" + architecture, "PYTHON=" + setup.venv()]
    settings += ["ENGINE=" + build_object(ARCHITECTURES[architecture]), "INCLUDE=" + INCLUDE]
    run("make", "-C", folder, *settings)
    return os.path.join(folder, "engine.mpy")


def check_module(architecture):
    return "%d bytes" % os.path.getsize(build_module(architecture))


# ---- stock firmware ------------------------------------------------------------------------------

# Of a board's 2 MB. The module comes as text, and is in memory twice before it is linked.
HEAP = 1000000
# Code, payload: the resource's, the engine's own document, and its refusal.
SAID = "%s\n(69, b'21.5')\n(69, b'</temperature>')\n(132, b'')\n"


def build_stock_firmware():
    """MicroPython's own board VIRT_RV32, but for what boards/qemu-rv32 says of its linker script and -misa-spec."""
    folder = os.path.join(WORK, "stock")
    shutil.rmtree(folder, ignore_errors=True)
    settings = ["BOARD=VIRT_RV32", "BUILD=" + folder, "RV32_ARCH=rv32imc -misa-spec=2.2", "MICROPY_HEAP_SIZE=%d" % HEAP]
    settings += ["LDSCRIPT=" + os.path.join(process.ROOT, "boards", "qemu-rv32", "firmware.ld"), "FROZEN_MANIFEST="]
    run("make", "-j2", "-C", os.path.join(mptree.source(), "ports", "qemu"), *settings)
    return os.path.join(folder, "firmware.elf")


def check_run():
    """Imported by firmware without microcoapy, two endpoints in the module talk to each other."""
    with open(os.path.join(process.ROOT, "Cargo.toml")) as file:
        version = re.search(r'^version = "(.*)"$', file.read(), re.MULTILINE).group(1)
    with open(build_module("rv32imc"), "rb") as file:
        text = "import binascii\nmpy = binascii.a2b_base64(%r)\n" % base64.b64encode(file.read())
    with open(os.path.join(SOURCES, "memory_import.py")) as file:
        text += file.read()
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
        script.write(text)
        script.flush()
        output, status = rv32.Board(build_stock_firmware()).run(script.name, (), 300)
    assert status == 0 and output == SAID % version, "status %s\n%s" % (status, output)


def checks():
    for architecture, target in ARCHITECTURES.items():
        yield "object/" + architecture, lambda t=target: check_object(t, elf.read(build_object(t)))
        yield "refusals/" + architecture, lambda a=architecture: check_refusals(a)
        yield "module/" + architecture, lambda a=architecture: check_module(a)
    yield "run/rv32imc", check_run
