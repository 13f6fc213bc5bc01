# What the tests for boards use; no test itself. Sockets are lists of datagrams in memory.
import microcoapy

PEER = ("192.0.2.1", 5683)


class Wire:
    """A custom socket: what was sent, and what is there to receive."""

    def __init__(self):
        self.sent = []
        self.arriving = []

    def sendto(self, data, address):
        self.sent.append(bytes(data))
        return len(data)

    def recvfrom(self, size):
        return (self.arriving.pop(0), PEER) if self.arriving else None

    def setblocking(self, flag):
        pass

    def take(self):
        """The one datagram that was sent since the last call."""
        sent, self.sent[:] = list(self.sent), []
        if len(sent) != 1:
            raise AssertionError("%d datagrams sent: %s" % (len(sent), [show(data) for data in sent]))
        return sent[0]


def endpoint(**parameters):
    coap = microcoapy.Coap(**parameters)
    wire = Wire()
    coap.setCustomSocket(wire)
    return coap, wire


def show(data):
    return "".join("%02x" % byte for byte in data)


def message(text):
    """Bytes from hexadecimal digits and spaces."""
    text = text.replace(" ", "")
    return bytes([int(text[i : i + 2], 16) for i in range(0, len(text), 2)])


def with_id(text, messageid):
    """The message with its bytes 2 and 3 replaced."""
    data = message(text)
    return data[:2] + bytes([messageid >> 8, messageid & 255]) + data[4:]


def id_of(data):
    return data[2] << 8 | data[3]
