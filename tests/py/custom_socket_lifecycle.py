# Who closes a custom socket, and when; with and without a close method.
import microcoapy
from support import raised


class Bare:
    def __init__(self, name):
        self.name = name

    def sendto(self, data, address):
        return len(data)

    def recvfrom(self, size):
        return None

    def setblocking(self, flag):
        pass


class Closable(Bare):
    closed = 0

    def close(self):
        self.closed += 1


class FailsToClose(Bare):
    def close(self):
        raise OSError(5)


first, second = Closable("first"), Closable("second")
coap = microcoapy.Coap()
coap.setCustomSocket(first)
print(coap.sock is first)
coap.setCustomSocket(second)
print("replaced:", first.closed, second.closed, coap.sock is second)
coap.stop()
coap.stop()
print("stopped:", first.closed, second.closed, coap.sock)

coap.setCustomSocket(first)
coap.start(0)
print("start after a custom socket:", first.closed, coap.sock is first)
coap.setCustomSocket(second)
print("custom socket after start:", coap.sock is second, coap.get("127.0.0.1", 5, "a") > 0)
coap.setCustomSocket(None)
print("None:", coap.sock, coap.get("127.0.0.1", 5, "a"), coap.poll(0))

bare = Bare("bare")
coap.setCustomSocket(bare)
print(raised(coap.stop), coap.sock)
coap.setCustomSocket(FailsToClose("fails"))
print(raised(coap.stop), coap.sock)

# a custom socket has no descriptor to wait on: poll waits all the same, and not longer
import time

coap.setCustomSocket(bare)
for call in (lambda: coap.poll(300), lambda: coap.poll(300, 50)):
    started = time.ticks_ms()
    print(call(), 300 <= time.ticks_diff(time.ticks_ms(), started) < 60000)

# the same socket for two objects
one, two = microcoapy.Coap(), microcoapy.Coap()
shared = Closable("shared")
one.setCustomSocket(shared)
two.setCustomSocket(shared)
one.stop()
print(two.get("127.0.0.1", 5, "a") > 0, shared.closed)

# hosts that are not there: 0, no exception, on a real socket; one that can be none is an error
coap.stop()
coap.start(0)
for host in ("", "999.1.1.1", ":::1", "[::1", "a" * 300, "a\0b", "a b", "a/b"):
    print(repr(host[:10]), raised(coap.get, host, 5, "a"))
coap.stop()
