# SPDX-License-Identifier: MIT
"""IPv6 and IPv4 on one socket: a server for both, a client of both. Where the machine has no IPv6, that is an error to the
program, and IPv4 goes on.
"""

import asyncio
import re

import aiocoap

import net
import programs
from harness import cases
from runner.ports import has_ipv6

SERVER = """
count = 0
coap.resource("where")(lambda request: request.sender[0])
coap.resource("long")(lambda request: bytes(range(256)) * 20)
counting = coap.resource("count", obs=True)(lambda request: str(count))
"""
LONG = bytes(range(256)) * 20
HOSTS = {"ipv4": ("127.0.0.1", "127.0.0.1"), "ipv6": ("[::1]", "::1")}


def is_an_error(sender):
    """Whether the address is of a family that is not there: then a client gets nowhere with it."""
    if sender != "::1" or has_ipv6():
        return False
    assert programs.client().eval("coap.get('::1', 5683, 'x')") == 0
    return True


@cases(**HOSTS)
def test_server_with_libcoap(host):
    in_uri, sender = host
    if is_an_error(sender):
        return
    _, port = programs.server(SERVER)
    payload, log = programs.libcoap_client("coap://%s:%d/where" % (in_uri, port), "-v", "3")
    assert payload.strip() == sender.encode(), log


@cases(**HOSTS)
def test_server_with_aiocoap(host):
    in_uri, sender = host
    if is_an_error(sender):
        return
    agent, port = programs.server(SERVER)

    async def main():
        context = await aiocoap.Context.create_client_context(transports=["udp6"])
        try:
            uri = "coap://%s:%d/" % (in_uri, port)
            whole = await context.request(aiocoap.Message(code=aiocoap.GET, uri=uri + "long")).response
            assert whole.payload == LONG
            request = context.request(aiocoap.Message(code=aiocoap.GET, uri=uri + "count", observe=0))
            assert (await request.response).payload == b"0"
            notifications = aiter(request.observation)
            agent.exec("count = 1\ncounting.notify()")
            assert (await asyncio.wait_for(anext(notifications), net.PATIENCE)).payload == b"1"
            request.observation.cancel()
        finally:
            await context.shutdown()

    asyncio.run(main())


@cases(**HOSTS)
def test_client_with_libcoap(host):
    in_uri, sender = host
    if is_an_error(sender):
        return
    _, port = programs.libcoap_server(host="::" if has_ipv6() else "127.0.0.1")
    agent = programs.client()
    uri = "coap://%s:%d/" % (in_uri, port)
    sender_of = "(lambda r: (r.code, r.sender[0], len(r.payload) > 0))(coap.get(%r).wait(%d))"
    assert agent.eval(sender_of % (uri + "time", 1000 * net.PATIENCE)) == (69, sender, True)
    agent.eval("coap.put(%r, %r).wait(%d).code" % (uri + "example_data", LONG, 1000 * net.PATIENCE))
    assert agent.eval("coap.get(%r).wait(%d).payload" % (uri + "example_data", 1000 * net.PATIENCE)) == LONG
    # The classic layer takes the address alone.
    response = agent.exchange("coap.get(%r, %d, 'time')" % (sender, port))
    assert response["sender"] == (sender, port) and re.match(rb"\w+ \d+", response["payload"]), response
