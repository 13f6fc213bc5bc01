# SPDX-License-Identifier: MIT
"""Our server against aiocoap's client."""

import asyncio

import aiocoap
from aiocoap.numbers.codes import Code

import coapmsg
import net
import programs
from harness import cases

SETUP = """
resource(coap, "current/measure", "222", 69, 0)
resource(coap, "echo", lambda packet: packet.payload, 68, 42)
resource(coap, "", "root")
resource(coap, "query", lambda packet: packet.query)
resource(coap, "caf\\u00e9/a", "odd")
resource(coap, "large", lambda packet: bytes(i % 251 for i in range(int(packet.query))))
resource(coap, "silent", code=None)
later = []
resource(coap, "slow", code=None, then=lambda *arguments: later.append(arguments))
"""


def ask(port, path="", method=Code.GET, **options):
    """The response aiocoap's client gives its user."""

    async def main():
        context = await aiocoap.Context.create_client_context(transports=["udp6"])
        try:
            request = aiocoap.Message(code=method, uri="coap://127.0.0.1:%d/%s" % (port, path), **options)
            return await context.request(request).response
        finally:
            await context.shutdown()

    return asyncio.run(main())


@cases(con=aiocoap.CON, non=aiocoap.NON)
def test_get(mtype):
    server, port = programs.server(SETUP)
    response = ask(port, "current/measure", _mtype=mtype)
    assert (response.code, response.payload) == (Code.CONTENT, b"222"), response
    assert response.opt.content_format == 0, response
    assert server.wait_events("request")[0]["type"] == (coapmsg.CON if mtype == aiocoap.CON else coapmsg.NON)


@cases(put=Code.PUT, post=Code.POST, delete=Code.DELETE)
def test_method(method):
    server, port = programs.server(SETUP)
    payload = b"" if method == Code.DELETE else b"\x00\xff\xfe body"
    response = ask(port, "echo", method, payload=payload)
    assert (response.code, response.payload) == (Code.CHANGED, payload), response
    request = server.wait_events("request")[0]
    assert (request["code"], request["payload"]) == (int(method), payload), request


@cases(put=Code.PUT, post=Code.POST, delete=Code.DELETE)
def test_non_confirmable_method(method):
    server, port = programs.server(SETUP)
    response = ask(port, "echo", method, _mtype=aiocoap.NON)
    assert response.code == Code.CHANGED, response
    assert server.wait_events("request")[0]["type"] == coapmsg.NON


def test_unknown_path_gives_404():
    _, port = programs.server(SETUP)
    assert ask(port, "no/such").code == Code.NOT_FOUND


def test_root():
    _, port = programs.server(SETUP)
    assert ask(port).payload == b"root"


def test_query_and_non_ascii_path():
    _, port = programs.server(SETUP)
    assert ask(port, "query?x=1&y=%26").payload == b"x=1&y=&"
    assert ask(port, "caf%C3%A9/a").payload == b"odd"


@cases(small=1, block=1024)
def test_response_size(size):
    _, port = programs.server(SETUP)
    assert ask(port, "large?%d" % size).payload == bytes(i % 251 for i in range(size))


def test_options_reach_the_handler():
    server, port = programs.server("resource(coap, 'echo', understands=(1,))")
    ask(port, "echo", Code.PUT, payload=b"x", content_format=50, accept=60, if_match=[b"tag"], etags=[b"a", b"bc"])
    options = server.wait_events("request")[0]["options"]
    assert options == [
        (coapmsg.IF_MATCH, b"tag"),
        (coapmsg.ETAG, b"a"),
        (coapmsg.ETAG, b"bc"),
        (coapmsg.URI_PORT, coapmsg.uint(port)),
        (coapmsg.URI_PATH, b"echo"),
        (coapmsg.CONTENT_FORMAT, b"\x32"),
        (coapmsg.ACCEPT, b"\x3c"),
    ] or options == [
        (coapmsg.IF_MATCH, b"tag"),
        (coapmsg.ETAG, b"a"),
        (coapmsg.ETAG, b"bc"),
        (coapmsg.URI_PATH, b"echo"),
        (coapmsg.CONTENT_FORMAT, b"\x32"),
        (coapmsg.ACCEPT, b"\x3c"),
    ], options
    assert server.of("request")[0]["format"] == 50


def test_separate_response():
    server, port = programs.server(SETUP)

    async def main():
        context = await aiocoap.Context.create_client_context(transports=["udp6"])
        try:
            uri = "coap://127.0.0.1:%d/slow" % proxy.port
            request = context.request(aiocoap.Message(code=Code.GET, uri=uri))
            task = asyncio.ensure_future(request.response)
            await asyncio.get_running_loop().run_in_executor(None, answer_later)
            return await task
        finally:
            await context.shutdown()

    def answer_later():
        proxy.wait_for(lambda records: [d for d in records if not d.to_server])
        server.exec("r, ip, p = later.pop()\ncoap.sendResponse(ip, p, r.messageid, 'late', 69, -1, r.token)")

    with net.Proxy(port) as proxy:
        assert asyncio.run(main()).payload == b"late"
        ack, separate = map(coapmsg.decode, dict.fromkeys(d.data for d in proxy.records if not d.to_server))
        assert (ack.mtype, ack.code) == (coapmsg.ACK, 0), ack
        assert separate.mtype == coapmsg.CON, separate
        proxy.wait_for(lambda records: [d for d in records if d.to_server and d.message.mtype == coapmsg.ACK])


def test_observe_request_is_answered_as_a_plain_get():
    _, port = programs.server(SETUP)
    response = ask(port, "current/measure", observe=0)
    assert (response.payload, response.opt.observe) == (b"222", None), response


def test_fifty_exchanges_over_a_lossy_network():
    server, port = programs.server(SETUP)

    async def main():
        context = await aiocoap.Context.create_client_context(transports=["udp6"])
        try:
            for number in range(50):
                request = aiocoap.Message(
                    code=Code.POST,
                    payload=b"number %d" % number,
                    uri="coap://127.0.0.1:%d/echo" % proxy.port,
                    transport_tuning=Impatient(),
                )
                response = await context.request(request).response
                assert response.payload == b"number %d" % number, (number, response.payload)
        finally:
            await context.shutdown()

    class Impatient(aiocoap.TransportTuning):
        ACK_TIMEOUT = 0.05
        MAX_RETRANSMIT = 10

    with net.Proxy(port, net.lossy(loss=0.15, duplicate=0.1, reorder=0.1, late=0.02)) as proxy:
        asyncio.run(main())
        assert any(d.dropped for d in proxy.records)
    handled = [request["payload"] for request in server.of("request")]
    assert handled == [b"number %d" % number for number in range(50)], handled
