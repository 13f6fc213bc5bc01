#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Flash and RAM of the module in the emulated boards' firmware: from the linker's maps what was linked in, after the
linker has thrown away what nothing uses, and the heap as measured on the board. `make sizes` builds them and calls this.

Functions that the engine takes from ROM, libgcc or compiler_builtins are listed, not counted: the firmware has them
anyway, and the emulated boards' own floating point uses compiler_builtins too.

Usage: tools/sizes.py [--largest N]
Fails when something has grown past its ceiling below. A ceiling is what the project has reached, flash rounded up to
100, and only goes down, unless a commit says what was bought with the bytes; the goal is printed beside it. --largest N:
the largest functions of each firmware instead.
"""

import argparse
import glob
import importlib
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path += [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests", "firmware")]
sys.dont_write_bytecode = True

import elf  # noqa: E402

# Ceilings and goals in bytes. Flash is code and read-only data, core and shim. Heap is that of one endpoint with an
# exchange of 512-byte messages. Constants: the engine's, which sit in RAM.
CLASSIC = "the same, classic layer alone"
CPUS = {
    "esp8266": {"title": "ESP8266 (lx106)", "flash": (121150, 60 * 1024), "heap": (3296, 2560), "constants": (248, 300)},
    "esp8266-classic": {"title": CLASSIC, "flash": (46600, 33 * 1024), "heap": (2688, 2560), "constants": (18, 300)},
    "esp32": {"title": "ESP32 (windowed Xtensa)", "flash": (138620, 100 * 1024), "heap": (5536, 6 * 1024)},
    "esp32-classic": {"title": CLASSIC, "flash": (51930, 39 * 1024)},
    "rv32": {"title": "ESP32-C3 (rv32imc)", "flash": (110080, 78 * 1024), "heap": (5536, 6 * 1024)},
    "rv32-classic": {"title": CLASSIC, "flash": (41400, 31 * 1024)},
}

# An input section: ' .name 0xaddress 0xsize file', broken after a long name.
SECTION = re.compile(r"^ (\.[^\s]+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+(\S.*)$")
OURS = {"core": re.compile(r"libmicrocoapy\.a\(microcoapy\b"), "shim": re.compile(r"/src/mpy/\w+\.o$")}
KINDS = (
    ("text", re.compile(r"\.(text|literal|irom0)")),
    # ESP8266 reads bytes only from RAM, so the Rust core's constants are renamed to go there.
    ("rodata", re.compile(r"\.s?rodata|\.data\.microcoapy\.rodata|\.data\.rel\.ro")),
    ("ram", re.compile(r"\.s?(data|bss)|COMMON")),
)


def sections(path):
    """(name, address, size, file) of each input section that has an address."""
    with open(path) as lines:
        text = re.sub(r"(?m)^( \.\S+)\n +(0x)", r"\1 \2", lines.read())
    linked = text[text.index("Linker script and memory map") :]
    for line in linked.splitlines():
        found = SECTION.match(line)
        if found and int(found[3], 16):
            yield found[1], int(found[2], 16), int(found[3], 16), found[4]


def measure(path):
    sizes = {part: dict.fromkeys(("text", "rodata", "ram"), 0) for part in OURS}
    for name, _, size, file in sections(path):
        for part, pattern in OURS.items():
            if pattern.search(file):
                kind = next((kind for kind, names in KINDS if names.match(name)), None)
                if kind:
                    sizes[part][kind] += size
    return sizes


def largest(board, count):
    """(bytes, name) of the largest functions of ours."""
    folder = os.path.join(ROOT, "build", "qemu-" + board)
    ours = [
        (address, address + size)
        for name, address, size, file in sections(os.path.join(folder, "firmware.map"))
        if any(pattern.search(file) for pattern in OURS.values()) and KINDS[0][1].match(name)
    ]
    functions = elf.read(os.path.join(folder, "firmware.elf")).functions()
    found = [f for f in functions if any(start <= f.value < end for start, end in ours)]
    found = sorted(found, key=lambda function: -function.size)[:count]
    names = "\n".join(function.name for function in found)
    names = subprocess.run(["c++filt"], input=names, stdout=subprocess.PIPE, text=True, check=True).stdout.split("\n")
    return [(function.size, re.sub(r"\[[0-9a-f]{16}\]", "", name)) for function, name in zip(found, names)]


def borrowed(board):
    """Functions that the engine takes from elsewhere."""
    path = os.path.join(ROOT, "build", "qemu-" + board, "microcoapy-archive", "libmicrocoapy.a")
    return sorted(elf.Elf(elf.engine(path)).undefined())


def heap(board):
    """Bytes of one endpoint's heap, measured on the emulated board: the larger of while it waits and afterwards."""
    board, _, variant = board.partition("-")
    variables = (variant.upper() + "=1",) if variant else ()
    script = os.path.join(ROOT, "tools", "endpoint_heap.py")
    output, status = importlib.import_module(board).Board().run(script, variables, 100)
    found = re.fullmatch(r"(\d+) (\d+)\s*", output)
    if status != 0 or not found:
        sys.exit("sizes: %s: tools/endpoint_heap.py: status %s\n%s" % (board, status, output))
    return max(int(found[1]), int(found[2]))


# What can be left out at build time: the setting's name.
FEATURES = {
    "IPv6 addresses": "MICROCOAPY_IPV6",
    "Observe": "MICROCOAPY_OBSERVE",
    "block-wise transfer": "MICROCOAPY_BLOCK",
    "discovery, multicast": "MICROCOAPY_DISCOVERY",
    "OSCORE": "MICROCOAPY_OSCORE",
}
FEATURE_TARGETS = {"ESP8266": ("xtensa-esp8266-none-elf", "esp8266"), "ESP32-C3": ("riscv32imc-unknown-none-elf", "esp32")}


# Ceilings of OSCORE's row, and the goal.
OSCORE_CEILINGS, OSCORE_GOAL = {"ESP8266": 18400, "ESP32-C3": 17200}, 12 * 1024


def engine_archive(target, profile, setting, value):
    """An engine that is built with the setting, without OSCORE unless that is it."""
    out = os.path.join(ROOT, "build", "sizes", "%s-%s-%s" % (target, setting, value))
    values = {
        "MICROCOAPY_PROFILE": profile,
        "MICROCOAPY_TARGET_DIR": os.path.join(ROOT, "build", "cargo"),
        "MICROCOAPY_XTENSA_AS": "xtensa-lx106-elf-as --text-section-literals",
        "MICROCOAPY_OSCORE": "0",
        setting: value,
    }
    subprocess.run(["sh", os.path.join(ROOT, "tools", "archive.sh"), target, out], env={**os.environ, **values}, check=True)
    return os.path.join(out, "libmicrocoapy.a")


def engine_size(*build):
    """Bytes of code and constants of that engine, before the linker leaves anything out."""
    return elf.Elf(elf.engine(engine_archive(*build))).size(0)


def linked_size(archive):
    """Bytes of code and constants of an archive for this machine, linked with all functions of the ABI and no others."""
    names = subprocess.run(["nm", "-g", "--defined-only", archive], check=True, capture_output=True, text=True).stdout
    wanted = sorted(set(re.findall(r" T (mcoap_\w+)$", names, re.M)))
    out = archive[:-2] + ".so"
    flags = ["-shared", "-nostdlib", "-Wl,--gc-sections", *("-Wl,-u," + name for name in wanted)]
    subprocess.run(["cc", *flags, archive, "-o", out], check=True)
    table = subprocess.run(["size", "-A", out], check=True, capture_output=True, text=True).stdout
    return sum(int(size) for size in re.findall(r"^\.(?:text|rodata)\S* +(\d+)", table, re.M))


def features(over):
    table = Table("feature", *FEATURE_TARGETS)
    for feature, setting in FEATURES.items():
        costs = {}
        for title, (target, profile) in FEATURE_TARGETS.items():
            without, with_it = (engine_size(target, profile, setting, value) for value in "01")
            costs[title] = with_it - without
        table.row("%s (`%s`)" % (feature, setting), *costs.values())
    print("\nOSCORE: goal {:,}".format(OSCORE_GOAL))
    for title, cost in costs.items():
        over.limit("OSCORE, " + title, "the engine", cost, OSCORE_CEILINGS[title])


# Boards whose shim is compiled with coaps, too, and the ceiling of what that adds.
DTLS_CEILINGS = {"esp32": 8200, "rv32": 7300}


def shim_size(folder):
    """Bytes of code and constants of the shim's objects, before the linker leaves anything out."""
    objects = glob.glob(os.path.join(ROOT, "build", folder, "microcoapy", "src", "mpy", "*.o"))
    if len(objects) < 10:
        sys.exit("sizes: no shim in build/" + folder)
    lines = subprocess.run(["size", "-A", *objects], check=True, capture_output=True, text=True).stdout
    return sum(int(size) for size in re.findall(r"^\.(?:text|literal|s?rodata)\S* +(\d+)", lines, re.M))


def dtls(over):
    table = Table("coaps (`MICROCOAPY_DTLS`), the shim's part; the rest is the port's mbedtls", "bytes")
    for board, ceiling in DTLS_CEILINGS.items():
        cost = shim_size("qemu-%s-dtls" % board) - shim_size("qemu-" + board)
        table.row(CPUS[board]["title"], cost)
        over.limit("coaps, " + board, "the shim", cost, ceiling)


# The engine alone on x86-64, all features but OSCORE, against 0.6 of libcoap's code for the same (client, server, observe,
# block, discovery; no TCP, no TLS, no OSCORE; -Os, --gc-sections).
X86_TARGET = "x86_64-unknown-linux-gnu"
X86_LIMIT = 79 * 1024


class Table:
    """Rows for README; remembers what is over its ceiling."""

    def __init__(self, *columns):
        self.over = []
        print("| %s |" % " | ".join(columns))
        print("|---" * len(columns) + "|")

    def row(self, title, *columns):
        print("| %s | %s |" % (title, " | ".join("{:,}".format(column) if column != "" else "" for column in columns)))

    def limit(self, title, what, size, ceiling):
        if size > ceiling:
            self.over.append("%s: %d bytes of %s, more than %d" % (title, size, what, ceiling))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--largest", type=int, default=0, metavar="N", help="the largest functions instead")
    count = parser.parse_args().largest
    return print_largest(count) if count else check()


def print_largest(count):
    for board in CPUS:
        print("\n%s" % board)
        for size, name in largest(board, count):
            print("%6d  %s" % (size, name))
    return 0


def check():
    table = Table(
        "CPU", "core: code", "constants", "shim: code", "constants", ".data and .bss", "flash", "ceiling", "goal",
        "heap of one endpoint", "ceiling", "goal",
    )  # fmt: skip
    for board, cpu in CPUS.items():
        title = cpu["title"]
        path = os.path.join(ROOT, "build", "qemu-" + board, "firmware.map")
        sizes = measure(path)
        core, shim = sizes["core"], sizes["shim"]
        if not core["text"] or not shim["text"]:
            sys.exit("sizes: found nothing of ours in " + path)
        flash = core["text"] + core["rodata"] + shim["text"] + shim["rodata"]
        ram = core["ram"] + shim["ram"]
        used = (heap(board), *cpu["heap"]) if "heap" in cpu else ("", "", "")
        parts = (core["text"], core["rodata"], shim["text"], shim["rodata"])
        table.row(title, *parts, ram, flash, *cpu["flash"], *used)
        table.limit(board, "flash", flash, cpu["flash"][0])
        if "heap" in cpu:
            table.limit(board, "heap of one endpoint", *used[:2])
        table.limit(board, ".data and .bss, where there must be none", ram, 0)
        if "constants" in cpu:
            table.limit(board, "constants in RAM", core["rodata"], cpu["constants"][0])
    print()
    features(table)
    print()
    dtls(table)
    print()
    alone = linked_size(engine_archive(X86_TARGET, "unix", "MICROCOAPY_IPV6", "1"))
    print("engine alone on x86-64: {:,}, goal {:,}".format(alone, X86_LIMIT))
    table.limit("x86-64", "the engine", alone, X86_LIMIT)
    print()
    for board, cpu in CPUS.items():
        print("%s: from ROM, libgcc or compiler_builtins: %s" % (board, ", ".join(borrowed(board))))
    for line in table.over:
        print("over: " + line)
    return 1 if table.over else 0


if __name__ == "__main__":
    sys.exit(main())
