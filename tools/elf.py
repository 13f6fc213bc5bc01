# SPDX-License-Identifier: MIT
"""Reads what tools and tests need of objects, archives and firmware: 32-bit little-endian ELF, and ar.

Usage: tools/elf.py ARCHIVE OBJECT
writes the engine's own object of a libmicrocoapy.a.
"""

import collections
import struct
import sys

ET_REL = 1
SHT_SYMTAB, SHT_RELA, SHT_NOBITS, SHT_REL = 2, 4, 8, 9
SHT_ARM_EXIDX = 0x70000001
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR = 1, 2, 4
STB_LOCAL = 0
STT_FUNC = 2
SHN_UNDEF = 0
EM_ARM, EM_XTENSA, EM_RISCV = 40, 94, 243

Section = collections.namedtuple("Section", "name type flags address size data")
# `section` is None for what is undefined or absolute.
Symbol = collections.namedtuple("Symbol", "name value size type binding section undefined")
# What the linker is to write at an offset of a section.
Relocation = collections.namedtuple("Relocation", "section offset type symbol")


class Elf:
    """An object or a linked program, from its bytes."""

    def __init__(self, data):
        if data[:6] != b"\x7fELF\x01\x01":
            raise ValueError("no 32-bit little-endian ELF file")
        self.machine = struct.unpack_from("<H", data, 18)[0]
        (table,) = struct.unpack_from("<I", data, 32)
        size, count, names = struct.unpack_from("<HHH", data, 46)
        headers = [struct.unpack_from("<10I", data, table + size * index) for index in range(count)]

        def content(header):
            return b"" if header[1] == SHT_NOBITS else data[header[4] : header[4] + header[5]]

        text = content(headers[names])
        self.sections = [
            Section(_string(text, head[0]), head[1], head[2], head[3], head[5], content(head)) for head in headers
        ]
        self.symbols = []
        for head in headers:
            if head[1] == SHT_SYMTAB:
                self._read_symbols(content(head), content(headers[head[6]]))
        self.relocations = []
        if struct.unpack_from("<H", data, 16)[0] == ET_REL:
            for head in headers:
                if head[1] in (SHT_REL, SHT_RELA):
                    self._read_relocations(self.sections[head[7]], content(head), "<III" if head[1] == SHT_RELA else "<II")

    def _read_symbols(self, table, strings):
        for name, value, size, info, _, index in struct.iter_unpack("<IIIBBH", table):
            section = self.sections[index] if 0 < index < len(self.sections) else None
            undefined = index == SHN_UNDEF
            self.symbols.append(Symbol(_string(strings, name), value, size, info & 15, info >> 4, section, undefined))

    def _read_relocations(self, section, table, layout):
        for offset, info, *_ in struct.iter_unpack(layout, table):
            self.relocations.append(Relocation(section, offset, info & 255, self.symbols[info >> 8]))

    def undefined(self):
        """Names of the symbols that others must provide."""
        return {symbol.name for symbol in self.symbols if symbol.undefined and symbol.name}

    def functions(self):
        """Symbols of functions with a size; of several names for one place, the first global one."""
        found = {}
        for symbol in sorted(self.symbols, key=lambda symbol: symbol.binding == STB_LOCAL):
            if symbol.type == STT_FUNC and symbol.size and symbol.section:
                found.setdefault((id(symbol.section), symbol.value & ~self.mode_bits), symbol)
        return list(found.values())

    @property
    def mode_bits(self):
        """Bits of a function's address that are no address: Thumb's."""
        return 1 if self.machine == EM_ARM else 0

    def code(self, function):
        """(address, bytes) of a function."""
        start = function.value & ~self.mode_bits
        offset = start - function.section.address
        return start, function.section.data[offset : offset + function.size]

    def word(self, address):
        """The 32 bits at an address of a linked program; None where nothing is."""
        for section in self.sections:
            offset = address - section.address
            if section.flags & SHF_ALLOC and 0 <= offset and offset + 4 <= len(section.data):
                return struct.unpack_from("<I", section.data, offset)[0]
        return None

    def size(self, flags, without=0):
        """Bytes of the sections that are in memory with these flags."""
        return sum(
            section.size
            for section in self.sections
            if section.flags & (flags | SHF_ALLOC) == flags | SHF_ALLOC and not section.flags & without
        )


def read(path):
    with open(path, "rb") as file:
        return Elf(file.read())


def members(path):
    """(name, bytes) of the files in an ar archive."""
    with open(path, "rb") as file:
        data = file.read()
    if not data.startswith(b"!<arch>\n"):
        raise ValueError(path + " is no archive")
    position, long_names = 8, b""
    while position + 60 <= len(data):
        name = data[position : position + 16].decode().rstrip()
        size = int(data[position + 48 : position + 58])
        content = data[position + 60 : position + 60 + size]
        position += 60 + size + (size & 1)
        if name == "//":
            long_names = content
        elif name not in ("/", "/SYM64/"):
            if name.startswith("/"):
                name = _string(long_names, int(name[1:]), b"\n")
            yield name.rstrip("/"), content


def engine(path):
    """(bytes of) the crate's own object in a libmicrocoapy.a; the others are compiler_builtins."""
    found = [content for name, content in members(path) if name.startswith("microcoapy")]
    if len(found) != 1:
        raise ValueError("%s has %d objects of the crate" % (path, len(found)))
    return found[0]


def _string(table, offset, end=b"\0"):
    return table[offset : table.index(end, offset)].decode()


if __name__ == "__main__":
    with open(sys.argv[2], "wb") as output:
        output.write(engine(sys.argv[1]))
