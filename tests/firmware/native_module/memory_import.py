# SPDX-License-Identifier: MIT
# Imports the module `engine` out of `mpy`, the bytes of engine.mpy, and tries it.
import io
import sys
import vfs


class File(io.IOBase):
    def __init__(self):
        self.offset = 0

    def ioctl(self, request, argument):
        return 0

    def readinto(self, buffer):
        part = memoryview(mpy)[self.offset : self.offset + len(buffer)]
        buffer[: len(part)] = part
        self.offset += len(part)
        return len(part)


class Files:
    def mount(self, readonly, mkfs):
        pass

    def stat(self, path):
        if path != "/engine.mpy":
            raise OSError(2)
        return (0x8000,) + 9 * (0,)

    def open(self, path, mode):
        return File()


vfs.mount(Files(), "/memory")
sys.path.append("/memory")

import engine

print(engine.version())
for path in "temperature", ".well-known/core", "nothing":
    print(engine.get(path))
