# A module `socket` whose sockets are in memory, for start(); no test itself.
import sys

from support import Net

net = Net()


class Sock:
    """Of 127.0.0.1. `hook`, if there is one, is called with each datagram before it goes."""

    last = 40000
    hook = None

    def __init__(self, *args):
        self.inner = None

    def bind(self, address):
        port = address[1]
        if port == 0:
            port = Sock.last = Sock.last + 1
        self.inner = net.socket(("127.0.0.1", port))

    def setblocking(self, flag):
        pass

    def sendto(self, data, address):
        if Sock.hook is not None:
            Sock.hook(bytes(data))
        if address in net.waiting:
            self.inner.sendto(data, address)
        return len(data)

    def recvfrom(self, size):
        return self.inner.recvfrom(size)

    def close(self):
        if self.inner is not None:
            net.waiting.pop(self.inner.address, None)


class Module:
    AF_INET, AF_INET6, SOCK_DGRAM = 2, 10, 1
    socket = Sock

    @staticmethod
    def getaddrinfo(host, port, *args):
        return [(2, 1, 0, "", (host, port))]


sys.modules["socket"] = Module
