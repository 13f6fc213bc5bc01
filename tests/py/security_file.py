# needs: block,observe,discovery,modern,oscore
# SequenceFile: what was stored is there again, wherever the power goes.
import errno
import os

import microcoapy
from support import raised

files = {}
power = [None]  # bytes that may still be written


class PowerCut(Exception):
    pass


def spend(count):
    if power[0] is not None:
        power[0] -= count
        if power[0] < 0:
            raise PowerCut


class File:
    def __init__(self, name, mode):
        self.name = name
        if mode == "wb":
            spend(1)  # the old content goes
            files[name] = b""
        elif name not in files:
            raise OSError(errno.ENOENT)

    def write(self, data):
        for byte in data:
            spend(1)
            files[self.name] += bytes([byte])
        return len(data)

    def read(self):
        return files[self.name]

    def close(self):
        spend(1)


class FileSystem:
    """Files in memory, whose power goes after so many bytes."""

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    def open(self, name, mode):
        return File(name, mode)


os.mount(FileSystem(), "/invented")
PATH = "/invented/seq"

store = microcoapy.SequenceFile(PATH)
print(store.load())
for number in (1, 255, 1 << 32, (1 << 40) - 1, 1 << 40):
    store.save(number)
    # With one file only, the other one may have been lost, with a higher number.
    print(store.load() - number, microcoapy.SequenceFile(PATH).load() - number, sorted(files))
for number in (-1, (1 << 41) + 1, "5", None):
    print(raised(store.save, number))
print(raised(microcoapy.SequenceFile), raised(microcoapy.SequenceFile, 5))
good = dict(files)
newest = max(files, key=lambda name: files[name])
files[newest] = files[newest][:-1] + b"\x00"
print("damaged:", store.load() - (1 << 40))
del files[newest]
print("missing:", store.load() - (1 << 40))
files[newest] = b""
for name in files:
    files[name] = b"damaged too!"
print(raised(store.load))
files.clear()
files["/seq.0"] = bytes(5)
print("cut at once:", store.load())
files["/seq.1"] = bytes(5)
print(raised(store.load))
files.clear()

print("-- the power goes at every write")
cuts = 0
for rounds in (0, 1, 2, 3):
    for budget in range(16):
        files.clear()
        power[0] = None
        store = microcoapy.SequenceFile(PATH)
        store.load()
        stored = None
        for number in range(rounds):
            store.save(100 * (number + 1))
            stored = 100 * (number + 1)
        power[0] = budget
        try:
            store.save(1000)
            stored = 1000
        except PowerCut:
            cuts += 1
        power[0] = None
        found = microcoapy.SequenceFile(PATH).load()
        # What was stored is there, or what was being stored; or what may have been used is left out.
        admitted = (None, 1000 + 128) if stored is None else (stored, stored + 128, 1000)
        assert found in admitted, (rounds, budget, found, stored)
print(cuts)
print(raised(microcoapy.SequenceFile("/invented/nowhere/seq").load), raised(microcoapy.SequenceFile("/nowhere/seq").save, 5))
os.umount("/invented")
