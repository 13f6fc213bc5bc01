# SPDX-License-Identifier: MIT
"""Our server: bodies of all sizes in blocks of all sizes, RFC 7959, with aiocoap's client."""

import asyncio

import aiocoap
from aiocoap.numbers.codes import Code

import programs
from harness import cases, limit

PARTS = 3

SIZES = {str(size): size for size in (0, 1, 16, 1023, 1024, 1025, 65537, 1048576)}
LIMIT = 1800  # 65,536 blocks of 16 bytes, in Python on one side


def pattern(length):
    return bytes(i % 251 for i in range(length))


SERVER = """
@coap.resource("large", ct=42)
def large(request):
    return Pattern(int(request.query))

@coap.resource("kept")
def kept(request):
    return pattern(int(request.query))

@coap.resource("put", methods=("PUT", "POST"), into=sink)
def put(request):
    return judge(request.body)

@coap.resource("held", methods=("PUT", "FETCH"), max_body=1 << 21)
def held(request):
    if request.code == 5:
        return request.payload
    return "%d %s" % (len(request.payload), pattern(len(request.payload)) == request.payload)
"""


def ask(port, path, exponent, method=Code.GET, payload=b""):
    """The response that aiocoap's client gives its user, in blocks of 2 ** (exponent + 4) bytes."""

    async def main():
        context = await aiocoap.Context.create_client_context(transports=["udp6"])
        try:
            request = aiocoap.Message(code=method, uri="coap://127.0.0.1:%d/%s" % (port, path), payload=payload)
            request.remote.maximum_block_size_exp = exponent
            if method == Code.GET:
                request.opt.block2 = (0, False, exponent)
            return await context.request(request).response
        finally:
            await context.shutdown()

    return asyncio.run(main())


@cases(**SIZES)
@limit(LIMIT)
def test_server_is_fetched_from(size):
    _, port = programs.loop_server(SERVER)
    for exponent in range(7):
        response = ask(port, "large?%d" % size, exponent)
        assert (response.code, response.opt.content_format) == (Code.CONTENT, 42), response
        assert response.payload == pattern(size), (exponent, len(response.payload))


@cases(**SIZES)
@limit(LIMIT)
def test_server_is_sent_to(size):
    agent, port = programs.loop_server(SERVER)
    for exponent in range(7):
        response = ask(port, "put", exponent, Code.PUT, pattern(size))
        assert (response.code, response.payload) == (Code.CHANGED, b"%d True" % size), (exponent, response)
    assert agent.eval("coap.stats()['bodies_in_use']") == 0


def test_server_keeps_a_body_for_its_handler():
    _, port = programs.loop_server(SERVER)
    for size in (0, 1024, 100000):
        response = ask(port, "held", 6, Code.PUT, pattern(size))
        assert response.payload == b"%d True" % size, response
    assert ask(port, "kept?50000", 6).payload == pattern(50000)


def test_both_bodies_in_blocks():
    _, port = programs.loop_server(SERVER)
    response = ask(port, "held", 4, Code.FETCH, pattern(5000))
    assert (response.code, response.payload) == (Code.CONTENT, pattern(5000)), response
