# SPDX-License-Identifier: MIT
# The endpoints of one batch, what they have given so far, and one step of what a program may do with them.
import sys
import time

import microcoapy
import datagrams
import hostile
from arguments import arguments
from asyncio.core import CancelledError
from chance import Chance
from hostile import Given, anything, callable_of
from sockets import LOOKS_PER_CASE, Base, Flat, Module, Socket, TellsReadiness

ALLOWED = (
    TypeError,
    ValueError,
    OSError,
    AttributeError,
    MemoryError,
    RuntimeError,
    KeyError,
    StopIteration,
    StopAsyncIteration,
    IndexError,  # of the empty list that the module `socket` has for an address
    microcoapy.CoapError,
    # What only hostile code raises.
    Given,
    KeyboardInterrupt,
    SystemExit,
    GeneratorExit,
    CancelledError,
)
# An attribute of that name may be another thing by then.
stop = microcoapy.Coap.stop
Discovery = type(microcoapy.Coap().discover("10.0.0.1"))
ADDRESSES = (("10.0.0.1", 5683), ("10.0.0.2", 5683))
PLAIN = (int, str, bytes, bool, float, tuple, dict, type(None), bytearray, type, type(len), type(lambda: 0))
OBJECTS_KEPT = 24
ACTS_PER_CASE = 40
DEPTH_MAX = 3
# A call that takes longer has not been ended by stop(): milliseconds.
CASE_MS = 20000
# Wait for ever, unless told otherwise.
WAITING = ("poll", "loop", "run", "wait", "__next__")
OF_SOCKETS = ("start", "__enter__", "feed", "take", "run", "setCustomSocket")
NAMES = ("callback", "anything", "rt", "payload", "__class__", "__name__", "__dict__", "_private", "etag")
DUNDERS = ("__enter__", "__exit__", "__next__", "__iter__", "__await__", "__aiter__", "__anext__", "__aenter__", "__aexit__", "__call__")


class World:
    def __init__(self, seed, verbose=False):
        self.chance = Chance(seed)
        self.verbose = verbose
        self.case = self.looks = self.depth = self.waiting = 0
        self.acts = ACTS_PER_CASE  # not while the endpoints are made
        self.findings = []
        self.queues = {}
        self.sent = []
        self.buffers = [bytearray(b"body"), bytearray(100)]
        self.objects = [microcoapy]
        self.discoveries = []
        self.owners = {}
        self.names = {}
        self.place = 0
        sys.modules["socket"] = Module(self, self.chance.fork())
        self.endpoints = []  # all of them: what is not kept otherwise may still be waited for
        self.coaps = []
        self.coaps = [self.endpoint(number) for number in range(4)]

    # ---- what there is

    def endpoint(self, number):
        """The first two are fed, the others have sockets."""
        chance = self.chance
        coap = microcoapy.Coap(max_message=256, message_store=1024 * (1 + chance.below(3)), max_body=2048, nstart=1 + chance.below(3))
        self.endpoints.append(coap)
        coap.responseCallback = callable_of(self, chance.fork())
        coap.errorCallback = callable_of(self, chance.fork())
        coap.addIncomingRequestCallback("classic", callable_of(self, chance.fork()))
        self.keep(coap.resource("value", value=b"value", obs=True), coap)
        self.keep(coap.resource("observed", obs=True)(callable_of(self, chance.fork())), coap)
        for path in ("handler", "stream", "task"):
            resource = coap.resource(path, methods=("GET", "PUT", "POST", "FETCH"), obs=path == "task", rt="x")
            self.keep(resource(callable_of(self, chance.fork())), coap)
        coap.resource("large", value=bytes(1500))
        if number > 1:
            coap.setCustomSocket(self.guarded(chance, number))
        return coap

    def guarded(self, chance, number=None):
        address = ADDRESSES[(chance.below(2) if number is None else number) & 1]
        kind = chance.one((Socket, Socket, TellsReadiness, Flat, Base))
        return kind(self, chance.fork(), address)

    def socket(self, chance):
        """For a call that waits, one that ends it."""
        if self.waiting or chance.percent(80):
            return self.guarded(chance)
        return chance.one((None, self.object(chance), anything(self, chance)))

    def keep(self, thing, owner=None):
        if isinstance(thing, (Chance, World)):
            return  # an attribute of hostile objects
        if type(thing) is list:
            for item in thing[:4]:
                self.keep(item, owner)
        elif isinstance(thing, microcoapy.Coap) and not any(thing is coap for coap in self.endpoints):
            self.endpoints.append(thing)
            self.objects.append(thing)
        elif isinstance(thing, Discovery):
            self.discoveries = [thing] + self.discoveries[:2]
            self.owners[id(thing)] = owner
        elif type(thing) not in PLAIN and not isinstance(thing, BaseException):
            if len(self.objects) < OBJECTS_KEPT:
                self.objects.append(thing)
            else:
                self.place = (self.place + 1) % OBJECTS_KEPT
                self.owners.pop(id(self.objects[self.place]), None)
                self.objects[self.place] = thing
            if owner is not None:
                self.owners[id(thing)] = owner

    def object(self, chance):
        return chance.one(self.coaps if self.coaps and chance.percent(30) else self.objects)

    @staticmethod
    def is_search(thing):
        return isinstance(thing, Discovery)

    def subject(self, chance):
        """Of a step. A search for links is no value: iterating over it waits, wherever it was given to."""
        return chance.one(self.discoveries) if self.discoveries and chance.percent(8) else self.object(chance)

    def packet(self, chance):
        packet = microcoapy.CoapPacket()
        packet.method = chance.one((0, 1, 2, 3, 69, 132))
        packet.type = chance.below(4)
        packet.token = chance.one((b"", None, b"tok1"))
        packet.payload = chance.one(hostile.BYTES)
        packet.messageid = chance.one((0, 1, 65535))
        if chance.percent(30):
            packet.addOption(chance.one(datagrams.NUMBERS), chance.one(datagrams.VALUES))
        return packet

    def response(self, chance):
        try:
            given, keywords = arguments(self, chance, "Response")
            return microcoapy.Response(*given, **keywords)
        except (TypeError, ValueError, OSError):
            return microcoapy.Response(69, b"response")

    def state(self, chance):
        state = chance.one(self.coaps).export_state()
        return chance.one((state, datagrams.mutated(chance, state), state[: chance.below(len(state))], None, b""))

    def address(self, chance):
        if chance.percent(60):
            return chance.one(ADDRESSES)
        return chance.one(("peer", 7, None, (), [], ["10.0.0.1", 5683], ("node", 1), ("fe80::1", 5, 0, 2), (5, 5), b"\2\0\x16\x33", anything(self, chance)))

    def datagram(self, chance):
        return datagrams.datagram(chance, chance.one(self.sent) if self.sent else b"")

    def note_sent(self, data):
        self.sent.append(bytes(data))
        if len(self.sent) > 6:
            self.sent.pop(0)

    # ---- what hostile code asks for

    def may_act(self):
        self.acts += 1
        return self.acts < ACTS_PER_CASE and self.depth < DEPTH_MAX

    def reenter(self, chance):
        self.step(chance)

    def stop_one(self, chance):
        self.call("stop", stop, (chance.one(self.coaps),))

    def stop_of(self, sock):
        for coap in self.endpoints:
            if coap.sock is sock:
                self.call("stop", stop, (coap,))

    def has_waited(self):
        self.looks += 1
        return self.looks > LOOKS_PER_CASE

    def change_buffer(self, chance):
        buffer = chance.one(self.buffers)
        if len(buffer) > 2000:
            buffer[:] = b""
        else:
            buffer.extend(bytes(chance.one((1, 20, 700))))

    # ---- calls

    def call(self, what, function, args=(), keywords={}, owner=None):
        """What it returns is kept; what it raises is looked at."""
        if self.verbose:
            print("  " * self.depth + what, [type(arg) for arg in args], sorted(keywords))
        self.depth += 1
        try:
            self.keep(function(*args, **keywords), owner)
        except BaseException as error:
            self.judge(what, error)
        finally:
            self.depth -= 1

    def judge(self, what, error):
        if not isinstance(error, ALLOWED):
            self.find("%s raised %s %s" % (what, type(error).__name__, error))
            sys.print_exception(error)

    def find(self, text):
        self.findings.append("case %d: %s" % (self.case, text))

    def owner(self, thing):
        return thing if isinstance(thing, microcoapy.Coap) else self.owners.get(id(thing))

    def is_guarded(self, thing):
        """Whether a socket ends what waits for it."""
        owner = self.owner(thing)
        return owner is not None and isinstance(owner.sock, Socket)

    def names_of(self, thing):
        kind = type(thing)
        if kind not in self.names:
            names = [name for name in dir(thing) if not name.startswith("__")]
            self.names[kind] = names + [name for name in DUNDERS if hasattr(kind, name)]
        return self.names[kind] or NAMES

    def a_method(self, chance):
        thing = self.subject(chance)
        for _ in range(4):
            name = chance.one(self.names_of(thing))
            if callable(getattr(thing, name, None)) and (name != "stop" or chance.percent(30)):
                self.a_call(chance, thing, name)
                return

    def a_request(self, chance):
        """What the modern layer has most of its code for."""
        coap = chance.one(self.coaps)
        self.a_call(chance, coap, chance.one(("get", "get", "put", "post", "fetch", "request", "observe", "discover", "resource")))

    def a_wait(self, chance):
        thing = self.subject(chance)
        for name in ("wait", "__next__"):
            if callable(getattr(thing, name, None)):
                self.a_call(chance, thing, name)

    def a_call(self, chance, thing, name):
        try:
            method = getattr(thing, name)
        except BaseException as error:
            self.judge("getattr %s" % name, error)
            return
        given, keywords = arguments(self, chance, name)
        if name == "setCustomSocket" or name in WAITING or (self.waiting and name in OF_SOCKETS):
            self.careful(chance, thing, name, method, given, keywords)
        else:
            self.call(self.title(thing, name), method, given, keywords, self.owner(thing))

    def careful(self, chance, thing, name, method, given, keywords):
        """A call that may wait for ever, or might make one do so that is under way."""
        if name in WAITING:
            if not self.is_guarded(thing):
                given, keywords = (chance.one((0, 1, 2)),) if name in ("poll", "wait") else (False,), {}
                if name in ("run", "__next__"):
                    return
        elif name == "setCustomSocket":
            if self.waiting:
                given = (self.guarded(chance),)
        else:
            return
        self.waiting += 1
        self.call(self.title(thing, name), method, given, keywords, self.owner(thing))
        self.waiting -= 1

    @staticmethod
    def title(thing, name):
        return "%s.%s" % (getattr(type(thing), "__name__", "?"), name)

    # ---- other steps

    def an_attribute(self, chance):
        thing = self.subject(chance)
        name = chance.one(self.names_of(thing) if chance.percent(80) else NAMES)
        kind = chance.below(4)
        if kind == 0:
            self.call("get " + self.title(thing, name), getattr, (thing, name), owner=self.owner(thing))
        elif kind == 1 and name != "sock":
            self.call("del " + self.title(thing, name), delattr, (thing, name))
        elif thing is not microcoapy:
            value = self.socket(chance) if name == "sock" else self.value_for(chance, name)
            self.call("set " + self.title(thing, name), setattr, (thing, name, value))

    def value_for(self, chance, name):
        kind = chance.below(4)
        if kind == 0:
            return anything(self, chance)
        if kind == 1:
            return callable_of(self, chance.fork())
        if kind == 2 and name == "callbacks":
            return {chance.one(hostile.URLS): callable_of(self, chance.fork()), chance.one(hostile.TEXTS): anything(self, chance)}
        return chance.one(hostile.BYTES + hostile.SMALL)

    def an_operator(self, chance):
        thing = self.subject(chance)
        other = anything(self, chance)
        kind = chance.below(14)
        what = "operator %d of %s" % (kind, type(thing))
        if kind < 9:
            function = (repr, str, hash, bool, len, iter, dir, callable, type)[kind]
            self.call(what, function, (thing,), owner=self.owner(thing))
        elif kind == 9:
            self.call(what, lambda: thing == other)
        elif kind == 10:
            self.call(what, lambda: thing[other])
        elif kind == 11:
            self.call(what, lambda: thing + other)
        elif kind == 12 and not isinstance(thing, microcoapy.Coap):
            self.call(what, lambda: enter(thing))
        elif self.is_guarded(thing):
            self.waiting += 1
            self.call(what, lambda: list(thing), owner=self.owner(thing))
            self.waiting -= 1

    def a_construction(self, chance):
        name = chance.one(dir(microcoapy))
        function = getattr(microcoapy, name)
        if callable(function):
            given, keywords = arguments(self, chance, name)
            self.call(name, function, given, keywords)

    def a_feed(self, chance):
        data = chance.one((bytearray, memoryview, bytes, bytes))(self.datagram(chance))
        self.call("feed", chance.one(self.coaps[:2]).feed, (data, self.address(chance)))

    def a_carriage(self, chance):
        """Between those without sockets, both ways; what the others have received is handled."""
        for number in (0, 1, 0, 1):
            self.call("take", lambda: self.carry(number))
        for coap in self.coaps[2:]:
            self.call("poll", coap.poll, (0,))

    def carry(self, number):
        taken = self.coaps[number].take()
        if taken is not None:
            self.note_sent(taken[0])
            self.coaps[1 - number].feed(taken[0], ADDRESSES[number])

    def a_revival(self, chance):
        """An endpoint without a socket gets one, or is made anew."""
        number = 2 + chance.below(2)
        if self.waiting == 0 and chance.percent(30):
            self.call("revival", lambda: self.replace(number))
        elif not isinstance(self.coaps[number].sock, Socket):
            self.call("setCustomSocket", self.coaps[number].setCustomSocket, (self.guarded(chance, number),))

    def replace(self, number):
        stop(self.coaps[number])
        self.coaps[number] = self.endpoint(number)

    STEPS = (
        (24, a_method),
        (16, a_request),
        (4, a_wait),
        (10, an_attribute),
        (8, an_operator),
        (4, a_construction),
        (16, a_feed),
        (14, a_carriage),
        (4, a_revival),
    )

    def step(self, chance):
        drawn = chance.below(100)
        for share, step in self.STEPS:
            drawn -= share
            if drawn < 0:
                step(self, chance)
                return

    def a_case(self, step):
        """One step of the batch; nothing in it may take long."""
        self.case += 1
        self.acts = self.looks = 0
        started = time.ticks_ms()
        if self.verbose:
            print("case %d" % self.case)
        # Hostile code may also run outside of a call, where a value is looked at.
        self.call("step", step, (self.chance,))
        took = time.ticks_diff(time.ticks_ms(), started)
        if took > CASE_MS:
            self.find("took %d ms" % took)


def enter(thing):
    with thing as entered:
        return entered
