# SPDX-License-Identifier: MIT
"""An aiocoap server with the resources of the ETSI CoAP test descriptions. Usage: aiocoap_site.py PORT [PERIOD]

PERIOD: seconds between changes of what changes by itself.
"""

import asyncio
import sys

import aiocoap
import aiocoap.resource as resource
from aiocoap.numbers.codes import Code

TEXT, XML = 0, 41


def message(code, payload=b"", **options):
    return aiocoap.Message(code=code, payload=payload, **options)


def show(request, name):
    print("%s %s %r" % (request.code, name, request.payload), flush=True)


class Test(resource.Resource):
    """/test: all four methods; POST creates /location1/location2/location3."""

    async def render_get(self, request):
        return message(Code.CONTENT, b"welcome to the test resource", content_format=TEXT)

    async def render_put(self, request):
        show(request, "test")
        return message(Code.CHANGED)

    async def render_post(self, request):
        show(request, "test")
        return message(Code.CREATED, location_path=("location1", "location2", "location3"))

    async def render_delete(self, request):
        return message(Code.DELETED)


class Separate(resource.Resource):
    """/separate: slow enough for aiocoap to send an Empty ACK first (its EMPTY_ACK_DELAY is 0.1 s)."""

    async def render_get(self, request):
        await asyncio.sleep(0.5)
        return message(Code.CONTENT, b"that took long", content_format=TEXT)


class Query(resource.Resource):
    async def render_get(self, request):
        return message(Code.CONTENT, "&".join(request.opt.uri_query).encode() or b"none", content_format=TEXT)


class Fixed(resource.Resource):
    def __init__(self, payload):
        super().__init__()
        self.payload = payload

    async def render_get(self, request):
        return message(Code.CONTENT, self.payload, content_format=TEXT)


class LocationQuery(resource.Resource):
    async def render_post(self, request):
        show(request, "location-query")
        return message(Code.CREATED, location_query=("first=1", "second=2"))


class MultiFormat(resource.Resource):
    async def render_get(self, request):
        accept = request.opt.accept
        if accept in (None, TEXT):
            return message(Code.CONTENT, b"22.3 C", content_format=TEXT)
        if accept == XML:
            return message(Code.CONTENT, b"<t unit='C'>22.3</t>", content_format=XML)
        return message(Code.NOT_ACCEPTABLE)


class Validate(resource.Resource):
    """/validate: ETag counts the changes."""

    def __init__(self):
        super().__init__()
        self.version = 1
        self.payload = b"first content"

    @property
    def tag(self):
        return b"v%d" % self.version

    async def render_get(self, request):
        if self.tag in request.opt.etags:
            return message(Code.VALID, etag=self.tag)
        return message(Code.CONTENT, self.payload, etag=self.tag, content_format=TEXT)

    async def render_put(self, request):
        show(request, "validate")
        if request.opt.if_match and self.tag not in request.opt.if_match:
            return message(Code.PRECONDITION_FAILED)
        self.version += 1
        self.payload = request.payload
        return message(Code.CHANGED)


class Create(resource.Resource):
    """/create1: does not exist until PUT."""

    def __init__(self):
        super().__init__()
        self.payload = None

    async def render_get(self, request):
        if self.payload is None:
            return message(Code.NOT_FOUND)
        return message(Code.CONTENT, self.payload, content_format=TEXT)

    async def render_put(self, request):
        show(request, "create1")
        if self.payload is not None and request.opt.if_none_match:
            return message(Code.PRECONDITION_FAILED)
        code = Code.CREATED if self.payload is None else Code.CHANGED
        self.payload = request.payload
        return message(code)

    async def render_delete(self, request):
        self.payload = None
        return message(Code.DELETED)


class Echo(resource.Resource):
    """/echo: what the request had in payload and Content-Format, for every method that carries them."""

    async def render_post(self, request):
        return message(Code.CHANGED, request.payload, content_format=request.opt.content_format)

    render_put = render_post


def pattern(length):
    return bytes(i % 251 for i in range(length))


class Large(resource.Resource):
    """/large?n: n bytes, 3000 without a number. PUT and POST: how many came, and whether they were the same ones."""

    async def render_get(self, request):
        length = int(request.opt.uri_query[0]) if request.opt.uri_query else 3000
        return message(Code.CONTENT, pattern(length), content_format=42)

    async def render_put(self, request):
        good = request.payload == pattern(len(request.payload))
        return message(Code.CHANGED, b"%d %r" % (len(request.payload), good))

    render_post = render_put


class Small(resource.Resource):
    """/small: the same, but in blocks of at most 64 bytes, whatever the client proposes."""

    EXPONENT = 2

    def __init__(self):
        super().__init__()
        self.body = b""

    async def needs_blockwise_assembly(self, request):
        return False

    async def render_get(self, request):
        body = pattern(int(request.opt.uri_query[0]))
        asked = request.opt.block2
        exponent = min(asked.size_exponent, self.EXPONENT) if asked else self.EXPONENT
        start = asked.start if asked else 0
        size = 16 << exponent
        block = (start // size, start + size < len(body), exponent)
        return message(Code.CONTENT, body[start : start + size], content_format=42, block2=block)

    async def render_put(self, request):
        block = request.opt.block1
        self.body = (self.body if block.start else b"") + request.payload
        exponent = min(block.size_exponent, self.EXPONENT)
        if block.more:
            return message(Code.CONTINUE, block1=(block.block_number, True, exponent))
        good = self.body == pattern(len(self.body))
        return message(Code.CHANGED, b"%d %r" % (len(self.body), good), block1=(block.block_number, False, exponent))


class Document(resource.Resource):
    """/document: tells method, payload and formats of FETCH, PATCH and iPATCH."""

    @staticmethod
    def tell(request, code):
        formats = (request.opt.content_format, request.opt.accept)
        name = {Code.FETCH: b"FETCH", Code.PATCH: b"PATCH", Code.iPATCH: b"iPATCH"}[request.code]
        return message(code, b"%s %s %d %d" % (name, request.payload, *formats))

    async def render_fetch(self, request):
        return self.tell(request, Code.CONTENT)

    async def render_patch(self, request):
        return self.tell(request, Code.CHANGED)

    render_ipatch = render_patch


class Fresh(resource.Resource):
    """/fresh: PUT only with the Echo value that 4.01 gives, RFC 9175 section 2.3."""

    async def render_put(self, request):
        if request.opt.echo != b"now":
            return message(Code.UNAUTHORIZED, echo=b"now")
        return message(Code.CHANGED, b"fresh")


class Fast(aiocoap.TransportTuning):
    """Retransmits soon, and does not give up before a minute has passed."""

    ACK_TIMEOUT = 0.1
    MAX_RETRANSMIT = 10


class Counter(resource.ObservableResource):
    """/counter: what was PUT last, observable; fresh for one second."""

    def __init__(self):
        super().__init__()
        self.value = b"0"

    async def render_get(self, request):
        return message(Code.CONTENT, self.value, content_format=TEXT, max_age=1, transport_tuning=Fast())

    async def render_put(self, request):
        self.value = request.payload
        self.updated_state()
        return message(Code.CHANGED)


class Text(Fixed):
    """/large-update: text that may be replaced."""

    async def render_put(self, request):
        print("large-update %d bytes" % len(request.payload), flush=True)
        self.payload = request.payload
        return message(Code.CHANGED)


class LargeCreate(resource.Resource):
    """/large-create: POST makes /large-create/1."""

    def __init__(self, root):
        super().__init__()
        self.root = root

    async def render_post(self, request):
        print("large-create %d bytes" % len(request.payload), flush=True)
        self.root.add_resource(["large-create", "1"], Fixed(request.payload))
        return message(Code.CREATED, location_path=("large-create", "1"))


class LargePost(resource.Resource):
    """/large-post: a long answer to a long question."""

    async def render_post(self, request):
        return message(Code.CHANGED, b"%d bytes came " % len(request.payload) + pattern(3000), content_format=TEXT)


class Observed(resource.ObservableResource):
    """What changes every `period` seconds, until somebody replaces or deletes it."""

    all = []
    period = 5.0

    def __init__(self, payload):
        super().__init__()
        self.make = payload
        self.count = 0
        self.replaced = None
        self.all.append(self)

    @property
    def payload(self):
        return self.replaced if self.replaced is not None else self.make(self.count)

    async def render_get(self, request):
        if self.replaced == b"":
            return message(Code.NOT_FOUND)
        return message(Code.CONTENT, self.payload, content_format=TEXT, max_age=max(1, int(2 * self.period)))

    async def render_put(self, request):
        self.replaced = request.payload
        other = request.opt.content_format not in (None, TEXT)
        self.updated_state(message(Code.NOT_ACCEPTABLE) if other else None)
        return message(Code.CHANGED)

    async def render_delete(self, request):
        self.replaced = b""
        self.updated_state(message(Code.NOT_FOUND))
        return message(Code.DELETED)

    @classmethod
    async def change(cls):
        while True:
            await asyncio.sleep(cls.period)
            for observed in cls.all:
                observed.count += 1
                if observed.replaced is None:
                    observed.updated_state()


class Linked(Fixed):
    def __init__(self, path, **attributes):
        super().__init__(("/" + "/".join(path)).encode())
        self.attributes = attributes

    def get_link_description(self):
        return self.attributes


class Path(resource.Resource):
    """/path: links to what is below."""

    ct = 40

    async def render_get(self, request):
        return message(Code.CONTENT, b"</path/sub1>,</path/sub2>", content_format=40)


def add_plugtest(root):
    """Resources of the descriptions for blocks, observe and links."""
    root.add_resource(["large-update"], Text(pattern(2000)))
    root.add_resource(["large-create"], LargeCreate(root))
    root.add_resource(["large-post"], LargePost())
    root.add_resource(["obs"], Observed(lambda count: b"%d" % count))
    root.add_resource(["obs-non"], Observed(lambda count: b"%d" % count))
    root.add_resource(["obs-large"], Observed(lambda count: b"%d|" % count + pattern(3000)))
    root.add_resource(["obs-pumping"], Observed(lambda count: b"%d|" % count + pattern((50, 3000)[count & 1])))
    for path, attributes in (
        (["type", "1"], {"rt": "Type1 Type2"}),
        (["type", "2"], {"rt": "Type2 Type3"}),
        (["type", "3"], {"rt": "Type1 Type3"}),
        (["type", "4"], {"rt": ""}),
        (["if", "1"], {"if": "If1"}),
        (["if", "2"], {"if": "If2"}),
        (["if", "3"], {"if": "foo"}),
        (["sized"], {"sz": "77"}),
        (["link1"], {}),
        (["link2"], {}),
        (["link3"], {}),
        (["path", "sub1"], {}),
        (["path", "sub2"], {}),
    ):
        root.add_resource(path, Linked(path, **attributes))
    root.add_resource(["path"], Path())


def site():
    root = resource.Site()
    root.add_resource([".well-known", "core"], resource.WKCResource(root.get_resources_as_linkheader))
    root.add_resource(["test"], Test())
    root.add_resource(["separate"], Separate())
    root.add_resource(["query"], Query())
    root.add_resource(["seg1", "seg2", "seg3"], Fixed(b"three segments"))
    root.add_resource(["location-query"], LocationQuery())
    root.add_resource(["multi-format"], MultiFormat())
    root.add_resource(["validate"], Validate())
    root.add_resource(["create1"], Create())
    root.add_resource(["echo"], Echo())
    add_plugtest(root)
    root.add_resource(["large"], Large())
    root.add_resource(["small"], Small())
    root.add_resource(["counter"], Counter())
    root.add_resource(["document"], Document())
    root.add_resource(["fresh"], Fresh())
    root.add_resource(["caf\u00e9", "a/b"], Fixed(b"odd path"))
    return root


async def main():
    if len(sys.argv) > 2:
        Observed.period = float(sys.argv[2])
    await aiocoap.Context.create_server_context(site(), bind=("127.0.0.1", int(sys.argv[1])), transports=["udp6"])
    print("ready", flush=True)
    await Observed.change()


if __name__ == "__main__":
    asyncio.run(main())
