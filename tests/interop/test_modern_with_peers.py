# SPDX-License-Identifier: MIT
"""The modern layer with libcoap and aiocoap: newer methods and options, separate responses, many exchanges at once."""

import asyncio
import concurrent.futures

import aiocoap
from aiocoap.numbers.codes import Code

import coapmsg
import net
import programs
from harness import cases


def once(proxy, to_server):
    """The messages of that direction, without repetitions."""
    return [coapmsg.decode(data) for data in dict.fromkeys(d.data for d in proxy.records if d.to_server == to_server)]


# ---- our client ----------------------------------------------------------------------------------


@cases(fetch=("FETCH", "2.05"), patch=("PATCH", "2.04"), ipatch=("iPATCH", "2.04"))
def test_client_methods(case):
    method, code = case
    _, port = programs.aiocoap_site()
    agent = programs.loop_client()
    run = "r = await coap.request(%r, 'coap://127.0.0.1:%d/document', b'\\x82ab', content_format=60, accept=60)\nreturn describe(r)"
    answer = agent.run(run % (method, port))
    assert answer["code"] == coapmsg.code(code), answer
    assert answer["payload"] == b"%s \x82ab 60 60" % method.encode(), answer


@cases(fetch=("FETCH", "2.05"), ipatch=("iPATCH", "4.05"))
def test_client_methods_with_libcoap(case):
    method, code = case
    _, port = programs.libcoap_server()  # whose /time takes FETCH, and no PATCH
    agent = programs.loop_client()
    run = "r = await coap.request(%r, 'coap://127.0.0.1:%d/time', b'x', content_format=0)\nreturn describe(r)"
    answer = agent.run(run % (method, port))
    assert answer["code"] == coapmsg.code(code) and answer["payload"], answer


def test_client_validates_with_etag():
    _, port = programs.aiocoap_site()
    agent = programs.loop_client()
    uri = "coap://127.0.0.1:%d/validate" % port
    first = agent.run("r = await coap.get(%r)\nreturn describe(r)" % uri)
    assert first["etag"] == b"v1"
    second = agent.run("r = await coap.get(%r, etag=%r)\nreturn describe(r)" % (uri, first["etag"]))
    assert (second["code"], second["etag"], second["payload"]) == (coapmsg.code("2.03"), b"v1", b""), second


def test_client_conditions():
    _, port = programs.aiocoap_site()
    agent = programs.loop_client()
    uri = "coap://127.0.0.1:%d/" % port
    put = "r = await coap.put(%r, b'x', %s)\nreturn r.code"
    assert agent.run(put % (uri + "validate", "if_match=b'wrong'")) == coapmsg.code("4.12")
    assert agent.run(put % (uri + "validate", "if_match=[b'wrong', b'v1']")) == coapmsg.code("2.04")
    assert agent.run(put % (uri + "create1", "if_none_match=True")) == coapmsg.code("2.01")
    assert agent.run(put % (uri + "create1", "if_none_match=True")) == coapmsg.code("4.12")


def test_client_accept_and_location():
    _, port = programs.aiocoap_site()
    agent = programs.loop_client()
    uri = "coap://127.0.0.1:%d/" % port
    get = "r = await coap.get(%r, accept=%d)\nreturn r.code, r.content_format"
    assert agent.run(get % (uri + "multi-format", 41)) == (coapmsg.code("2.05"), 41)
    assert agent.run(get % (uri + "multi-format", 50)) == (coapmsg.code("4.06"), None)
    assert agent.run("return (await coap.post(%r, b'')).location" % (uri + "test")) == "/location1/location2/location3"
    assert agent.run("return (await coap.post(%r, b'')).location" % (uri + "location-query")) == "/?first=1&second=2"


@cases(libcoap=False, aiocoap=True)
def test_client_separate_response(of_aiocoap):
    _, port = programs.aiocoap_site() if of_aiocoap else programs.libcoap_server()
    uri = "coap://127.0.0.1:%d/%s" % (port, "separate" if of_aiocoap else "async?1")
    agent = programs.loop_client()
    answer = agent.run("return describe(await coap.get(%r))" % uri)
    assert answer["payload"] == (b"that took long" if of_aiocoap else b"done"), answer
    assert answer["type"] in (coapmsg.CON, coapmsg.NON), answer


def test_client_answers_an_echo_challenge():
    """RFC 9175 section 2.3: 4.01 with Echo; the request goes again with its value."""
    _, port = programs.aiocoap_site()
    with net.Proxy(port) as proxy:
        agent = programs.loop_client()
        answer = agent.run("r = await coap.put('coap://127.0.0.1:%d/fresh', b'x')\nreturn r.code, r.payload" % proxy.port)
        assert answer == (coapmsg.code("2.04"), b"fresh"), answer
        assert [r.value(coapmsg.ECHO) for r in once(proxy, True) if r.is_request] == [None, b"now"]


def test_fifty_exchanges_with_five_servers_under_loss():
    """All end, each once."""
    servers = [(programs.aiocoap_site()[1], "test") for _ in range(3)] + [(programs.libcoap_server()[1], "time") for _ in range(2)]
    proxies = [net.Proxy(port, net.lossy(loss=0.2, name=str(n))) for n, (port, _) in enumerate(servers)]
    try:
        agent = programs.loop_client("nstart=4, ack_timeout=100, max_retransmit=10")
        uris = ["coap://127.0.0.1:%d/%s" % (proxy.port, path) for proxy, (_, path) in zip(proxies, servers)]
        agent.exec("uris = %r\nended = []" % uris)
        code = (
            "async def one(number):\n"
            "    r = await coap.get(uris[number % 5])\n"
            "    ended.append((number, r.code))\n"
            "await asyncio.gather(*[one(number) for number in range(50)])\n"
            "return sorted(ended), coap.stats()['exchanges_in_use']"
        )
        ended, left = agent.run(code, 4 * net.PATIENCE)
        assert ended == [(number, coapmsg.code("2.05")) for number in range(50)], ended
        assert left == 0
        assert any(datagram.dropped for proxy in proxies for datagram in proxy.records)
    finally:
        for proxy in proxies:
            proxy.close()


# ---- our server ----------------------------------------------------------------------------------

SERVER = """
runs = []
go = asyncio.Event()

@coap.resource("document", methods=("FETCH", "PATCH", "iPATCH"))
def document(request):
    return (None, "%d %s %d" % (request.code, request.payload, request.content_format))

@coap.resource("slow", methods=("GET", "PUT"))
async def slow(request):
    runs.append(request.query)
    await go.wait()
    return "that took long"

@coap.resource("fails")
def fails(request):
    raise ValueError("not for the peer")

@coap.resource("problem")
def problem(request):
    raise microcoapy.CoapError(0x80, "bad pump")

@coap.resource("upload", methods=("PUT",), max_body=1 << 20)
def upload(request):
    good = request.payload == bytes([request.payload[0]]) * len(request.payload)
    return "%d %s" % (len(request.payload), good)

@coap.resource("fresh", methods=("PUT",), fresh=True)
def fresh(request):
    runs.append("fresh")
    return "fresh"
"""


def ask(port, path, method=Code.GET, payload=b"", **options):
    async def main():
        context = await aiocoap.Context.create_client_context(transports=["udp6"])
        try:
            request = aiocoap.Message(code=method, uri="coap://127.0.0.1:%d/%s" % (port, path), payload=payload, **options)
            return await context.request(request).response
        finally:
            await context.shutdown()

    return asyncio.run(main())


@cases(fetch=(Code.FETCH, Code.CONTENT), patch=(Code.PATCH, Code.CHANGED), ipatch=(Code.iPATCH, Code.CHANGED))
def test_server_methods(case):
    method, code = case
    _, port = programs.loop_server(SERVER)
    response = ask(port, "document", method, b"ab", content_format=60)
    assert (response.code, response.payload) == (code, b"%d b'ab' 60" % int(method)), response


@cases(fetch=5, patch=6, ipatch=7)
def test_server_methods_with_libcoap(method):
    _, port = programs.loop_server(SERVER)
    name = {5: "fetch", 6: "patch", 7: "ipatch"}[method]
    payload, log = programs.libcoap_client("coap://127.0.0.1:%d/document" % port, "-v", "3", "-m", name, "-e", "ab", "-t", "60")
    assert payload.strip() == b"%d b'ab' 60" % method, log


@cases(libcoap=False, aiocoap=True)
def test_slow_coroutine_answers_separately_and_runs_once(of_aiocoap):
    agent, port = programs.loop_server(SERVER)
    with net.Proxy(port) as proxy, concurrent.futures.ThreadPoolExecutor() as pool:
        if of_aiocoap:
            payload = pool.submit(lambda: ask(proxy.port, "slow?a").payload)
        else:
            payload = pool.submit(lambda: programs.libcoap_client("coap://127.0.0.1:%d/slow?a" % proxy.port, "-v", "3")[0].strip())
        proxy.wait_for(lambda records: any(not d.to_server for d in records))
        agent.exec("go.set()")
        assert payload.result() == b"that took long", payload.result()
        kinds = [(m.mtype, m.is_empty) for m in once(proxy, False)]
        assert kinds == [(coapmsg.ACK, True), (coapmsg.CON, False)], kinds
    assert agent.eval("runs") == ["a"]


def test_other_resources_answer_while_a_coroutine_is_slow():
    agent, port = programs.loop_server(SERVER)

    async def main():
        context = await aiocoap.Context.create_client_context(transports=["udp6"])
        try:
            uri = "coap://127.0.0.1:%d/" % port
            slow = asyncio.ensure_future(context.request(aiocoap.Message(code=Code.GET, uri=uri + "slow?b")).response)
            await asyncio.to_thread(agent.run, "while not runs: await asyncio.sleep_ms(5)")
            quick = await context.request(aiocoap.Message(code=Code.FETCH, uri=uri + "document", payload=b"x", content_format=0)).response
            assert quick.code == Code.CONTENT and not slow.done()
            agent.exec("go.set()")
            assert (await slow).payload == b"that took long"
        finally:
            await context.shutdown()

    asyncio.run(main())


def test_an_exception_gives_500_and_the_server_lives_on():
    _, port = programs.loop_server(SERVER)
    for _ in range(3):
        response = ask(port, "fails")
        assert (response.code, response.payload) == (Code.INTERNAL_SERVER_ERROR, b""), response
    assert ask(port, "document", Code.FETCH, b"ab", content_format=60).code == Code.CONTENT


def test_problem_details():
    """RFC 9290: to those that accept them; else a diagnostic payload."""
    _, port = programs.loop_server(SERVER)
    plain = ask(port, "problem")
    assert (plain.code, plain.payload) == (Code.BAD_REQUEST, b"bad pump"), plain
    details = ask(port, "problem", accept=257)
    assert (details.code, details.opt.content_format) == (Code.BAD_REQUEST, 257), details
    assert details.payload == b"\xa1\x20\x68bad pump", "{-1: 'bad pump'}"


def test_uploads_of_two_peers_do_not_mix():
    agent, port = programs.loop_server(SERVER)

    async def upload(byte):
        context = await aiocoap.Context.create_client_context(transports=["udp6"])
        try:
            uri = "coap://127.0.0.1:%d/upload" % port
            request = aiocoap.Message(code=Code.PUT, uri=uri, payload=bytes([byte]) * 30000)
            request.remote.maximum_block_size_exp = 4
            return (await context.request(request).response).payload
        finally:
            await context.shutdown()

    async def main():
        return await asyncio.gather(*[upload(byte) for byte in (1, 2, 3)])

    assert asyncio.run(main()) == [b"30000 True"] * 3
    assert agent.eval("coap.stats()['bodies_in_use']") == 0


def test_fresh_resource_asks_for_echo():
    """RFC 9175 section 2.3: 4.01 with Echo, whose value is good for this client only."""
    agent, port = programs.loop_server(SERVER)

    async def main():
        context = await aiocoap.Context.create_client_context(transports=["udp6"])
        other = await aiocoap.Context.create_client_context(transports=["udp6"])
        try:
            message = dict(code=Code.PUT, uri="coap://127.0.0.1:%d/fresh" % port, payload=b"x")
            challenge = await context.request(aiocoap.Message(**message)).response
            assert challenge.code == Code.UNAUTHORIZED and challenge.opt.echo, challenge
            moved = await other.request(aiocoap.Message(echo=challenge.opt.echo, **message)).response
            assert moved.code == Code.UNAUTHORIZED, moved
            forged = bytes([challenge.opt.echo[0] ^ 1]) + challenge.opt.echo[1:]
            assert (await context.request(aiocoap.Message(echo=forged, **message)).response).code == Code.UNAUTHORIZED
            answer = await context.request(aiocoap.Message(echo=challenge.opt.echo, **message)).response
            assert (answer.code, answer.payload) == (Code.CHANGED, b"fresh"), answer
        finally:
            await context.shutdown()
            await other.shutdown()

    asyncio.run(main())
    assert agent.eval("runs") == ["fresh"]


def test_no_response():
    """RFC 7967: what is not wanted is not sent; a CON gets its Empty ACK."""
    _, port = programs.loop_server(SERVER)
    with net.RawPeer() as peer:
        silent = coapmsg.request(coapmsg.FETCH, "document", coapmsg.NON, payload=b"x", options=[(12, b""), (coapmsg.NO_RESPONSE, b"\x02")])
        peer.send(silent, ("127.0.0.1", port))
        peer.nothing_but_pong(("127.0.0.1", port))
        error = coapmsg.request(coapmsg.GET, "fails", coapmsg.NON, options=[(coapmsg.NO_RESPONSE, b"\x02")])
        assert peer.ask(error, ("127.0.0.1", port)).dotted == "5.00"
        con = coapmsg.request(coapmsg.FETCH, "document", payload=b"x", options=[(12, b""), (coapmsg.NO_RESPONSE, b"\x02")])
        answer = peer.ask(con, ("127.0.0.1", port))
        assert (answer.mtype, answer.is_empty) == (coapmsg.ACK, True), answer
