# The resources of the ETSI CoAP plugtests: base, block-wise transfer, observe, links.
# Usage: micropython plugtest_server.py [PORT [PERIOD_MS [ACK_TIMEOUT_MS]]]
import asyncio
import sys

import microcoapy

PORT = int(sys.argv[1]) if len(sys.argv) > 1 else 5683
PERIOD_MS = int(sys.argv[2]) if len(sys.argv) > 2 else 5000  # of what changes by itself
ACK_TIMEOUT_MS = int(sys.argv[3]) if len(sys.argv) > 3 else 2000
SEPARATE_AFTER_MS = 1500  # the request is acknowledged after ACK_TIMEOUT / 2

GET, POST, PUT, DELETE = 1, 2, 3, 4
CREATED, CONTENT, CHANGED, NOT_FOUND = 0x41, 0x45, 0x44, 0x84
TEXT, LINKS, XML, JSON = 0, 40, 41, 50

server = microcoapy.Coap(ack_timeout=ACK_TIMEOUT_MS)
Response = microcoapy.Response


def resource(path, **settings):
    """As server.resource(), and prints each request but those that only notify."""

    def decorate(handler):
        def show(request):
            if request.observe is None:
                print(path, request)
            return handler(request)

        return server.resource(path, **settings)(show)

    return decorate


def text(length, first=""):
    """Numbered lines of 32 bytes."""
    lines = "".join("%-30d|\n" % number for number in range(length // 32 + 1))
    return first + lines[len(first) : length]


class Stored:
    """A representation that can be replaced and deleted; its ETag counts the changes."""

    def __init__(self, path, payload=None, **settings):
        self.payload, self.format = payload, TEXT
        self.version = 1
        # A tag of None says that there is nothing; If-Match, If-None-Match and ETag are answered by it.
        self.resource = resource(path, methods=("GET", "PUT", "DELETE"), etag=self.tag, **settings)(self.handle)

    def tag(self, request):
        return None if self.payload is None else b"%d" % self.version

    def handle(self, request):
        if request.code == GET:
            if self.payload is None:
                raise microcoapy.CoapError(NOT_FOUND)
            return (CONTENT, self.payload, self.format)
        if request.code == DELETE:
            self.payload = None
            return None
        code = CREATED if self.payload is None else CHANGED
        self.set(request.payload, request.content_format or TEXT)
        return code

    def set(self, payload, content_format=TEXT):
        self.payload, self.format = payload, content_format
        self.version += 1


# ---- base ----------------------------------------------------------------------------------------


@resource("test", methods=("GET", "POST", "PUT", "DELETE"), rt="Type1 Type2")
def test(request):
    if request.code == GET:
        return "a test resource"
    if request.code == POST:
        created.set(request.payload)
        return Response(CREATED, location="location1/location2/location3")


@resource("separate")
async def separate(request):
    await asyncio.sleep_ms(SEPARATE_AFTER_MS)
    return "this took a while"


@resource("query")
def query(request):
    return "query: " + request.query


@resource("seg1/seg2/seg3")
def segments(request):
    return "three segments"


@resource("location-query", methods=("POST",))
def location_query(request):
    return Response(CREATED, location="?first=1&second=2")


@resource("multi-format")
def multi_format(request):
    if request.accept == XML:
        return (CONTENT, "<temperature unit='C'>21.5</temperature>", XML)
    return (CONTENT, "21.5 C", TEXT)  # to any other Accept, 4.06 is the answer


created = Stored("location1/location2/location3")
Stored("validate", "first content")
Stored("create1")

# ---- block-wise transfer --------------------------------------------------------------------------


@resource("large", rt="block", sz=3000)
def large(request):
    return text(3000)


Stored("large-update", text(2000), max_body=16384, sz=2000)


@resource("large-create", methods=("POST",), max_body=16384)
def large_create(request):
    path = "large-create/%d" % len(server.callbacks)
    Stored(path, request.payload)
    return Response(CREATED, location=path)


@resource("large-post", methods=("POST",), max_body=16384)
def large_post(request):
    return (CHANGED, text(3000, "%d bytes came\n" % len(request.payload)), TEXT)


# ---- observe --------------------------------------------------------------------------------------


class Observed(Stored):
    """Counts until it is replaced or deleted, which its observers are told of, too."""

    counts = True

    def handle(self, request):
        result = super().handle(request)
        if request.code == GET:
            return Response(*result, max_age=FRESH_S)
        self.counts = False
        self.resource.notify()
        return result


count = 0
FRESH_S = max(1, 2 * PERIOD_MS // 1000)
obs = Observed("obs", "0", obs=True, rt="observe")


@resource("obs-non", obs=True, non=True, rt="observe")
def obs_non(request):
    return Response(payload="%d" % count, max_age=FRESH_S)


@resource("obs-large", obs=True, rt="observe")
def obs_large(request):
    return Response(payload=text(3000, "%d|" % count), max_age=FRESH_S)


@resource("obs-pumping", obs=True, rt="observe")
def obs_pumping(request):
    return Response(payload=text((50, 3000)[count & 1], "%d|" % count), max_age=FRESH_S)


async def change():
    global count
    while True:
        await asyncio.sleep_ms(PERIOD_MS)
        count += 1
        if obs.counts:
            obs.set("%d" % count)
        for changed in (obs.resource, obs_non, obs_large, obs_pumping):
            changed.notify()


# ---- links ----------------------------------------------------------------------------------------

for path, attributes in (
    ("type/1", {"rt": ("Type1", "Type2")}),
    ("type/2", {"rt": ("Type2", "Type3")}),
    ("type/3", {"rt": ("Type1", "Type3")}),
    ("type/4", {"rt": ""}),
    ("if/1", {"if_": "If1"}),
    ("if/2", {"if_": "If2"}),
    ("if/3", {"if_": "foo"}),
    ("link1", {}),
    ("link2", {}),
    ("link3", {}),
    ("path/sub1", {"hidden": True}),
    ("path/sub2", {"hidden": True}),
):
    resource(path, **attributes)(lambda request: request.path)


@resource("path", ct=LINKS)
def sub_links(request):
    return "</path/sub1>,</path/sub2>"


async def main():
    asyncio.create_task(change())
    server.start(PORT)
    print("plugtest server listens on port", PORT)
    await server.serve()


try:
    asyncio.run(main())
except KeyboardInterrupt:
    server.stop()
