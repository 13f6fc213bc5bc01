# start() where the module `socket` is the program's own, and gives objects of a class of its own.
# needs: modern
import sys

import microcoapy
from support import message, raised


class Sock:
    def __init__(self, *args):
        self.args = args
        self.received = [(message(0, 1, 1, b"t", b"\xb1a"), ("1.2.3.4", 5))]

    def bind(self, address):
        print("bound to", address)

    def setblocking(self, flag):
        pass

    def sendto(self, data, address):
        print("sent", data, address)
        return len(data)

    def recvfrom(self, size):
        return self.received.pop() if self.received else None

    def close(self):
        print("closed")


class Module:
    AF_INET, AF_INET6, SOCK_DGRAM = 2, 10, 1

    def __init__(self, kind):
        self.socket = kind

    @staticmethod
    def getaddrinfo(host, port, *args):
        return [(2, 1, 0, "", (host, port))]


sys.modules["socket"] = Module(Sock)
coap = microcoapy.Coap()
coap.resource("a", value=b"value")
coap.start(7)
print(isinstance(coap.sock, Sock), coap.port, coap.poll(0))
coap.stop()


class NotASocket:
    pass


sys.modules["socket"] = Module(NotASocket)
print(raised(coap.start), raised(coap.get, "1.2.3.4", 5, "a"), raised(coap.poll, 0))
coap.stop()
for kind in (lambda *args: None, lambda *args: 5, lambda *args: microcoapy.Coap()):
    sys.modules["socket"] = Module(kind)
    print(raised(coap.start), raised(coap.stop))
