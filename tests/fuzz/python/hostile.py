# SPDX-License-Identifier: MIT
# What a program may give to the module: values of every kind, and objects whose methods return anything, raise
# anything, or call back into the endpoints.
import gc
import io
from asyncio.core import CancelledError

import microcoapy


class Given(Exception):
    """Raised by hostile code alone."""


SMALL = (0, 1, -1, 2, 3, 4, 5, 7, 8, 9, 11, 13, 15, 16, 20, 23, 27, 31, 32, 40, 50, 60, 63, 64, 65, 69, 95, 127, 128, 160)
EDGES = (191, 192, 255, 256, 1023, 1024, 1025, 5683, 65535, 65536, (1 << 20) - 1, 1 << 20, (1 << 24) - 1, 1 << 24, -2, -65536)
HUGE = tuple(sign * ((1 << bits) - less) for bits in (29, 30, 31, 32, 62, 63, 64, 100) for less in (0, 1) for sign in (1, -1))
FLOATS = (0.0, -0.0, 0.5, 1.0, 1.5, -1.5, 1e-30, 1e30, float("inf"), float("-inf"), float("nan"))
HOSTS = ("10.0.0.1", "10.0.0.2", "127.0.0.1", "::1", "fe80::1", "224.0.1.187", "ff02::fd", "node", "0.0.0.0", "255.255.255.255", "")
URLS = ("value", "handler", "classic", "stream", "large?a=1&b=2", "observed", "task", "/x", "", "/", "a/../b", "%C3%A9", "x" * 300, "a%2")
URIS = (
    "coap://10.0.0.1/value",
    "coap://10.0.0.2/value",
    "coap://10.0.0.1/handler?a=b",
    "coap://10.0.0.2/stream",
    "coap://10.0.0.1/large",
    "coap://10.0.0.2/observed",
    "coap://10.0.0.1/task",
    "coap://10.0.0.2/.well-known/core?rt=x",
    "coap://10.0.0.2:1/x",
    "coap://[::1]/x",
    "coap://[ff02::fd]/x",
    "coap://224.0.1.187/x",
    "coap://node/x",
    "coap://10.0.0.1:0/x",
    "coap://10.0.0.1:65536/x",
    "coap://10.0.0.1/%zz",
    "coap://[::1/x",
    "coap://a@b/x#y",
    "coap:///x",
    "coaps://10.0.0.1/x",
    "http://10.0.0.1/x",
    "coap://10.0.0.1/" + "y/" * 200,
)
GOOD_URIS = 8  # of these, to what the endpoints have
TEXTS = ("", "a", "GET", "FETCH", "iPATCH", "\0", "\xe9\u20ac\U0001f600", "a=b", "q" * 255, "z" * 256, "</a>;rt=\"x\",</b>;ct=40", "</a", "temp*")
BYTES = (b"", b"\0", b"tok1", b"tok2", b"12345678", b"123456789", b"\xff\xfe", b"\xc0\xaf", b"x" * 63, bytes(1024), bytes(1025), bytes(5000))
CLASSES = tuple(getattr(microcoapy, name) for name in dir(microcoapy) if not name.startswith("__")) + (int, str, bytes, list, dict, object, Given, OSError)
RAISED = (Given, Given, OSError, OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError, MemoryError, StopIteration, microcoapy.CoapError)
LEAVING = (KeyboardInterrupt, SystemExit, GeneratorExit, CancelledError)
DETAILS = ((), (0,), (11,), (110,), (-1,), (128,), (132, "text"), (160, b"\xff"), ("text",), (None,), (69, 69), (1 << 64,))


def raise_anything(chance):
    raised = chance.one(LEAVING if chance.percent(6) else RAISED)
    details = chance.one(DETAILS)
    if raised is microcoapy.CoapError:
        try:
            raised = raised(*details)
        except (TypeError, ValueError, OverflowError):
            raised = Given()
        raise raised
    raise raised(*details) if chance.percent(90) else raised


def act(world, chance):
    """What hostile code does before it returns: mostly nothing."""
    if not world.may_act():
        return
    kind = chance.below(16)
    if kind == 0:
        raise_anything(chance)
    elif kind < 3:
        world.reenter(chance)
    elif kind == 3:
        world.stop_one(chance)
    elif kind == 4:
        gc.collect()
    elif kind == 5:
        world.change_buffer(chance)


# ---- objects -------------------------------------------------------------------------------------


class Hostile:
    """An object that has what a protocol may look for, and answers with anything."""

    def __init__(self, world, chance):
        self.world = world
        self.chance = chance

    def answer(self):
        act(self.world, self.chance)
        return anything(self.world, self.chance, 1)

    def __call__(self, *args, **keywords):
        return self.answer()

    def __len__(self):
        act(self.world, self.chance)
        return self.chance.below(5)

    def __hash__(self):
        act(self.world, self.chance)
        return self.chance.below(3)

    def __eq__(self, other):
        act(self.world, self.chance)
        return self.chance.percent(50)

    def __bool__(self):
        act(self.world, self.chance)
        return self.chance.percent(50)

    def __repr__(self):
        act(self.world, self.chance)
        return "Hostile()"

    def __getitem__(self, index):
        return self.answer()

    def __int__(self):
        act(self.world, self.chance)
        return self.chance.below(70)

    def __iter__(self):
        act(self.world, self.chance)
        return items(self.world, self.chance)


class Faulty:
    """An object without methods, whose attributes are computed."""

    def __init__(self, world, chance):
        self.hidden = (world, chance)

    def __getattr__(self, name):
        world, chance = self.hidden
        if chance.percent(50):
            raise AttributeError(name)
        act(world, chance)
        return anything(world, chance, 1)


class Stream:
    """A body or a target with one or more of the methods asked for; `left` bytes until its end."""

    def __init__(self, world, chance):
        self.world = world
        self.chance = chance
        self.left = chance.one((0, 1, 16, 64, 100, 1000, 3000))

    def count(self, size):
        act(self.world, self.chance)
        if self.chance.percent(8):
            return anything(self.world, self.chance, 1)
        count = min(self.left, size, self.chance.one((1, 16, 64, size)))
        self.left -= count
        return count


class Reader(Stream):
    def readinto(self, buffer):
        return self.count(len(buffer))


class ReadOnly(Stream):
    def read(self, size):
        count = self.count(size)
        return bytes(count) if isinstance(count, int) and 0 <= count < 5000 else count


class Writer(Stream):
    def write(self, data):
        return self.count(len(data))

    def seek(self, *args):
        return self.count(10)


class Device(Stream):
    def writeblocks(self, number, buffer):
        return self.count(len(buffer))

    def ioctl(self, op, argument):
        act(self.world, self.chance)
        return self.chance.one((0, 16, 64, 100, 512, 512, 4096, -1, None, 1 << 40, "x"))


def items(world, chance):
    """A generator: pieces of a body, and what is none."""
    for _ in range(chance.below(6)):
        act(world, chance)
        yield anything(world, chance, 1) if chance.percent(20) else chance.one((b"piece", "text", b"", bytes(100), bytearray(20)))


def callable_of(world, chance):
    kind = chance.below(5)
    if kind == 0:
        return Hostile(world, chance)
    if kind == 1:

        async def task(*args):
            act(world, chance)
            return result(world, chance)

        return task
    if kind == 2:

        def pieces(*args):
            yield from items(world, chance)

        return pieces

    def function(*args, **keywords):
        act(world, chance)
        for argument in args:
            world.keep(argument)
        return result(world, chance)

    return function


def result(world, chance):
    """What a handler returns."""
    kind = chance.below(12)
    if kind < 3:
        return chance.one((None, "text", b"bytes", "", 69, 132, bytes(3000), (69, "x"), (69, b"x", 60), (None, None), (68,)))
    if kind < 5:
        return body(world, chance)
    if kind == 5:
        return (chance.one(SMALL), body(world, chance), chance.one(SMALL))
    if kind == 6:
        return True
    if kind == 7:
        return world.response(chance)
    return anything(world, chance, 1) if kind == 8 else "ok"


# ---- values --------------------------------------------------------------------------------------


def body(world, chance):
    kind = chance.below(8)
    if kind == 0:
        return items(world, chance)
    if kind == 1:
        return Reader(world, chance)
    if kind == 2:
        return ReadOnly(world, chance)
    if kind == 3:
        return io.BytesIO(bytes(chance.one((0, 5, 64, 2000))))
    if kind == 4:
        return [b"part", "s", bytearray(70)]
    return chance.one(BYTES) if kind < 7 else chance.one(world.buffers)


def target(world, chance):
    kind = chance.below(5)
    if kind == 0:
        return io.BytesIO()
    return (Writer, Device, Stream, Hostile)[kind - 1](world, chance)


def sequence(world, chance, depth):
    found = [anything(world, chance, depth + 1) for _ in range(chance.below(4))]
    return tuple(found) if chance.percent(50) else found


def number(chance):
    return chance.one(SMALL if chance.percent(50) else EDGES if chance.percent(60) else HUGE)


def anything(world, chance, depth=0):
    kind = chance.below(16 if depth < 2 else 10)
    if kind == 0:
        return chance.one((None, True, False, NotImplemented, Ellipsis, object(), range(3)))
    if kind < 3:
        return number(chance)
    if kind == 3:
        return chance.one(FLOATS)
    if kind == 4:
        return chance.one(chance.one((TEXTS, URLS, URIS, HOSTS)))
    if kind == 5:
        return chance.one(BYTES)
    if kind == 6:
        return chance.one((bytearray(8), memoryview(b"view"), memoryview(bytearray(40))[3:20], chance.one(world.buffers)))
    if kind < 9:
        return world.object(chance)
    if kind == 9:
        return chance.one(CLASSES)
    if kind == 10:
        return {chance.one((1, "a", "rt", b"k")): anything(world, chance, depth + 1) for _ in range(chance.below(3))}
    if kind == 11:
        return callable_of(world, chance.fork())
    if kind == 12:
        return chance.one((Hostile, Faulty, Reader, ReadOnly, Writer, Device, items))(world, chance.fork())
    return sequence(world, chance, depth)
