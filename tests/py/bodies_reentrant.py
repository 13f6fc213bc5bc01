# stderr: varies
# A stream that makes the endpoint receive another block of the same body while it is read, or written to.
# needs: block
import microcoapy
from support import message

ADDRESS = ("10.0.0.1", 5683)
SIZE = 64
server = microcoapy.Coap()
mids = iter(range(1, 100))


def request(code, path, option, block, payload=b""):
    """Block2 is option 23, Block1 27; blocks of 64 bytes. Uri-Path is 11."""
    value = block << 4 | 8 * (code == 3) | 2
    rest = bytes((0xB0 | len(path),)) + path + bytes(((option - 11 if option < 24 else 13) << 4 | 1,))
    rest += b"" if option < 24 else bytes((option - 11 - 13,))
    return message(0, code, next(mids), b"t", rest + bytes((value,)) + payload)


def answers():
    while True:
        taken = server.take()
        if taken is None:
            return
        datagram = taken[0]
        print("  %d.%02d" % (datagram[1] >> 5, datagram[1] & 31), datagram[-SIZE:] if datagram[1] == 69 else "")


class Stream:
    def __init__(self, letter):
        self.letter = letter
        self.nested = None
        self.written = []

    def step(self):
        nested, self.nested = self.nested, None
        if nested:
            print("  nested")
            server.feed(nested, ADDRESS)

    def readinto(self, buffer):
        self.step()
        buffer[:] = self.letter * len(buffer)
        return len(buffer)

    def write(self, data):
        self.step()
        self.written.append(bytes(data[:1]) * (len(data) // SIZE))


streams = []


@server.resource("read")
def read(request):
    streams.append(Stream(b"ABC"[len(streams) :][:1]))
    return streams[-1]


def into(request):
    streams.append(Stream(b"-"))
    return streams[-1]


@server.resource("write", methods=("PUT",), into=into)
def write(request):
    print("  body", request.body.written)


print("-- read")
server.feed(request(1, b"read", 23, 0), ADDRESS)
answers()
streams[0].nested = request(1, b"read", 23, 3)
server.feed(request(1, b"read", 23, 2), ADDRESS)
answers()
server.feed(request(1, b"read", 23, 4), ADDRESS)
answers()
print(len(streams), "streams")

print("-- write")
streams.clear()
first = request(3, b"write", 27, 0, b"\xff" + b"0" * SIZE)
server.feed(first, ADDRESS)
answers()
streams[0].nested = request(3, b"write", 27, 2, b"\xff" + b"2" * SIZE)
server.feed(request(3, b"write", 27, 1, b"\xff" + b"1" * SIZE), ADDRESS)
answers()
print(len(streams), "streams", streams[0].written)

print("-- and then")
server.feed(request(1, b"read", 23, 0), ADDRESS)
answers()
