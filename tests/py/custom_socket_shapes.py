# Every shape of custom socket: what recvfrom and sendto may take and give.
import errno

import microcoapy
from support import Scripted, message, raised, show


def serve(title, *script):
    """A server with these datagrams: how many handler calls, what it sent."""
    coap = microcoapy.Coap()
    sock = Scripted(*script)
    coap.setCustomSocket(sock)
    handled = []

    def handler(packet, ip, port):
        handled.append((ip, port))
        coap.sendResponse(ip, port, packet.messageid, "ok", 69, -1, packet.token)

    coap.addIncomingRequestCallback("a", handler)
    results = [raised(coap.poll, 0) for _ in range(len(script) + 1)]
    print(title, results)
    print("  handled", handled, "sent", sock.sent)


GET = message(0, 1, 1, b"t", b"\xb1a")

serve("tuple", (GET, ("1.2.3.4", 5)))
serve("list", [GET, ["1.2.3.4", 5]])
serve("bytearray", (bytearray(GET), ("1.2.3.4", 5)))
serve("memoryview", (memoryview(GET), ("1.2.3.4", 5)))
serve("IPv6", (GET, ("2001:db8::1", 5)))
serve("IPv6 with flow and scope", (GET, ("fe80::1", 5, 0, 2)))
serve("name", (GET, ("sensor", 5)))
serve("other address", (GET, "sensor"), (GET, 7))
serve("None", None)
serve("(None, None)", (None, None))
serve("empty", b"", (b"", ("1.2.3.4", 5)))
serve("OSErrors", OSError(errno.EAGAIN), OSError(errno.ETIMEDOUT), OSError(errno.ECONNRESET), (GET, ("1.2.3.4", 5)))
serve("other exceptions", TypeError("x"), ValueError(), RuntimeError(), (GET, ("1.2.3.4", 5)))
serve("garbage", 5, "text", (), (GET,), (5, ("1.2.3.4", 5)), ("text", ("1.2.3.4", 5)), [], {}, object(), (GET, ("1.2.3.4", 5)))
serve("odd addresses", (GET, ("1.2.3.4",)), (GET, ()), (GET, None), (GET, (5, 5)), (GET, ("1.2.3.4", 5)))

print("bytes alone: the peer is the last destination")
coap = microcoapy.Coap()
sock = Scripted()
coap.setCustomSocket(sock)
coap.responseCallback = lambda packet, sender: print("  ", show(packet), sender)
coap.get("1.2.3.4", 5683, "a", b"tok")
data, address = sock.sent[0]
sock.script.append(message(2, 0x45, data[2] << 8 | data[3], b"tok", b"\xffalone"))
print(coap.poll(0), address)
coap.get("1.2.3.4", 5683, "b", b"tok")
data, _ = sock.sent[1]
sock.script.append(bytearray(message(2, 0x45, data[2] << 8 | data[3], b"tok", b"\xffarray")))
print(coap.poll(0))

print("bytes alone before anything was sent")
serve("nobody", GET)


class NotUnix(Scripted):
    """Wants address and port as arguments of their own, as modem sockets do."""

    def isUnixCompatible(self):
        return False

    def sendto(self, data, ip, port):
        self.sent.append((len(data), ip, port))
        return len(data)


class Unix(Scripted):
    def isUnixCompatible(self):
        return True


for kind in (NotUnix, Unix):
    coap = microcoapy.Coap()
    sock = kind()
    coap.setCustomSocket(sock)
    sent = coap.get("host.example", 5683, "a", None)
    print(kind.__name__, sent, [entry[1:] for entry in sock.sent])


class Fails(Scripted):
    """sendto raises or returns what it was made with."""

    def __init__(self, result):
        super().__init__()
        self.result = result

    def sendto(self, data, address):
        self.sent.append(bytes(data))
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


for result in (OSError(errno.EAGAIN), OSError(errno.EHOSTUNREACH), TypeError("sendto"), ValueError(), 0, -1, None, "text", 3):
    coap = microcoapy.Coap()
    sock = Fails(result)
    coap.setCustomSocket(sock)
    print("sendto %r:" % (result,), raised(coap.getNonConf, "1.2.3.4", 5, "a", None), len(sock.sent), raised(coap.poll, 0))


class Missing:
    """Has none of the methods."""


class NoSetblocking:
    def sendto(self, data, address):
        return len(data)

    def recvfrom(self, size):
        return None


for kind in (Missing, NoSetblocking):
    coap = microcoapy.Coap()
    print(kind.__name__, raised(coap.setCustomSocket, kind()), raised(coap.get, "1.2.3.4", 5, "a"), raised(coap.poll, 0), raised(coap.loop, False))
    print(raised(coap.stop))
