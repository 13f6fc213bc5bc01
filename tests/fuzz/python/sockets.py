# SPDX-License-Identifier: MIT
# Custom sockets that give anything, and a module `socket` that makes them: start() opens one of them too, so that nothing
# reaches a network. They also end what waits for ever, by stop().
import errno
import io

from hostile import act, anything

# Looks for a datagram, by all sockets together, after which a call that waits has waited enough.
LOOKS_PER_CASE = 40


class Socket:
    """Delivers what it is sent to the socket of that address, but for what it does wrong."""

    def __init__(self, world, chance, address):
        self.world = world
        self.chance = chance
        self.address = address
        self.wrong = chance.one((0, 0, 5, 30))  # percent of the calls
        self.queue = []
        world.queues[address] = self.queue

    def odd(self, right):
        act(self.world, self.chance)
        return anything(self.world, self.chance, 1) if self.chance.percent(self.wrong) else right

    def sendto(self, data, *address):
        self.world.note_sent(data)
        queue = self.world.queues.get(address[0] if len(address) == 1 and isinstance(address[0], tuple) else address)
        if queue is not None and len(queue) < 8:
            queue.append((bytes(data), self.address))
        return self.odd(len(data))

    def recvfrom(self, size):
        if self.world.has_waited():
            self.world.stop_of(self)
            raise OSError(errno.EAGAIN)
        if self.chance.percent(self.wrong):
            return self.garbage(size)
        if not self.queue:
            raise OSError(errno.EAGAIN)
        return self.odd(self.queue.pop(0))

    def garbage(self, size):
        world, chance = self.world, self.chance
        data = world.datagram(chance)
        return chance.one(
            (
                (data, world.address(chance)),
                [data, world.address(chance)],
                data,
                bytearray(data),
                (data,),
                (data, self.address, 5),
                (memoryview(data), self.address),
                (bytes(size + 1), self.address),
                (data * 100, self.address),
                (None, None),
                (data, None),
                anything(world, chance),
            )
        )

    def setblocking(self, flag):
        return self.odd(None)

    def close(self):
        return self.odd(None)

    def bind(self, address):
        return self.odd(None)

    def setsockopt(self, *args):
        return self.odd(None)


class TellsReadiness(Socket):
    def ioctl(self, request, argument):
        if self.world.has_waited():
            return 1
        return self.odd(argument if self.queue else 0)


class Flat(Socket):
    def isUnixCompatible(self):
        return self.odd(False)


class Base(io.IOBase, TellsReadiness):
    """As a program does it that wants to be polled."""

    def __init__(self, world, chance, address):
        TellsReadiness.__init__(self, world, chance, address)


class Module:
    """In place of the module `socket`."""

    AF_INET = 2
    AF_INET6 = 10
    SOCK_DGRAM = 1
    IPPROTO_IP = 0
    IP_ADD_MEMBERSHIP = 35

    def __init__(self, world, chance):
        self.world = world
        self.chance = chance

    def socket(self, *args):
        act(self.world, self.chance)
        return self.world.socket(self.chance)

    def getaddrinfo(self, host, port, *args):
        act(self.world, self.chance)
        chance = self.chance
        if chance.percent(60):
            return [(2, 1, 0, "", (host, port))]
        return chance.one(([], None, [()], [(2, 1, 0, "", b"\2\0\x16\x33\x0a\0\0\1" + bytes(8))], anything(self.world, chance)))
