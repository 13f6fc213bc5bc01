# SPDX-License-Identifier: MIT
# Not run: mypy must refuse each line with a comment 'error: CODE', and no other.
import asyncio
import io
from collections.abc import AsyncIterator, Iterator

import microcoapy
from microcoapy import COAP_METHOD, COAP_TYPE, Coap, Request, Response
from typing_extensions import assert_type

URI = "coap://127.0.0.1/x"

# ---- constants, packets --------------------------------------------------------------------------

COAP_METHOD.COAP_GET = 2  # error: misc
COAP_METHOD.COAP_LIST  # error: attr-defined
microcoapy.COAP_RESPONSE_CODE.COAP_METHOD_NOT_ALLOWD
microcoapy.CoapResponseCode.encode(2)  # error: call-arg
microcoapy.CoapResponseCode.encode(class_=2, detail=5)  # error: call-arg
assert_type(microcoapy.CoapResponseCode.decode(69), tuple[int, int])

packet = microcoapy.CoapPacket()
packet.payload = "text"
packet.payload = 5  # error: assignment
packet.token = None
packet.token = 5  # error: assignment
packet.text = "text"  # error: misc
packet.nosuch  # error: attr-defined
packet.addOption(number=11, payload=b"")  # error: call-arg
packet.addOption("11", b"")  # error: arg-type
assert_type(packet.payload, bytes)
assert_type(packet.options[0].buffer, bytes)
microcoapy.CoapOption(11, buffer="a")
microcoapy.CoapOption(11, value="a")  # error: call-arg

# ---- the endpoint --------------------------------------------------------------------------------

Coap(5683, 2000)  # error: call-arg
Coap("5683")  # error: arg-type
Coap(ack_timeout="2000")  # error: arg-type
Coap(timeout=2000)  # error: call-arg
Coap(5683, ack_timeout=1000, ack_random_factor=1.2, max_body=None, state=bytearray(4))
Coap(state=5)  # error: arg-type
coap = Coap()
coap.nosuch = 1  # error: attr-defined
coap.debug = "yes"  # error: assignment
coap.start("5683")  # error: arg-type
coap.poll(timeout_ms=5)  # error: call-arg
coap.poll(timeoutMs=None)  # error: arg-type
coap.loop(blocking=False)
coap.setCustomSocket(object())  # error: arg-type
coap.join(interface=5)  # error: arg-type
coap.feed("text", "peer")  # error: arg-type
coap.feed(memoryview(b"\x40\x01"), ("10.0.0.1", 5683))
coap.take()[0]  # error: index
coap.next_timeout_ms() + 1  # error: operator
coap.stats()["sent"].upper()  # error: attr-defined
with coap as started:
    assert_type(started, Coap)

# ---- classic layer -------------------------------------------------------------------------------

assert_type(coap.get("127.0.0.1", 5683, "a"), int)
coap.get("127.0.0.1", 5683)  # error: call-overload
coap.get("127.0.0.1", "5683", "a")  # error: call-overload
coap.get("127.0.0.1", 5683, "a", payload=b"")  # error: call-overload
coap.get("127.0.0.1", 5683, "a").wait()  # error: attr-defined
coap.getNonConf(URI)  # error: call-arg
coap.put("127.0.0.1", 5683, "a", 21.5)  # error: call-overload
coap.put("127.0.0.1", 5683, "a", content_format=None)  # error: call-overload
coap.postNonConf("127.0.0.1", 5683, "a", b"", query_option=5)  # error: arg-type
coap.send("127.0.0.1", 5683, "a", COAP_TYPE.COAP_CON)  # error: call-arg
coap.send("127.0.0.1", 5683, None, COAP_TYPE.COAP_CON, COAP_METHOD.COAP_EMPTY_MESSAGE)
coap.sendPacket("127.0.0.1", 5683, b"")  # error: arg-type
coap.sendResponse("127.0.0.1", 5683, 1, "222", "2.05")  # error: arg-type


def received(packet: microcoapy.CoapPacket, sender: tuple[str, int]) -> None:
    pass


def asked(packet: microcoapy.CoapPacket, ip: str, port: int) -> None:
    pass


coap.responseCallback = received
coap.resposeCallback = None
coap.responseCallback = asked  # error: assignment
coap.errorCallback = received  # error: assignment
coap.addIncomingRequestCallback("a", asked)
coap.addIncomingRequestCallback("a", received)  # error: arg-type
coap.addIncomingRequestCallback("a", None)  # error: arg-type

# ---- requests ------------------------------------------------------------------------------------

exchange = coap.get(URI, timeout=0.5, accept=50, etag=[b"1", b"2"], options=[(258, 2)], no_response=None)
assert_type(exchange, microcoapy.Exchange)
assert_type(exchange.wait(2000), Response)
assert_type(exchange.done(), bool)
exchange.wait("2000")  # error: arg-type
exchange.wait(timeout_ms=2000)  # error: call-arg
coap.get(URI, 5)  # error: call-overload
coap.get(URI, b"", b"")  # error: call-overload
coap.get(URI, nosuch=1)  # error: call-overload
coap.get(URI, timeout="5")  # error: call-overload
coap.get(URI, progress=print)
coap.get(URI, progress=5)  # error: call-overload
coap.get(URI, into=b"")  # error: call-overload
coap.get(URI, into=io.BytesIO(), resume=(1024, b"etag"))
coap.get(URI, resume=(1024, b"etag", 3))  # error: arg-type
coap.get(URI, resume=exchange)
coap.get(URI, options={258: 2})  # error: call-overload
coap.put(URI, body=io.BytesIO(b"body"), block_size=64, if_match=b"")
coap.put(URI, body=5)  # error: call-overload
coap.fetch(uri=URI, payload="a", content_format="cbor")  # error: arg-type
coap.patch(5)  # error: arg-type
coap.ipatch(URI, callback=print)  # error: call-arg
coap.request("FETCH", uri=URI, payload=b"")
coap.request(5.0, URI)  # error: arg-type
coap.request(method="FETCH", uri=URI)  # error: call-arg

response = exchange.wait()
assert_type(response.payload, bytes)
assert_type(response.text, str)
assert_type(response.ok, bool)
assert_type(response.etag, bytes | None)
assert_type(response.max_age, int)
response.etag.hex()  # error: union-attr
response.content_format + 1  # error: operator
response.code = 69  # error: misc
response.path  # error: attr-defined

# ---- observe, discover ---------------------------------------------------------------------------

observation = coap.observe(URI, accept=50)
assert_type(observation, microcoapy.Observation)
assert_type(observation.wait(), Response | None)
observation.wait().payload  # error: union-attr
observation.callback = lambda response: print(response.payload)
observation.callback = 5  # error: assignment
coap.observe(URI, callback=5)  # error: arg-type
coap.observe(URI, payload=b"")  # error: call-arg
coap.observe(URI, body=b"")  # error: call-arg

links: Iterator[microcoapy.Link] = coap.discover("127.0.0.1", rt="temp*", obs=True)
members: AsyncIterator[microcoapy.Link] = coap.discover(("127.0.0.1", 5683), timeout_ms=100)
coap.discover(5)  # error: arg-type
coap.discover("127.0.0.1", timeout_ms="5")  # error: arg-type
coap.discover(host="127.0.0.1")  # error: call-arg
assert_type(microcoapy.links(b"</x>;rt=a")[0].target, str)
microcoapy.links(5)  # error: arg-type
microcoapy.links("</x>")[0].target = "y"  # error: misc


async def awaiting() -> None:
    assert_type(await coap.get(URI), Response)
    assert_type(await coap.serve(), None)
    await coap.get("127.0.0.1", 5683, "a")  # error: misc
    async with coap.observe(URI) as observation:
        async for response in observation:
            assert_type(response, Response)
    for response in coap.observe(URI):  # error: attr-defined
        pass
    async for link in coap.discover(URI):
        assert_type(link, microcoapy.Link)
    task = asyncio.create_task(coap.get(URI))
    assert_type(await task, Response)


# ---- resources -----------------------------------------------------------------------------------


@coap.resource("a", methods=("GET", 3), obs=True, min_interval=500, rt="temperature", ct=50)
def text(request: Request) -> str:
    return request.query


text.notify()
text.nosuch()  # error: attr-defined
text.path = "b"  # error: misc


@coap.resource("b")
async def slow(request: Request) -> tuple[int, bytes]:
    return 69, request.payload


@coap.resource("c")
def body(request: Request) -> Iterator[bytes]:
    yield b"part"


@coap.resource("d", etag=lambda request: b"1", into=lambda request: io.BytesIO(), max_body=100, fresh=True)
def answer(request: Request) -> Response | None:
    return Response(69, "text", etag=b"1", max_age=5, location="/a")


@coap.resource("e")  # error: arg-type
def number(request: Request) -> float:
    return 21.5


@coap.resource("f")  # error: arg-type
def classic(packet: microcoapy.CoapPacket, ip: str, port: int) -> None:
    pass


coap.resource(path="g")  # error: call-arg
coap.resource("g", ("GET",))  # error: call-arg
coap.resource("g", methods=5.0)  # error: arg-type
coap.resource("g", min_interval="1")  # error: arg-type
coap.resource("g", into=io.BytesIO())  # error: arg-type
coap.resource("g", max_body=None)  # error: arg-type
Response(69, b"", 0, b"etag")  # error: call-arg
Response(69, 5)  # error: arg-type
Response(max_age="5")  # error: arg-type
raise microcoapy.CoapError(132, "no such thing")
