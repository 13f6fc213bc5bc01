# SPDX-License-Identifier: MIT
# Runs on an emulated board, for tools/sizes.py: prints the bytes of heap that one endpoint takes for messages of 512
# bytes with one exchange outstanding, and those it takes when the exchange is over.
import gc

import microcoapy

PAYLOAD = bytes(480)
PEER = ("192.0.2.1", 5683)
# 2.05 with an empty token, in an ACK; the message id follows from the request.
ANSWER = bytearray(b"\x60\x45\0\0\xff" + PAYLOAD), PEER


class Wire:
    """A custom socket that allocates nothing: what is measured is the endpoint."""

    answered = True

    def sendto(self, data, address):
        ANSWER[0][2], ANSWER[0][3] = data[2], data[3]
        return len(data)

    def recvfrom(self, size):
        if self.answered:
            return None
        self.answered = True
        return ANSWER

    def setblocking(self, flag):
        pass


def scrub(depth=12):
    """As in tests/py/growing.py: what earlier calls have left on the stack looks like pointers to the collector."""
    a = b = c = d = e = f = g = h = 0
    if depth:
        scrub(depth - 1)
    return a + b + c + d + e + f + g + h


def heap():
    scrub()
    gc.collect()
    return gc.mem_alloc()


got = 0


def response(packet, sender):
    global got
    got += len(packet.payload) == 480


def measure():
    """Sizes while the request waits and after the response; what was sent; exchanges in use at both times."""
    wire = Wire()
    before = heap()
    coap = microcoapy.Coap(max_message=512)
    coap.setCustomSocket(wire)
    coap.responseCallback = response
    sent = coap.post(*PEER, "path", PAYLOAD, None, 42, None)
    coap.poll(0)
    # Measured before stats(), whose dict may be taken for alive by what is left of a pointer to it on the stack.
    waiting = heap() - before
    outstanding = coap.stats()["exchanges_in_use"]
    wire.answered = False
    coap.poll(0)
    return waiting, heap() - before, sent, (outstanding, coap.stats()["exchanges_in_use"])


def first(depth=2):
    """What is done once. Deeper on the stack, so that scrub() reaches what it leaves there."""
    return first(depth - 1) if depth else measure()


first()
waiting, after, sent, exchanges = measure()
if sent < 480 or got != 2 or exchanges != (1, 0):
    raise ValueError("no exchange: %r" % ((sent, got, exchanges),))
print(waiting, after)
