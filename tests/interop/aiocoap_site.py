# SPDX-License-Identifier: MIT
"""An aiocoap server with the resources of the ETSI CoAP test descriptions. Usage: aiocoap_site.py PORT"""

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


class Large(resource.Resource):
    """/large?n: n bytes."""

    async def render_get(self, request):
        return message(Code.CONTENT, bytes(i % 251 for i in range(int(request.opt.uri_query[0]))), content_format=42)


def site():
    root = resource.Site()
    root.add_resource(["test"], Test())
    root.add_resource(["separate"], Separate())
    root.add_resource(["query"], Query())
    root.add_resource(["seg1", "seg2", "seg3"], Fixed(b"three segments"))
    root.add_resource(["location-query"], LocationQuery())
    root.add_resource(["multi-format"], MultiFormat())
    root.add_resource(["validate"], Validate())
    root.add_resource(["create1"], Create())
    root.add_resource(["echo"], Echo())
    root.add_resource(["large"], Large())
    root.add_resource(["caf\u00e9", "a/b"], Fixed(b"odd path"))
    return root


async def main():
    await aiocoap.Context.create_server_context(site(), bind=("127.0.0.1", int(sys.argv[1])), transports=["udp6"])
    print("ready", flush=True)
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main())
