#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Flash and RAM of the module in the emulated boards' firmware, from the linker's maps: what was linked in, after
the linker has thrown away what nothing uses. `make sizes` builds the boards and calls this.

Fails when something has grown past the ceiling below. The ceilings are what the project has reached, so that it
does not grow unnoticed; the budgets of the firmware milestone are lower, and printed beside it.
"""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Bytes of flash (code and read-only data): core and shim. The budget is that of the classic layer alone.
CPUS = {
    "esp8266": {"title": "ESP8266 (lx106)", "ceiling": 48 * 1024, "budget": 17 * 1024},
    "esp32": {"title": "ESP32 (windowed Xtensa)", "ceiling": 64 * 1024, "budget": 18 * 1024},
    "rv32": {"title": "ESP32-C3 (rv32imc)", "ceiling": 44 * 1024, "budget": 18 * 1024},
}

# An input section: ' .name 0xaddress 0xsize file', broken after a long name.
SECTION = re.compile(r"^ (\.[^\s]+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+(\S.*)$")
OURS = {"core": re.compile(r"libmicrocoapy\.a\("), "shim": re.compile(r"/src/mpy/\w+\.o$")}
KINDS = (
    ("text", re.compile(r"\.(text|literal|irom0)")),
    # ESP8266 reads bytes only from RAM, so the Rust core's constants are renamed to go there.
    ("rodata", re.compile(r"\.s?rodata|\.data\.microcoapy\.rodata|\.data\.rel\.ro")),
    ("ram", re.compile(r"\.s?(data|bss)|COMMON")),
)


def sections(path):
    """(name, size, file) of each input section that has an address."""
    with open(path) as lines:
        text = re.sub(r"(?m)^( \.\S+)\n +(0x)", r"\1 \2", lines.read())
    linked = text[text.index("Linker script and memory map") :]
    for line in linked.splitlines():
        found = SECTION.match(line)
        if found and int(found[3], 16):
            yield found[1], int(found[3], 16), found[4]


def measure(path):
    sizes = {part: dict.fromkeys(("text", "rodata", "ram"), 0) for part in OURS}
    for name, size, file in sections(path):
        for part, pattern in OURS.items():
            if pattern.search(file):
                kind = next((kind for kind, names in KINDS if names.match(name)), None)
                if kind:
                    sizes[part][kind] += size
    return sizes


def main():
    over = []
    print("| CPU | core: code | constants | shim: code | constants | .data and .bss | flash | ceiling | budget |")
    print("|---|---|---|---|---|---|---|---|---|")
    for board, cpu in CPUS.items():
        path = os.path.join(ROOT, "build", "qemu-" + board, "firmware.map")
        sizes = measure(path)
        core, shim = sizes["core"], sizes["shim"]
        if not core["text"] or not shim["text"]:
            sys.exit("sizes: found nothing of ours in " + path)
        flash = core["text"] + core["rodata"] + shim["text"] + shim["rodata"]
        ram = core["ram"] + shim["ram"]
        columns = (core["text"], core["rodata"], shim["text"], shim["rodata"], ram, flash, cpu["ceiling"], cpu["budget"])
        print("| %s | %s |" % (cpu["title"], " | ".join("{:,}".format(column) for column in columns)))
        if flash > cpu["ceiling"]:
            over.append("%s: %d bytes of flash, more than %d" % (cpu["title"], flash, cpu["ceiling"]))
        if ram:
            over.append("%s: %d bytes of .data and .bss, where there must be none" % (cpu["title"], ram))
    for line in over:
        print("over: " + line)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
