# What several tests use; no test itself.
import errno
import gc
import os

import microcoapy

def setting(name):
    """A variable of the runner's; boards have no environment."""
    return os.getenv(name) if hasattr(os, "getenv") else None


QUICK = bool(setting("COAP_TEST_QUICK"))  # fewer rounds: the interpreter runs under valgrind or a sanitizer


def ports(count):
    """Free UDP ports; the runner chooses them."""
    given = setting("COAP_TEST_PORTS") or "25683 25684 25685 25686"
    return [int(port) for port in given.split()][:count]


def raised(function, *arguments, **keywords):
    """The type and text of what the call raises, or what it returns."""
    try:
        return "returned %r" % (function(*arguments, **keywords),)
    except Exception as error:
        return "%s: %s" % (type(error).__name__, error)


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
    """Polls all of them until none has anything to do."""
    busy = True
    while busy:
        busy = False
        for coap in coaps:
            while coap.poll(0):
                busy = True


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


def heap():
    gc.collect()
    return gc.mem_alloc()
