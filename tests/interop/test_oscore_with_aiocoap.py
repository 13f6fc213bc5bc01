# SPDX-License-Identifier: MIT
"""OSCORE, RFC 8613, both roles, with aiocoap."""

import asyncio
import json
import os
import tempfile

import aiocoap
from aiocoap import oscore
from aiocoap.numbers.codes import Code
from aiocoap.tokenmanager import TokenManager
from aiocoap.transports.oscore import OSCOREAddress

import chance
import coapmsg
import net
import programs
from aiocoap_site import Fast
from harness import cases

PARTS = 3

OSCORE = 9  # the option

# RFC 8613 appendix C.1
SECRET = bytes(range(1, 17))
SALT = bytes.fromhex("9e7ca92223786340")


def lossy():
    return net.lossy(loss=0.2, late=0.03)


class Shared:
    """What a client and a server know of each other."""

    def __init__(self, client_id=b"c", server_id=b"s", id_context=None, secret=SECRET):
        self.ids = client_id, server_id
        self.id_context = id_context
        self.secret = secret

    def ours(self, is_server, more=""):
        """Code that makes `context` for our side."""
        sender_id, recipient_id = self.ids[::-1] if is_server else self.ids
        named = "sender_id=%r, recipient_id=%r, id_context=%r" % (sender_id, recipient_id, self.id_context)
        return "context = microcoapy.SecurityContext(%r, %r, %s%s)\n" % (self.secret, SALT, named, more)

    def put_into(self, folder, is_server):
        """Writes aiocoap's files."""
        sender_id, recipient_id = self.ids[::-1] if is_server else self.ids
        settings = {"sender-id_hex": sender_id.hex(), "recipient-id_hex": recipient_id.hex()}
        if self.id_context is not None:
            settings["id-context_hex"] = self.id_context.hex()
        for name, content in (("secret", {"secret_hex": self.secret.hex(), "salt_hex": SALT.hex()}), ("settings", settings)):
            with open(os.path.join(folder, name + ".json"), "w") as file:
                json.dump(content, file)


# Of IDs without a byte and with 7, the most that there may be (section 3.3).
CONTEXTS = {
    "plain": Shared(),
    "in_a_context": Shared(id_context=b"ID context"),
    "in_a_context_of_0_bytes": Shared(id_context=b""),
    "client_of_0_bytes_server_of_7": Shared(b"", b"7 bytes"),
    "client_of_7_bytes_server_of_0": Shared(b"7 bytes", b""),
    "client_of_0_bytes_in_a_context": Shared(b"", b"7 bytes", b"ID context"),
    "client_of_7_bytes_in_a_context": Shared(b"7 bytes", b"", b"ID context"),
}


def nothing_shows(proxy, *texts):
    """Section 4.2: outside are POST and 2.04, whatever is inside; and none of these texts."""
    messages = [m for m in proxy.requests() + proxy.responses() if not m.is_empty]
    for message in messages:
        assert message.code == (coapmsg.POST if message.is_request else coapmsg.code("2.04")), message
        assert message.value(OSCORE) is not None, message
        assert not any(text in message.encode() for text in texts), message
    assert len(messages) >= 6, messages


def numbered(message):
    """The Partial IV of a protected message, section 6.1; None when it has none."""
    value = message.value(OSCORE)
    length = value[0] & 7 if value else 0
    return int.from_bytes(value[1 : 1 + length], "big") if length else None


def datagrams(proxy, to_server):
    """The requests, or the responses, without repetitions, as bytes."""
    return list(dict.fromkeys(d.data for d in proxy.records if d.to_server == to_server and not d.message.is_empty))


def once(proxy, to_server):
    """The same as messages."""
    return [coapmsg.decode(data) for data in datagrams(proxy, to_server)]


# ---- our client ----------------------------------------------------------------------------------


class Site:
    """aiocoap's server, in `with`."""

    def __init__(self, shared):
        self.shared = shared

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.shared.put_into(self.folder.name, True)
        self.program, self.port = programs.aiocoap_oscore_site(self.folder.name)
        return self

    def __exit__(self, *exc):
        self.program.close()
        self.folder.cleanup()

    def start_again(self):
        """Ended without warning; what it had received is forgotten."""
        self.program.kill()
        self.program, _ = programs.aiocoap_oscore_site(self.folder.name, self.port)


def our_client(shared, port, parameters="", more=""):
    """A LoopAgent with `context`, and `ask(method, path, payload)` for what the response is: code, payload, and whether
    the context has protected it, None when nothing has."""
    code = (
        "async def ask(method, path, payload=b'', security=context):\n"
        "    r = await coap.request(method, uri + path, payload, security=security)\n"
        "    return r.code, r.payload, r.security and r.security is context\n"
    )
    setup = "uri = 'coap://127.0.0.1:%d/'\n%s%s" % (port, shared.ours(False, more), code)
    return programs.loop_client(parameters, setup)


def answer(agent, *arguments):
    code, payload, is_protected = agent.run("return await ask(%s)" % ", ".join(map(repr, arguments)))
    return coapmsg.dotted(code), payload, is_protected


@cases(**CONTEXTS)
def test_client(shared):
    with Site(shared) as site, net.Proxy(site.port) as proxy:
        agent = our_client(shared, proxy.port)
        assert answer(agent, "GET", "who") == ("2.05", b":friend", True)
        assert answer(agent, "PUT", "test", b"secret") == ("2.04", b"", True)
        site.program.wait_line("PUT test b'secret'")
        assert answer(agent, "GET", "nosuch")[::2] == ("4.04", True)
        nothing_shows(proxy, b":friend", b"secret", b"nosuch")


@cases(wrong_secret=Shared(secret=SECRET[::-1]), wrong_id=Shared(client_id=b"x"), wrong_context=Shared(id_context=b"x"))
def test_client_is_refused(wrong):
    """Section 8.2: the refusal is not protected, so nothing vouches for it."""
    with Site(Shared()) as site:
        agent = our_client(wrong, site.port)
        code, _, is_protected = answer(agent, "PUT", "test", b"x")
        assert code in ("4.00", "4.01") and is_protected is None, (code, is_protected)
        assert "PUT" not in site.program.output


def test_client_is_bound_to_its_server():
    with Site(Shared()) as site:
        agent = our_client(Shared(), site.port)
        agent.exec("coap.secure(context, uri)")
        assert answer(agent, "GET", "who", b"", None) == ("2.05", b":friend", True)
        assert answer(agent, "GET", "who", b"", False) == ("2.05", b"nobody", None)


@cases(**{"%d_bytes" % length: length for length in range(1, 5)})
def test_client_numbers_grow_beyond(length):
    """Section 6.1: a Partial IV has 1 to 5 bytes, and no leading zeros but one."""
    last = (1 << 8 * length) - 1
    with Site(Shared()) as site, net.Proxy(site.port) as proxy:
        agent = our_client(Shared(), proxy.port, more=", load=lambda: %d, save=lambda number: None" % last)
        for _ in range(2):
            assert answer(agent, "GET", "who") == ("2.05", b":friend", True)
        assert [numbered(request) for request in once(proxy, True)] == [last, last + 1]
        lengths = [request.value(OSCORE)[0] & 7 for request in once(proxy, True)]
        assert lengths == [length, length + 1], lengths


def test_client_sends_and_fetches_64_kb():
    with Site(Shared()) as site:
        agent = our_client(Shared(), site.port)
        put = "r = await coap.put(uri + 'large', body=Pattern(65536), security=context)\nreturn r.code, r.payload, r.security is context"
        assert agent.run(put) == (coapmsg.code("2.04"), b"65536 True", True)
        get = (
            "target = Pattern()\n"
            "r = await coap.get(uri + 'large?65536', into=target, security=context)\n"
            "return r.code, target.at, target.good, r.security is context"
        )
        assert agent.run(get) == (coapmsg.code("2.05"), 65536, True, True)


OBSERVE = (
    "observation = coap.observe(uri + 'counter', security=context, callback=lambda r:"
    " event('notification', payload=r.payload, protected=r.security is context, code=r.code))"
)


def told(agent, value):
    """Waits until a notification has that state; all so far."""

    def condition():
        seen = [(e["payload"], e["protected"]) for e in agent.events if e["kind"] == "notification"]
        return seen if (b"%d" % value, True) in seen else None

    return agent.wait(condition, 2 * net.PATIENCE, "state %d" % value)


@cases(in_peace=None, under_loss=lossy)
def test_client_observes(rule):
    with Site(Shared()) as site, net.Proxy(site.port, rule and rule()) as proxy:
        agent = our_client(Shared(), proxy.port, programs.FAST)
        agent.exec(OBSERVE)
        told(agent, 0)
        for value in range(1, 21):
            assert answer(agent, "PUT", "counter", b"%d" % value)[0] == "2.04"
            seen = told(agent, value)
        assert list(dict.fromkeys(seen)) == [(b"%d" % value, True) for value in range(21)], seen
        assert not rule or any(d.dropped for d in proxy.records)
        site.program.wait_line("^observers 1$")
        agent.exec("observation.cancel()")
        site.program.wait_line("^observers 0$")
        answer(agent, "PUT", "counter", b"21")
        agent.run("while coap.stats()['observations_in_use']: await asyncio.sleep_ms(10)")
        assert agent.of("notification")[-1]["payload"] == b"20"


def test_client_under_loss():
    """Requests that overtake each other: each is answered, and handled once. No one may be overtaken by 32 others: it
    would have left the replay window, section 3.2.2."""
    with Site(Shared()) as site, net.Proxy(site.port, lossy()) as proxy:
        agent = our_client(Shared(), proxy.port, programs.FAST + ", nstart=4")
        code = "return await asyncio.gather(*[ask('PUT', 'test', b'number %%d.' %% n) for n in range(%d, %d)])"
        for n in range(0, 80, 16):
            answers = agent.run(code % (n, n + 16), 4 * net.PATIENCE)
            assert answers == [(coapmsg.code("2.04"), b"", True)] * 16, answers
        site.program.wait_count("PUT test", 80)
        assert any(d.dropped for d in proxy.records)


@cases(small=b"x", long=b"x" * 3000)
def test_client_of_a_server_that_has_lost_its_replay_window(payload):
    """Appendix B.1.2: the server asks for a request with its Echo value."""
    with Site(Shared()) as site, net.Proxy(site.port) as proxy:
        agent = our_client(Shared(), proxy.port)
        assert answer(agent, "PUT", "test", b"before")[0] == "2.04"
        site.start_again()
        before = len(once(proxy, True))
        assert answer(agent, "PUT", "test", payload) == ("2.04", b"", True)
        site.program.wait_count("PUT test %r" % payload, 1)
        requests = [numbered(request) for request in once(proxy, True)]
        assert len(requests) == before + 1 + -(-len(payload) // 1024), requests
        assert len(set(requests)) == len(requests), "a nonce was used twice"
        # and now it knows
        assert answer(agent, "PUT", "test", b"after")[0] == "2.04"
        assert len(once(proxy, True)) == len(requests) + 1


def test_client_observes_a_server_that_has_lost_its_replay_window():
    """The registration is asked for anew, and with an Echo value, when Max-Age, one second, is over."""
    with Site(Shared()) as site:
        agent = our_client(Shared(), site.port, programs.FAST)
        assert answer(agent, "PUT", "counter", b"1")[0] == "2.04"
        agent.exec(OBSERVE)
        told(agent, 1)
        site.start_again()
        site.program.wait_line("^observers 1$")
        assert answer(agent, "PUT", "counter", b"2")[0] == "2.04"
        told(agent, 2)


# ---- our server ----------------------------------------------------------------------------------

SERVER = (
    programs.COUNTER % "security=context"
    + """
runs = []

@coap.resource("door", methods=("GET", "PUT"), security=context)
def door(request):
    runs.append(request.payload)
    return "%s %s" % (request.payload, request.security is context)

@coap.resource("open")
def free(request):
    return str(request.security is context)

@coap.resource("large", methods=("GET", "PUT"), into=sink, security=context)
def large(request):
    return Pattern(int(request.query)) if request.code == 1 else judge(request.body)
"""
)


def our_server(shared, parameters="", more=""):
    return programs.loop_server(shared.ours(True, more) + SERVER, parameters)


class Client:
    """aiocoap's client, in `async with`. Without `shared` it protects nothing."""

    def __init__(self, port, shared):
        self.uri = "coap://127.0.0.1:%d/" % port
        self.shared = shared

    async def __aenter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.context = await aiocoap.Context.create_client_context(transports=["oscore", "udp6"])
        if self.shared:
            self.shared.put_into(self.folder.name, False)
            self.context.client_credentials.load_from_dict({self.uri + "*": {"oscore": {"basedir": self.folder.name}}})
        return self

    async def __aexit__(self, *exc):
        await self.context.shutdown()
        for security in self.context.client_credentials.values():
            security._destroy()  # it stores its state: now, not when it is collected
        self.folder.cleanup()

    def begin(self, path, method=Code.GET, payload=b"", **options):
        return self.context.request(aiocoap.Message(code=method, uri=self.uri + path, payload=payload, **options))

    async def ask(self, *arguments, **options):
        """The response; if it was to be protected, it was."""
        response = await self.begin(*arguments, **options).response
        assert isinstance(response.remote, OSCOREAddress) == bool(self.shared), response
        return response


@cases(**CONTEXTS)
def test_server(shared):
    agent, port = our_server(shared)

    async def main():
        async with Client(proxy.port, shared) as client:
            response = await client.ask("door")
            assert (response.code, response.payload) == (Code.CONTENT, b"b'' True"), response
            response = await client.ask("door", Code.PUT, b"secret")
            assert (response.code, response.payload) == (Code.CHANGED, b"b'secret' True"), response
            assert (await client.ask("nosuch")).code == Code.NOT_FOUND

    with net.Proxy(port) as proxy:
        asyncio.run(main())
        nothing_shows(proxy, b"secret", b"nosuch")
    assert agent.eval("runs") == [b"", b"secret"]


@cases(wrong_secret=Shared(secret=SECRET[::-1]), wrong_id=Shared(client_id=b"x"), wrong_context=Shared(id_context=b"x"))
def test_server_refuses(wrong):
    """Section 8.2: without protection."""
    agent, port = our_server(Shared())

    async def main():
        async with Client(port, wrong) as client:
            try:
                response = await client.ask("door", Code.PUT, b"x")
            except oscore.NotAProtectedMessage as error:
                return error.plain_message
            raise AssertionError(response)

    refusal = asyncio.run(main())
    assert refusal.code in (Code.BAD_REQUEST, Code.UNAUTHORIZED), refusal
    assert agent.eval("runs") == []


def test_server_refuses_what_is_not_protected():
    agent, port = our_server(Shared())

    async def main():
        async with Client(port, None) as client:
            for path, method in (("door", Code.GET), ("door", Code.PUT), ("large?10", Code.GET), ("counter", Code.GET)):
                response = await client.ask(path, method)
                assert response.code == Code.UNAUTHORIZED, response
            assert (await client.ask("open")).payload == b"False"
        async with Client(port, Shared()) as client:
            assert (await client.ask("open")).payload == b"True"

    asyncio.run(main())
    assert agent.eval("runs") == []


def test_server_gets_and_sends_64_kb():
    _, port = our_server(Shared())
    body = bytes(i % 251 for i in range(65536))

    async def main():
        async with Client(port, Shared()) as client:
            response = await client.ask("large", Code.PUT, body)
            assert (response.code, response.payload) == (Code.CHANGED, b"65536 True"), response
            response = await client.ask("large?65536")
            assert (response.code, response.payload) == (Code.CONTENT, body), response

    asyncio.run(main())


async def cancel(client):
    """Ends the one observation by a GET with Observe 1 and its token, RFC 7641 section 3.6. aiocoap's OSCORE does not do
    that itself ('no way yet to cancel observations'); here it is made to draw that token."""
    (manager,) = [i for i in client.context.request_interfaces if isinstance(i, TokenManager)]
    ((token, _),) = manager.outgoing_requests
    manager.next_token = lambda: token
    response = None
    while response is None:
        try:
            response = await client.ask("counter", observe=1, transport_tuning=Fast())
        except oscore.ProtectionInvalid:
            pass  # a late copy of a notification; aiocoap ends the request, where section 8.4 has the copy ignored
    del manager.next_token
    assert (response.code, response.opt.observe) == (Code.CONTENT, None), response


@cases(in_peace=None, under_loss=lossy)
def test_server_is_observed(rule):
    agent, port = our_server(Shared(), programs.FAST)
    seen = []

    async def main():
        async with Client(proxy.port, Shared()) as client:
            pending = client.begin("counter", observe=0, transport_tuning=Fast())
            seen.append((await pending.response).payload)
            notifications = aiter(pending.observation)
            for value in range(1, 21):
                await asyncio.to_thread(agent.exec, "change(%d)" % value)
                notification = await anext(notifications)
                assert isinstance(notification.remote, OSCOREAddress), notification
                seen.append(notification.payload)
            await cancel(client)

    with net.Proxy(port, rule and rule()) as proxy:
        asyncio.run(main())
        assert not rule or any(d.dropped for d in proxy.records)
    assert seen == [b"%d" % value for value in range(21)], seen
    assert agent.eval("coap.stats()['observers_in_use']") == 0


def test_server_under_loss():
    agent, port = our_server(Shared(), programs.FAST)

    async def main():
        async with Client(proxy.port, Shared()) as client:
            asking = [client.ask("door", Code.PUT, b"%d" % n, transport_tuning=Fast()) for n in range(40)]
            return [response.payload for response in await asyncio.gather(*asking)]

    with net.Proxy(port, lossy()) as proxy:
        assert asyncio.run(main()) == [b"b'%d' True" % n for n in range(40)]
        assert any(d.dropped for d in proxy.records)
    assert sorted(agent.eval("runs"), key=int) == [b"%d" % n for n in range(40)]


def replay(recorded, port):
    """Sends these datagrams again, from elsewhere and with other message ids. Section 7.4: each is refused, if it is
    answered."""
    with net.RawPeer() as peer:
        for datagram in recorded:
            peer.send(datagram[:2] + chance.mid().to_bytes(2, "big") + datagram[4:], ("127.0.0.1", port))
        for refusal in map(coapmsg.decode, peer.until_pong(("127.0.0.1", port))):
            assert refusal.is_empty or refusal.code == coapmsg.code("4.01"), refusal
            assert refusal.value(OSCORE) is None, refusal


def test_server_runs_no_handler_for_a_replay():
    """At once, and when the number has left any window."""
    agent, port = our_server(Shared())
    count = 100

    async def main():
        async with Client(proxy.port, Shared()) as client:
            for n in range(count):
                response = await client.ask("door", Code.PUT, b"%d" % n)
                assert response.payload == b"b'%d' True" % n, response
                if n == 0:
                    await asyncio.to_thread(replay, datagrams(proxy, True), port)
            await asyncio.to_thread(replay, datagrams(proxy, True), port)
            assert (await client.ask("door")).code == Code.CONTENT

    with net.Proxy(port) as proxy:
        asyncio.run(main())
    assert agent.eval("runs") == [b"%d" % n for n in range(count)] + [b""]


# A server that had used its context before, and does not know what it has received.
STARTED_ANEW = ", load=lambda: 1000, save=lambda number: event('saved', number=number)"


def test_server_started_anew_asks_for_echo():
    """Appendix B.1.2: with a number of its own; what does not come after that is no request of now."""
    agent, port = our_server(Shared(), more=STARTED_ANEW)

    async def main():
        async with Client(proxy.port, Shared()) as client:
            for payload in (b"open", b"close"):
                assert (await client.ask("door", Code.PUT, payload)).payload == b"%r True" % payload
            requests = datagrams(proxy, True)
            assert len(requests) == 3, requests
            await asyncio.to_thread(replay, requests, port)

    with net.Proxy(port) as proxy:
        asyncio.run(main())
        challenge = once(proxy, False)[0]
        # appendix B.1.1: none is used that a restart would use again
        assert 1000 <= numbered(challenge) < agent.of("saved")[-1]["number"], challenge
    assert agent.eval("runs") == [b"open", b"close"]


def test_server_started_anew_gets_a_body():
    _, port = our_server(Shared(), more=STARTED_ANEW)

    async def main():
        async with Client(port, Shared()) as client:
            return (await client.ask("large", Code.PUT, bytes(i % 251 for i in range(3000)))).payload

    assert asyncio.run(main()) == b"3000 True"


def test_server_started_anew_is_observed():
    agent, port = our_server(Shared(), more=STARTED_ANEW)

    async def main():
        async with Client(port, Shared()) as client:
            pending = client.begin("counter", observe=0)
            assert (await pending.response).payload == b"0"
            notifications = aiter(pending.observation)
            await asyncio.to_thread(agent.exec, "change(1)")
            assert (await anext(notifications)).payload == b"1"

    asyncio.run(main())
    assert agent.eval("coap.stats()['observers_in_use']") == 1
