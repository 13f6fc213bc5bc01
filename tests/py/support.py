# What several tests use; no test itself.
import errno
import gc
import io
import os

import microcoapy
from growing import scrub

try:
    import socket
except ImportError:  # a board without network
    socket = None

def setting(name):
    """A variable of the runner's; boards have no environment."""
    return os.getenv(name) if hasattr(os, "getenv") else None


QUICK = bool(setting("COAP_TEST_QUICK"))  # fewer rounds: the interpreter runs under valgrind or a sanitizer


def ports(count):
    """Free UDP ports; the runner chooses them."""
    given = setting("COAP_TEST_PORTS") or "25683 25684 25685 25686"
    return [int(port) for port in given.split()][:count]


# Not in the module errno: of Linux, and so of MicroPython itself, and of newlib.
OTHER_ERRORS = {93: "EPROTONOSUPPORT", 123: "EPROTONOSUPPORT"}


def told(error):
    """The type and text of an exception; of an OSError the name of its number, which is not the same on every port."""
    if isinstance(error, OSError):
        name = errno.errorcode.get(error.errno) or OTHER_ERRORS.get(error.errno)
        if name:
            return "OSError: " + name
    return "%s: %s" % (type(error).__name__, error)


def raised(function, *arguments, **keywords):
    """What the call raises, or what it returns."""
    try:
        return "returned %r" % (function(*arguments, **keywords),)
    except Exception as error:
        return told(error)


class Net:
    """Carries datagrams between sockets in memory, in order, without loss."""

    def __init__(self):
        self.waiting = {}

    def socket(self, *addresses):
        """A custom socket that receives what is sent to any of the addresses and sends from the first."""
        queue = []
        for address in addresses:
            self.waiting[address] = queue
        return NetSocket(self, queue, addresses[0])


class NetSocket:
    def __init__(self, net, queue, address):
        self.net = net
        self.queue = queue
        self.address = address

    def sendto(self, data, address):
        self.net.waiting[address].append((bytes(data), self.address, address))
        return len(data)

    def recvfrom(self, size):
        if not self.queue:
            raise OSError(errno.EAGAIN)
        data, sender, _ = self.queue.pop(0)
        return data, sender

    def setblocking(self, flag):
        pass

    def close(self):
        pass


class Loopback(io.IOBase):
    """A custom socket of 127.0.0.1 that tells whether it is readable; what is sent to nobody is lost."""

    net = Net()
    last_port = 40000

    def __init__(self, port):
        if port == 0:
            port = Loopback.last_port = Loopback.last_port + 1
        self.address = ("127.0.0.1", port)
        self.socket = self.net.socket(self.address)

    def sendto(self, data, address):
        if address in self.net.waiting:
            self.socket.sendto(data, address)
        return len(data)

    def recvfrom(self, size):
        return self.socket.recvfrom(size)

    def setblocking(self, flag):
        pass

    def ioctl(self, request, argument):
        if request == 3:  # MP_STREAM_POLL
            return argument & (5 if self.socket.queue else 4)
        return 0

    def close(self):
        self.net.waiting.pop(self.address, None)


def start(coap, port=0):
    """coap.start(port), or a socket in memory in its place where there are no others."""
    if socket:
        coap.start(port)
    else:
        coap.setCustomSocket(Loopback(port))


def capacity(limit):
    """How many exchanges an endpoint of this build has at the same time, at most `limit`."""
    coap = microcoapy.Coap(nstart=limit)
    coap.setCustomSocket(Net().socket(CLIENT))
    for number in range(limit):
        try:
            coap.get("coap://10.0.0.9/x")
        except OSError:
            return number
    return limit


class Scripted:
    """recvfrom gives the next item of `script` (an exception is raised), then OSError(EAGAIN)."""

    def __init__(self, *script):
        self.script = list(script)
        self.sent = []

    def sendto(self, data, address):
        self.sent.append((bytes(data), address))
        return len(data)

    def recvfrom(self, size):
        item = self.script.pop(0) if self.script else OSError(errno.EAGAIN)
        if isinstance(item, Exception):
            raise item
        return item

    def setblocking(self, flag):
        pass


CLIENT = ("10.0.0.1", 5683)
SERVER = ("10.0.0.2", 5683)


def pair(**parameters):
    """A client and a server in memory, and the net between them."""
    net = Net()
    client = microcoapy.Coap(**parameters)
    client.setCustomSocket(net.socket(CLIENT))
    server = microcoapy.Coap(**parameters)
    server.setCustomSocket(net.socket(SERVER))
    return client, server, net


def settle(*coaps):
    """Polls all of them until nothing is told in four rounds running: of what goes to and fro, not everything is told."""
    quiet = 0
    while quiet < 4:
        quiet += 1
        for coap in coaps:
            while coap.poll(0):
                quiet = 0


def message(mtype, code, messageid, token=b"", rest=b""):
    return bytes([0x40 | mtype << 4 | len(token), code, messageid >> 8, messageid & 255]) + token + rest


def show(packet):
    """A packet's fields that do not change from run to run."""
    return "%s %d.%02d %r format %d" % (
        ("CON", "NON", "ACK", "RST")[packet.type],
        packet.method >> 5,
        packet.method & 31,
        packet.payload,
        packet.content_format,
    )


def fill(filling, free):
    """Fills the heap but for `free` bytes in one piece, with what the list `filling` then holds; `empty` empties it.

    Not a chain: where the collector takes a stale word of the C stack for a pointer, that keeps one of them, not all.
    """
    scrub()
    gc.collect()
    filling[0] = bytearray(free)
    number = 1
    size = 4096
    while size >= 16:
        try:
            while number < len(filling):
                filling[number] = bytearray(size)
                number += 1
        except MemoryError:
            pass
        size //= 2
    if number == len(filling):
        raise ValueError("the heap is not full")
    filling[0] = None
    scrub()


def empty(filling):
    for number in range(len(filling)):
        filling[number] = None


def finish(exchange, *coaps):
    """Polls the endpoints until the exchange is over; its response, or what wait() raises."""
    while not exchange.done():
        for coap in coaps:
            coap.poll(0)
    return exchange.wait()


def dotted(code):
    return "%d.%02d" % (code >> 5, code & 31)
