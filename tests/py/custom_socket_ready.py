# A custom socket that tells readiness is asked for it, not read all the time; addresses of any kind.
import microcoapy
from support import Scripted, message


class Telling(Scripted):
    reads = asked = 0

    def recvfrom(self, size):
        self.reads += 1
        return super().recvfrom(size)

    def ioctl(self, request, argument):
        self.asked += 1
        return (1 if self.script else 0) if request == 3 else -1


sock = Telling()
coap = microcoapy.Coap()
coap.setCustomSocket(sock)
print("idle:", coap.poll(500), "reads are few:", sock.reads < 30, "asked more often:", sock.asked > sock.reads)


class Stops(Telling):
    def ioctl(self, request, argument):
        coap.stop()
        return 0


coap.setCustomSocket(Stops())
print("stopped while it waits:", coap.poll(60000))


class Node:
    """An address that can compare itself only with its like."""

    def __init__(self, number):
        self.number = number

    def __eq__(self, other):
        return self.number == other.number


handled = []
coap = microcoapy.Coap()
coap.addIncomingRequestCallback("", lambda packet, ip, port: handled.append((type(ip).__name__, port)))
sock = Scripted((message(0, 1, 1), Node(1)), (message(0, 1, 2), "text"), (message(0, 1, 3), Node(1)))
coap.setCustomSocket(sock)
while coap.poll(-1):
    pass
print(handled, coap.get("node7", 5683, "x") > 0)
