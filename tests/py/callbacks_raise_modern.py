# timeout: 60
# stderr: varies
# Exceptions at every point where the modern layer runs a program: the client is answered, the request's end is told once,
# nothing stays in use, and the next exchange works.
# needs: observe,block
import microcoapy
from support import dotted, pair, settle, told

HOST = "coap://10.0.0.2/"
# What is abandoned on one side is soon forgotten on the other.
client, server, net = pair(ack_timeout=10, max_retransmit=3, max_latency=1, processing_delay=1, message_store=4096)


class Unprintable(Exception):
    def __str__(self):
        raise ValueError("no text")


EXCEPTIONS = (
    ValueError("x"), OSError(5), MemoryError(), StopIteration(), GeneratorExit(), microcoapy.CoapError(0x83, "no"),
    microcoapy.CoapError(), Unprintable(), KeyboardInterrupt(), SystemExit(3),
)
USED = ("exchanges_in_use", "transmissions_in_use", "requests_in_use", "bodies_in_use", "observations_in_use", "observers_in_use")
trap = None
# Calls before the one that raises.
spared = 0


def spring(*arguments):
    """Raises what is set, once."""
    global trap, spared
    spared -= 1
    if trap is not None and spared < 0:
        exception, trap = trap, None
        raise exception


class Stream:
    """The body and the place for one."""

    def __init__(self):
        self.left = 3000

    def readinto(self, buffer):
        spring()
        count = min(self.left, len(buffer))
        self.left -= count
        return count

    def write(self, data):
        spring()


class Partition:
    def ioctl(self, operation, argument):
        spring()
        return {4: 8, 5: 512}.get(operation)

    def writeblocks(self, number, data):
        spring()


def chunks(request):
    for _ in range(4):
        spring()
        yield bytes(700)


class Chunks:
    """An iterator that is no generator."""

    def __iter__(self):
        spring()
        return self

    def __next__(self):
        spring()
        return bytes(700)


def tag(request):
    spring()
    return b"tag"


def handler(request):
    spring()
    return "handled"


def factory(request):
    spring()
    return Stream()


server.resource("long")(lambda request: bytes(3000))
server.resource("plain")(lambda request: "plain")
server.resource("handler", methods=("GET", "PUT"))(handler)
server.resource("chunks")(chunks)
server.resource("iterator")(lambda request: Chunks())
server.resource("stream")(lambda request: Stream())
server.resource("etag", etag=tag)(lambda request: "tagged")
server.resource("into", methods=("PUT",), into=factory)(lambda request: "stored")
server.resource("partition", methods=("PUT",), into=lambda request: Partition())(lambda request: "stored")
observed = server.resource("observed", obs=True)(handler)


def get(path, **keywords):
    return lambda: client.get(HOST + path, **keywords)


def put(path, **keywords):
    return lambda: client.put(HOST + path, bytes(3000), **keywords)


# Name, how many calls to spare, the request.
POINTS = (
    ("handler", 0, get("handler")),
    ("handler, NON", 0, get("handler", non=True)),
    ("handler after an upload", 0, put("handler")),
    ("generator, first chunk", 0, get("chunks")),
    ("generator, second chunk", 1, get("chunks")),
    ("generator, last chunk", 3, get("chunks")),
    ("iterator, first chunk", 0, get("iterator")),
    ("iterator, second chunk", 1, get("iterator")),
    ("stream, first part", 0, get("stream")),
    ("stream, second part", 1, get("stream")),
    ("etag, before the handler", 0, get("etag")),
    ("etag, after the handler", 1, get("etag")),
    ("into", 0, put("into")),
    ("into, first write", 1, put("into")),
    ("into, second write", 2, put("into")),
    ("block device, ioctl", 0, put("partition")),
    ("block device, writeblocks", 2, put("partition")),
    ("client's into, first write", 0, lambda: client.get(HOST + "plain", into=Stream())),
    ("client's into, second write", 1, lambda: client.get(HOST + "long", into=Stream())),
    ("client's body, first part", 0, lambda: client.put(HOST + "handler", body=Stream())),
    ("client's body, second part", 1, lambda: client.put(HOST + "handler", body=Stream())),
    ("client's iterator", 0, lambda: client.put(HOST + "handler", body=Chunks())),
    ("progress, first call", 0, lambda: client.get(HOST + "plain", progress=spring)),
    ("progress of an upload", 0, lambda: client.put(HOST + "handler", bytes(3000), progress=spring)),
)


def told_by(call, *arguments):
    """The exception that comes out of it, by name."""
    try:
        call(*arguments)
    except BaseException as error:
        out.append(type(error).__name__)


def ended(exchange):
    """Polls both to the end; what the exchange has come to."""
    while not exchange.done():
        told_by(server.poll, 0)
        told_by(client.poll, 1)
    try:
        response = exchange.wait()
        return dotted(response.code) if response else response
    except BaseException as error:
        return told(error) if not isinstance(error, Unprintable) else "Unprintable"


def calm():
    while any(coap.stats()[name] for coap in (client, server) for name in USED):
        told_by(server.poll, 0)
        told_by(client.poll, 1)


def attempt(begin, exception, calls):
    """What came out of polls, and what of the request."""
    global trap, spared
    out.clear()
    trap, spared = exception, calls
    try:
        result = ended(begin())
    except BaseException as error:
        result = "at once " + type(error).__name__
    raised = trap is None
    trap = None
    calm()
    if not raised:
        print("  nothing was raised")
    return result


def works():
    result = ended(client.get(HOST + "plain"))
    if result != "2.05" or any(server.callbacks[name] is None for name in server.callbacks):
        print("  then", result)


out = []
for name, calls, begin in POINTS:
    print("--", name)
    for exception in EXCEPTIONS:
        result = attempt(begin, exception, calls)
        print(type(exception).__name__, result, out)
        works()


def observe(calls, notified):
    observation = client.observe(HOST + "observed", callback=spring if notified else None)
    seen = []
    while not observation.done():
        told_by(server.poll, 0)
        told_by(client.poll, 1)
        if server.stats()["observers_in_use"]:
            observed.notify()
    try:
        while True:
            seen.append(observation.wait(0))
            if seen[-1] is None:
                break
    except BaseException as error:
        seen.append(type(error).__name__)
    return [item if isinstance(item, str) or item is None else dotted(item.code) for item in seen]


for name, calls, callback in (
    ("observed handler, registration", 0, False),
    ("observed handler, notification", 1, False),
    ("callback, first", 1, True),
    ("callback, second", 3, True),
):
    print("--", name)
    for exception in EXCEPTIONS:
        out.clear()
        trap, spared = exception, calls
        seen = observe(calls, callback)
        trap = None
        calm()
        print(type(exception).__name__, seen, out)
        works()


print("-- results that cannot be sent")
for result in (
    object(), (69, object()), (69, "x", "y"), (999,), (), (69, "x", 0, 0), 3.5, True, {}, (69, 5), -1, [b"x", 5], lambda: 1,
    microcoapy.Response(69, "x", options=[(2048, bytes(2000))]), microcoapy.Response(69, "x", etag=b"123456789"),
):
    server.resource("result")(lambda request: result)
    out.clear()
    print(type(result).__name__, ended(client.get(HOST + "result")), out)
    del server.callbacks["result"]
    works()
for result in (5, "", b"123456789", object(), [b"x"]):
    server.resource("result", etag=lambda request: result)(lambda request: "x")
    out.clear()
    print("etag", type(result).__name__, ended(client.get(HOST + "result")), out)
    del server.callbacks["result"]
    works()
for result in (5, "x", object(), [b"x"]):
    server.resource("result", methods=("PUT",), into=lambda request: result)(lambda request: "x")
    out.clear()
    print("into", type(result).__name__, ended(client.put(HOST + "result", b"x")), out)
    del server.callbacks["result"]
    works()
