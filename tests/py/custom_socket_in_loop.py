# An event loop with a custom socket whose ioctl cannot tell readiness, or stops the endpoint: it is read all the same, and
# the loop ends.
import asyncio  # noqa: F401  the loop of run()

import microcoapy
from support import Scripted, message

GET = message(0, 1, 1, b"t", b"\xb1a")


class Late(Scripted):
    """Its datagram comes when it is read for the third time."""

    reads = 0

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def ioctl(self, request, argument):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def recvfrom(self, size):
        self.reads += 1
        if self.reads == 3:
            return GET, ("1.2.3.4", 5)
        return super().recvfrom(size)


for answer in (-1, None, "x", ValueError()):
    coap = microcoapy.Coap()
    coap.setCustomSocket(Late(answer))
    coap.addIncomingRequestCallback("a", lambda *args: coap.stop())
    coap.run()
    print("served", repr(answer))


class Stops(Scripted):
    def ioctl(self, request, argument):
        coap.stop()
        return 0


coap.setCustomSocket(Stops())
coap.run()
print("stopped by ioctl")
