# SPDX-License-Identifier: MIT
# Numbers that follow from a seed alone. Each hostile object has a generator of its own: how often the engine calls it
# does not change what is done next.


class Chance:
    """xorshift, 30 bits: the same on every port, without big integers."""

    def __init__(self, seed):
        self.state = (seed * 40503 + 12345) & 0x3FFFFFFF or 1
        for _ in range(8):
            self.bits()

    def bits(self):
        x = self.state
        x ^= x << 13 & 0x3FFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0x3FFFFFFF
        self.state = x or 1
        return x

    def below(self, count):
        return (self.bits() >> 3) % count

    def one(self, items):
        return items[self.below(len(items))]

    def percent(self, share):
        return self.below(100) < share

    def bytes(self, length):
        return bytes([self.below(256) for _ in range(length)])

    def fork(self):
        return Chance(self.bits())
