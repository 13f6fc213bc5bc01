# SPDX-License-Identifier: MIT
"""Discovery, RFC 6690, both roles, with libcoap and aiocoap; by multicast; registration with a resource directory, RFC 9176."""

import asyncio
import os
import re
import socket
import sys

import aiocoap
import aiocoap.util.linkformat
from aiocoap.numbers.codes import Code

import coapmsg
import net
import programs
from harness import cases

SERVER = """
for number in range(30):
    kind = "temperature" if number % 3 else "humidity"
    coap.resource("sensor/%d" % number, rt=kind, ct=(0, 50), obs=number == 4, title='sensor no. "%d"' % number)(lambda request: "1")
coap.resource("act", if_="core.a core.rp", sz=77)(lambda request: "2")
coap.resource("secret", hidden=True)(lambda request: "3")
"""


def links(payload):
    return {link.href: link for link in aiocoap.util.linkformat.parse(payload.decode()).links}


# ---- our server ----------------------------------------------------------------------------------


def ask(port, query=""):
    async def main():
        context = await aiocoap.Context.create_client_context(transports=["udp6"])
        try:
            request = aiocoap.Message(code=Code.GET, uri="coap://127.0.0.1:%d/.well-known/core%s" % (port, query))
            return await context.request(request).response
        finally:
            await context.shutdown()

    return asyncio.run(main())


def test_aiocoap_discovers_our_resources():
    _, port = programs.loop_server(SERVER)
    response = ask(port)
    assert (response.code, response.opt.content_format) == (Code.CONTENT, 40), response
    found = links(response.payload)
    assert len(response.payload) > 1024, "it comes in blocks"
    assert sorted(found) == sorted(["/sensor/%d" % n for n in range(30)] + ["/act"]), sorted(found)
    assert found["/sensor/4"].rt == ["temperature"], found["/sensor/4"]
    attributes = dict(found["/sensor/4"].attr_pairs)
    assert attributes["title"] == 'sensor no. "4"' and attributes["ct"] == "0 50" and attributes["obs"] is None, attributes
    assert dict(found["/act"].attr_pairs) == {"if": "core.a core.rp", "sz": "77"}


@cases(
    exact=("?rt=humidity", 10),
    prefix=("?rt=temp*", 20),
    all=("?rt=*", 30),
    none=("?rt=pressure", 0),
    one_of_several=("?if=core.rp", 1),
    prefix_of_one_of_several=("?if=core*", 1),
    href=("?href=/act", 1),
    href_prefix=("?href=/sensor/1*", 11),
    content_format=("?ct=50", 30),
    size=("?sz=77", 1),
    two_filters=("?rt=temperature&href=/sensor/2*", 8),
)
def test_filter(case):
    query, count = case
    _, port = programs.loop_server(SERVER)
    response = ask(port, query)
    assert response.code == Code.CONTENT, response
    found = links(response.payload) if response.payload else {}
    assert len(found) == count, sorted(found)


def test_libcoap_discovers_our_resources():
    _, port = programs.loop_server(SERVER)
    output, log = programs.libcoap_client("coap://127.0.0.1:%d/.well-known/core" % port, "-v", "3")
    text = output.decode()
    assert all("</sensor/%d>" % n in text for n in range(30)), log[-500:]
    assert "</secret>" not in text
    output, log = programs.libcoap_client("coap://127.0.0.1:%d/.well-known/core?rt=hum*" % port, "-v", "3")
    assert len(re.findall("<[^>]*>", output.decode())) == 10, output


# ---- our client ----------------------------------------------------------------------------------

FIND = """
links = []
async for link in coap.discover(%s):
    links.append((link.target, link.uri, sorted(link.attributes.items())))
return sorted(links)
"""


def test_discover_finds_the_resources_of_libcoap():
    _, port = programs.libcoap_server()
    host = "coap://127.0.0.1:%d" % port
    agent = programs.loop_client()
    found = {target: (uri, dict(attributes)) for target, uri, attributes in agent.run(FIND % repr(host))}
    assert found["/time"][0] == host + "/time"
    assert found["/time"][1]["title"] == "Internal Clock" and found["/time"][1]["obs"] is True, found
    assert found["/async"][1] == {"ct": "0"}, found
    ticks = agent.run(FIND % (repr(host) + ", rt='ticks'"))
    assert [target for target, _, _ in ticks] == ["/time"], ticks


def test_discover_finds_the_resources_of_aiocoap():
    _, port = programs.aiocoap_site()
    agent = programs.loop_client()
    found = agent.run(FIND % repr("coap://127.0.0.1:%d" % port))
    assert {"/large", "/counter"} <= {target for target, _, _ in found}, found
    observable = [target for target, _, attributes in found if ("obs", True) in attributes]
    assert "/counter" in observable and "/test" not in observable, found


def test_discover_by_multicast():
    """A server of libcoap, which answers in its leisure; the links are there as soon as they come."""
    port = net.free_port()
    uri = "coap://224.0.1.187:%d" % port
    programs.Program(
        [programs.needs("coap-server-notls"), "-p", str(port), "-g", "224.0.1.187", "-G", "lo", "-v", "7"]
    )
    net.wait_until_up(("127.0.0.1", port))  # it has joined by then
    agent = programs.loop_client("default_leisure=300", "coap.sock.setsockopt(0, 32, bytes((127, 0, 0, 1)))")
    code = (
        "async for link in coap.discover(%r, timeout_ms=50000):\n"
        "    if link.target == '/time': return True\n"
        "return False"
    )
    assert agent.run(code % uri)


def test_our_group_is_asked():
    agent, port = programs.loop_server(SERVER, "default_leisure=300")
    agent.exec("coap.join(interface='127.0.0.1')")
    with net.RawPeer() as peer:
        peer.sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        ask_all = coapmsg.request(coapmsg.GET, ".well-known/core", coapmsg.NON, options=[(coapmsg.URI_QUERY, b"rt=humidity")])
        peer.send(ask_all, ("224.0.1.187", port))
        answer, sender = peer.recv()
        assert (answer.mtype, answer.dotted, sender[1]) == (coapmsg.NON, "2.05", port), (answer, sender)
        # RFC 7252 section 8.2: no errors, and nothing to what is confirmable
        peer.send(coapmsg.request(coapmsg.GET, "none", coapmsg.NON), ("224.0.1.187", port))
        peer.send(coapmsg.request(coapmsg.GET, "act", coapmsg.CON), ("224.0.1.187", port))
        peer.nothing_but_pong(("127.0.0.1", port))
        stats = agent.eval("coap.stats()")
        assert (stats["transmissions_in_use"], stats["requests_in_use"]) == (0, 0), "nothing waits for its leisure"
        peer.nothing()


# ---- resource directory --------------------------------------------------------------------------


def test_simple_registration_with_a_resource_directory():
    port = net.free_port()
    directory = programs.Program(
        [sys.executable, "-u", os.path.join(os.path.dirname(sys.executable), "aiocoap-rd"), "--bind", "127.0.0.1:%d" % port]
    )
    rd = "coap://127.0.0.1:%d" % port
    net.wait_until_up(("127.0.0.1", port))
    agent, own = programs.loop_server(SERVER)
    found = agent.run(FIND % (repr(rd) + ", rt='core.rd*'"))
    assert {"core.rd", "core.rd-lookup-res"} <= {dict(attributes)["rt"] for _, _, attributes in found}, found
    # RFC 9176 section 5.1: the directory fetches our links by itself
    code = "r = await coap.post(%r, b'')\nreturn r.code, r.payload" % (rd + "/.well-known/rd?ep=node1&lt=300")
    assert agent.run(code)[0] == coapmsg.code("2.04"), directory.output
    lookup = next(uri for _, uri, attributes in found if dict(attributes)["rt"] == "core.rd-lookup-res")
    code = (
        "while True:\n"
        "    r = await coap.get(%r)\n"
        "    if r.payload: return r.payload\n"
        "    await asyncio.sleep_ms(50)" % (lookup + "?ep=node1&rt=humidity")
    )
    registered = links(agent.run(code))
    assert "coap://127.0.0.1:%d/sensor/0" % own in registered, registered
    assert len(registered) == 10
