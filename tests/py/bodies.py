# Bodies longer than a message: given and taken as bytes, streams, iterators and block devices; progress and resumption.
# needs: block
import io
import microcoapy
from support import dotted, finish, pair, raised

client, server, net = pair()
HOST = "coap://10.0.0.2/"
SIZES = (0, 1, 15, 16, 17, 1023, 1024, 1025, 5000)


def pattern(length):
    return bytes((i ^ i >> 8) & 255 for i in range(length))


def ask(call, path, *arguments, **keywords):
    return finish(call(HOST + path, *arguments, **keywords), client, server)


class Stream:
    """Only readinto."""

    def __init__(self, data, most=10000):
        self.data = data
        self.at = 0
        self.most = most

    def readinto(self, buffer):
        count = min(len(buffer), len(self.data) - self.at, self.most)
        buffer[:count] = self.data[self.at : self.at + count]
        self.at += count
        return count


class Sink:
    """Only write."""

    def __init__(self):
        self.parts = []

    def write(self, data):
        self.parts.append(bytes(data))
        return len(data)


class Partition:
    """As ESP32's: whole blocks of 4096 bytes."""

    def __init__(self, blocks=4):
        self.blocks = [None] * blocks

    def ioctl(self, operation, argument):
        return {4: len(self.blocks), 5: 4096}.get(operation)

    def writeblocks(self, number, data):
        assert len(data) == 4096
        self.blocks[number] = bytes(data)


def read_only(data):
    """A stream with read() only."""
    stream = io.BytesIO(data)

    class Read:
        def read(self, count):
            return stream.read(count)

    return Read()


print("-- a response's body")


@server.resource("get")
def get(request):
    kind, length = request.query.split("&")
    data = pattern(int(length))
    if kind == "bytes":
        return data
    if kind == "bytesio":
        return io.BytesIO(data)
    if kind == "stream":
        return Stream(data)
    if kind == "slow":
        return Stream(data, 7)
    if kind == "read":
        return read_only(data)
    if kind == "tuple":
        return (69, Stream(data), 42)
    return iter([data[i : i + 100] for i in range(0, len(data), 100)])


@server.resource("generator")
def generator(request):
    for i in range(0, int(request.query), 50):
        yield pattern(int(request.query))[i : i + 50]


@server.resource("words")
def words(request):
    for word in ("short ", "", "words ", b"and bytes ") * 40:
        yield word


for kind in ("bytes", "bytesio", "stream", "slow", "read", "tuple", "list"):
    print(kind, [ask(client.get, "get?%s&%d" % (kind, size)).payload == pattern(size) for size in SIZES])
print("generator", [ask(client.get, "generator?%d" % size).payload == pattern(size) for size in SIZES])
print(len(ask(client.get, "words").payload), ask(client.get, "words").payload[:24])
print([ask(client.get, "get?stream&5000", block_size=size).payload == pattern(5000) for size in (16, 32, 64, 128, 256, 512, 1024, 100)])
r = ask(client.get, "get?tuple&3000")
print(r.content_format, dotted(r.code), r.etag)
r = ask(client.get, "get?bytes&3000")
print(len(r.etag), [o.number for o in r.options])

print("-- a request's body")
taken = []


@server.resource("put", methods=("PUT", "POST", "FETCH"))
def put(request):
    taken.append(request.payload)
    if request.code == 5:
        return request.payload
    return (68, "got %d" % len(request.payload))


def bodies(data):
    yield data
    yield bytearray(data)
    yield memoryview(data)
    yield io.BytesIO(data)
    yield Stream(data)
    yield Stream(data, 7)
    yield read_only(data)
    yield iter([data[i : i + 100] for i in range(0, len(data), 100)])


for size in SIZES:
    good = []
    for body in bodies(pattern(size)):
        r = ask(client.put, "put", body=body)
        good.append(r.text == "got %d" % size and taken.pop() == pattern(size))
    print(size, good)
print(ask(client.put, "put", "\u00e9" * 1000).text, taken.pop() == ("\u00e9" * 1000).encode())
print([ask(client.put, "put", pattern(3000), block_size=size).text for size in (16, 64, 1024)])
r = ask(client.fetch, "put", pattern(3000))
print("both ways:", dotted(r.code), r.payload == pattern(3000))

print("-- to where it goes")
for target in (io.BytesIO(), Sink(), Partition()):
    r = ask(client.get, "get?bytes&5000", into=target)
    if isinstance(target, Partition):
        got = b"".join(block for block in target.blocks if block)
        print(got[:5000] == pattern(5000), got[5000:] == b"\xff" * (8192 - 5000), r.payload, r.body is target)
    elif isinstance(target, Sink):
        print(b"".join(target.parts) == pattern(5000), max(len(part) for part in target.parts), r.payload, r.body is target)
    else:
        print(target.getvalue() == pattern(5000), r.payload, r.body is target)
r = ask(client.get, "nothing", into=io.BytesIO())
print(r, r.body, "an error's payload is no body")

into = []


def choose(request):
    into.append(Partition() if request.query == "partition" else io.BytesIO())
    return into[-1] if request.query != "none" else None


@server.resource("into", methods=("PUT",), into=choose)
def stored(request):
    return "%s %s" % (type(request.body).__name__, request.payload)


print(ask(client.put, "into", pattern(5000)).text, into[-1].getvalue() == pattern(5000))
print(ask(client.put, "into?partition", pattern(5000)).text, b"".join(b for b in into[-1].blocks if b)[:5000] == pattern(5000))
print(ask(client.put, "into", b"tiny").text, into[-1].getvalue())
print(ask(client.put, "into", b"").text, into[-1].getvalue())
print(ask(client.put, "into?none", pattern(2000)).text[:30])


def too_long(request):
    return Partition(1)


server.resource("small", methods=("PUT",), into=too_long)(lambda request: "fits")
print(ask(client.put, "small", pattern(4096)).text, "|", ask(client.put, "small", pattern(4097)))

print("-- progress")
seen = []
ask(client.get, "get?bytes&3000", progress=lambda *args: seen.append(args))
ask(client.get, "get?bytes&7", progress=lambda *args: seen.append(args))
ask(client.get, "get?stream&2000", progress=lambda *args: seen.append(args))
ask(client.put, "put", pattern(3000), progress=lambda *args: seen.append(args))
ask(client.put, "put", body=Stream(pattern(2000)), progress=lambda *args: seen.append(args))
ask(client.put, "put", b"tiny", progress=lambda *args: seen.append(args))
ask(client.fetch, "put", pattern(1500), progress=lambda *args: seen.append(args))
ask(client.get, "nothing", progress=lambda *args: seen.append(args))
for step in seen:
    print(step)

print("-- limits")
server.resource("limited", methods=("PUT",), max_body=2000)(lambda request: "%d" % len(request.payload))
print(ask(client.put, "limited", pattern(2000)).text)
r = ask(client.put, "limited", pattern(2001))
print(dotted(r.code), [(o.number, bytes(o.buffer)) for o in r.options if o.number == 60])
r = ask(client.put, "limited", body=Stream(pattern(9000)))
print(dotted(r.code))
small = microcoapy.Coap(max_body=1000)
small.setCustomSocket(net.socket(("10.0.0.5", 5683)))
print(raised(finish, small.get(HOST + "get?bytes&1025"), small, server))
print(len(finish(small.get(HOST + "get?bytes&1000"), small, server).payload))
target = io.BytesIO()
print(finish(small.get(HOST + "get?bytes&5000", into=target), small, server).ok, len(target.getvalue()))

print("-- a body that fails")


class Fails:
    def __init__(self, good):
        self.good = good

    def readinto(self, buffer):
        if self.good == 0:
            raise OSError(5)
        self.good -= 1
        return len(buffer)

    def write(self, data):
        if self.good == 0:
            raise OSError(28)
        self.good -= 1


@server.resource("fails")
def fails(request):
    return Fails(int(request.query))


@server.resource("raises")
def raises(request):
    yield b"x" * 2000
    raise ValueError("in the generator")


print(raised(client.put, HOST + "put", body=Fails(0)))
print(raised(ask, client.put, "put", body=Fails(2)))
print(raised(ask, client.get, "get?bytes&5000", into=Fails(2)))
print(ask(client.get, "fails?0"))
print(raised(ask, client.get, "fails?2"))
print(raised(ask, client.get, "raises"))
print(ask(client.get, "get?bytes&3000").ok  , client.stats()["bodies_in_use"])

print("-- resumption")
server.resource("image", etag=b"v1")(lambda request: pattern(5000))
target = io.BytesIO()
exchange = client.get(HOST + "image", into=target)
while exchange.received < 2048:
    server.poll(0)
    client.poll(0)
exchange.cancel()
print(exchange.received, exchange.etag, raised(exchange.wait))
r = ask(client.get, "image", into=target, resume=exchange)
print(dotted(r.code), target.getvalue() == pattern(5000))
target = io.BytesIO(pattern(1024))
target.seek(1024)
r = ask(client.get, "image", into=target, resume=(1024, b"v1"))
print(dotted(r.code), target.getvalue() == pattern(5000))
print(raised(ask, client.get, "image", into=io.BytesIO(), resume=(1024, b"v0")))
print(raised(client.get, HOST + "image", resume=(1000, b"v1")), "|", raised(client.get, HOST + "image", resume=(-1, b"v1")))
print(client.stats()["exchanges_in_use"], client.stats()["bodies_in_use"])
