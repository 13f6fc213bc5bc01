# A bytearray that the program changes while the call that was given it runs Python code: it is read before or after, and
# never where its bytes have been.
# needs: block
import microcoapy
from support import message

A = message(0, 1, 1, b"t", b"\xb1a")
B = message(0, 1, 2, b"longer", b"\xb1b\x43x=y")

data = bytearray(A)


class Address:
    """Is compared with the other addresses that are known, and changes the datagram meanwhile."""

    def __eq__(self, other):
        data[:] = B
        return False


coap = microcoapy.Coap()
for path in ("a", "b"):
    coap.resource(path, value=path)
print(coap.feed(data, Address()), coap.take()[0][-1:])
print(coap.feed(data, Address()), coap.take()[0][-1:])
data[:] = A
print(coap.feed(data, Address()), coap.take()[0][-1:])

token = bytearray(b"tok1")


class Stream:
    def __init__(self):
        self.left = 5

    def readinto(self, buffer):
        token[:] = b"changed"
        count = min(self.left, len(buffer))
        self.left -= count
        return count


coap.put("coap://10.0.0.2/x", body=Stream(), token=token)
sent = coap.take()[0]
print(sent[4 : 4 + (sent[0] & 15)], bytes(token))


class Option:
    """Its attributes are computed."""

    number = 2048

    def __getattr__(self, name):
        token[:] = b"again"
        return b"x"


token[:] = b"tok2"
coap.get("coap://10.0.0.3/x", options=[Option()], token=token)
sent = coap.take()[0]
print(sent[4 : 4 + (sent[0] & 15)], bytes(token))
