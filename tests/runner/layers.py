# SPDX-License-Identifier: MIT
"""What docs/architecture.md promises of the shim's files: each uses only files of rows below its own, only a few know what
platform they are built for, and tables that hold names stand apart from functions.

Which file uses which is read from the symbols of the unix port's objects, as the compiler has left them; a pointer that
is handed down is no use, which is how a lower file reaches a higher one.
"""

import glob
import os
import re
import subprocess

from runner import process
from runner.report import Failed

SOURCES = os.path.join(process.ROOT, "src", "mpy")
OBJECTS = os.path.join(process.ROOT, "build", "unix", "microcoapy", "src", "mpy")
PAGE = os.path.join("docs", "architecture.md")
HEADING = "## Layers of the shim"
# What tells a platform in a condition of the preprocessor, and who may ask.
PLATFORM = re.compile(r"__unix__|__APPLE__|__linux__|_WIN32|__ets__|ESP_PLATFORM|MICROPY_VERSION|MICROCOAPY_POSIX|__xtensa__|__riscv")
KNOW_PLATFORMS = re.compile(r"port\.h|entropy\.c|sockaddr\.[ch]|link\w*\.[ch]")

# What a table with names is made of: dictionaries, types, lists of names.
TABLE = re.compile(r"MP_ROM_QSTR|mp_rom_map_elem_t|MP_DEFINE_CONST_DICT|MP_DEFINE_CONST_OBJ_TYPE|qstr_short_t \w+\[\w*\] = |\{ *MP_QSTR_")
FUNCTION = re.compile(r"^\w[^=;#/]*\([^;=]*\) \{$")


def rows():
    """The files of each row of the page's table, from the top."""
    with open(os.path.join(process.ROOT, PAGE)) as page:
        text = page.read()
    if HEADING not in text:
        raise Failed("%s has no %r" % (PAGE, HEADING))
    table = text.split(HEADING, 1)[1].split("\n#", 1)[0]
    return [re.findall(r"`(\w+\.c)`", line.split("|")[1]) for line in table.splitlines() if line.startswith("| `")]


def symbols(path):
    """(defined, undefined): names of the shim's own in an object."""
    output = subprocess.run(["nm", "-g", path], check=True, capture_output=True, text=True).stdout
    found = [line.split()[-2:] for line in output.splitlines() if line.strip()]
    ours = [(kind, name) for kind, name in found if name.startswith("microcoapy_")]
    return {name for kind, name in ours if kind != "U"}, {name for kind, name in ours if kind == "U"}


def uses(files):
    """{file: {other file: names of what it uses of that}}"""
    tables = {file: symbols(os.path.join(OBJECTS, file[:-2] + ".o")) for file in files}
    home = {name: file for file, (defined, _) in tables.items() for name in defined}
    found = {file: {} for file in files}
    for file, (_, undefined) in tables.items():
        for name in undefined & home.keys():
            found[file].setdefault(home[name], set()).add(name)
    return found


def shim_has_layers():
    files = sorted(os.path.basename(path) for path in glob.glob(os.path.join(SOURCES, "*.c")))
    table = rows()
    named = sorted(file for row in table for file in row)
    if named != files:
        raise Failed("the table has\n%s\nsrc/mpy has\n%s" % (" ".join(named), " ".join(files)))
    row_of = {file: index for index, row in enumerate(table) for file in row}
    found = uses(files)
    if sum(len(others) for others in found.values()) < len(files):
        raise Failed("too few uses found in %s" % OBJECTS)
    wrong = [
        "%s uses %s, which is not in a row below: %s" % (file, other, " ".join(sorted(names)))
        for file, others in found.items()
        for other, names in others.items()
        if row_of[other] <= row_of[file]
    ]
    if wrong:
        raise Failed("\n".join(wrong))


def lines(*patterns):
    """(path below src/mpy, line number, line) of each line of the files."""
    for pattern in patterns:
        for path in sorted(glob.glob(os.path.join(SOURCES, pattern))):
            with open(path) as file:
                for number, line in enumerate(file, 1):
                    yield os.path.relpath(path, SOURCES), number, line


def few_files_know_the_platform():
    wrong = []
    for path, number, line in lines("*.[ch]"):
        if re.match(r"\s*#\s*(if|elif)", line) and PLATFORM.search(line) and not KNOW_PLATFORMS.fullmatch(path):
            wrong.append("%s:%d: %s" % (path, number, line.strip()))
    if wrong:
        raise Failed("conditions for a platform outside port.h, entropy.c and the links:\n" + "\n".join(wrong))


def names_in_tables_stand_apart():
    wrong = []
    tables = 0
    for path, number, line in lines("*.[ch]", "tables/*"):
        apart = path.startswith("tables/")
        tables += apart and TABLE.search(line) is not None
        if (FUNCTION if apart else TABLE).search(line):
            wrong.append("%s:%d: %s" % (path, number, line.strip()))
    if wrong:
        raise Failed("a table outside of tables/, or a function in it:\n" + "\n".join(wrong))
    if tables < 20:
        raise Failed("only %d lines of tables found" % tables)
