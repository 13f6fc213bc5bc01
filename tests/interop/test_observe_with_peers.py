# SPDX-License-Identifier: MIT
"""Observe, RFC 7641, both roles, with libcoap and aiocoap: 20 changes under 20 % loss; none out of order, the last arrives."""

import asyncio
import re
import time

import aiocoap

import coapmsg
import net
import programs
from harness import cases, limit

LOSS = 0.2
CHANGES = 20

# What our side does when a message is lost, ten times faster than by default.
FAST = "ack_timeout=200, max_retransmit=8"


def lossy(seed):
    return net.lossy(seed, loss=LOSS, duplicate=0.1, reorder=0.1, late=0.03)


def check(seen, last):
    """None out of order, no state twice in a row but for a registration that was renewed, the last one there."""
    assert seen == sorted(seen), seen
    assert seen[-1] == last, seen


# ---- our client ----------------------------------------------------------------------------------


def put(peer, port, path, value):
    """Changes the state at the server, without loss."""
    answer = peer.ask(coapmsg.request(coapmsg.PUT, path, payload=b"%d" % value), ("127.0.0.1", port))
    assert answer.code >> 5 == 2, answer


CALLBACK = "callback=lambda r: event('notification', payload=r.payload, type=r.type, observe=r.observe)"


def payloads(agent):
    return [int(e["payload"]) for e in agent.of("notification") if e["payload"].isdigit()]


@cases(aiocoap=("aiocoap", 1), aiocoap_again=("aiocoap", 2), libcoap=("libcoap", 3), libcoap_again=("libcoap", 4))
@limit(120)
def test_client(case):
    name, seed = case
    path = "counter" if name == "aiocoap" else "example_data"
    _, port = programs.aiocoap_site() if name == "aiocoap" else programs.libcoap_server()
    with net.RawPeer() as peer, net.Proxy(port, lossy(seed)) as proxy:
        put(peer, port, path, 0)
        agent = programs.loop_client(FAST)
        agent.exec(
            "observation = coap.observe('coap://127.0.0.1:%d/%s', %s)" % (proxy.port, path, CALLBACK)
        )
        agent.wait_events("notification", timeout=30)
        for value in range(1, CHANGES + 1):
            put(peer, port, path, value)
            time.sleep(0.05)  # the rate of the changes, not a wait for something
        agent.wait(lambda: True if CHANGES in payloads(agent) else None, 60, "the last state")
        coapmsg.check_order(agent.of("notification"), lambda event: int(event["payload"]))
        assert any(datagram.dropped for datagram in proxy.records)
        # and it can be ended
        agent.exec("observation.cancel()")
        agent.run("while coap.stats()['exchanges_in_use']: await asyncio.sleep_ms(10)", 60)
        assert agent.eval("coap.stats()['observations_in_use']") == 0


@limit(60)
def test_client_outlives_a_restart_of_the_server():
    """The new server knows of no observer: the client registers again when Max-Age, one second, is over."""
    server, port = programs.aiocoap_site()
    agent = programs.loop_client(FAST)
    with net.RawPeer() as peer:
        put(peer, port, "counter", 1)
        agent.exec(
            "observation = coap.observe('coap://127.0.0.1:%d/counter', %s)" % (port, CALLBACK)
        )
        agent.wait(lambda: True if 1 in payloads(agent) else None, 30, "the first state")
        server.kill()
        programs.aiocoap_site(port)
    with net.RawPeer() as peer:
        put(peer, port, "counter", 2)
        agent.wait(lambda: True if 2 in payloads(agent) else None, 30, "the state of the new server")
        put(peer, port, "counter", 3)
        agent.wait(lambda: True if 3 in payloads(agent) else None, 30, "a notification of the new server")
    assert not agent.eval("observation.done()")


# ---- our server ----------------------------------------------------------------------------------

SERVER = """
value = 0

@coap.resource("counter", obs=True, non=%r)
def counter(request):
    return microcoapy.Response(payload=str(value), max_age=60)

def change(to):
    global value
    value = to
    counter.notify()
"""


@cases(con=(False, 5), con_again=(False, 6))
@limit(120)
def test_server_with_aiocoap(case):
    non, seed = case
    agent, port = programs.loop_server(SERVER % non, FAST)
    seen = []

    async def main(proxy_port):
        context = await aiocoap.Context.create_client_context(transports=["udp6"])
        try:
            request = aiocoap.Message(code=aiocoap.GET, uri="coap://127.0.0.1:%d/counter" % proxy_port, observe=0)
            pending = context.request(request)
            seen.append(int((await pending.response).payload))
            changing = asyncio.create_task(asyncio.to_thread(changes))
            async for notification in pending.observation:
                seen.append(int(notification.payload))
                if seen[-1] == CHANGES:
                    break
            await changing
            pending.observation.cancel()
        finally:
            await context.shutdown()

    def changes():
        for value in range(1, CHANGES + 1):
            agent.exec("change(%d)" % value)
            time.sleep(0.05)

    with net.Proxy(port, lossy(seed)) as proxy:
        asyncio.run(asyncio.wait_for(main(proxy.port), 100))
        check(seen, CHANGES)
        assert any(datagram.dropped for datagram in proxy.records)


@cases(con=(False, 7), con_again=(False, 8))
@limit(120)
def test_server_with_libcoap(case):
    non, seed = case
    agent, port = programs.loop_server(SERVER % non, FAST)
    with net.Proxy(port, lossy(seed)) as proxy:
        client = programs.Program(
            [programs.needs("coap-client-notls"), "-v", "3", "-w", "-s", "60", "-B", "90", "coap://127.0.0.1:%d/counter" % proxy.port]
        )
        client.wait_line("^0$", timeout=60)
        for value in range(1, CHANGES + 1):
            agent.exec("change(%d)" % value)
            time.sleep(0.05)
        client.wait_line("^%d$" % CHANGES, timeout=60)
        seen = [int(line) for line in re.findall(r"^(\d+)$", client.output, re.M)]
        check(seen, CHANGES)
        assert any(datagram.dropped for datagram in proxy.records)
    assert agent.eval("coap.stats()['observers_in_use']") == 1


@limit(60)
def test_server_notifies_non_confirmable_at_its_rate():
    """RFC 7641 section 4.5.1: at most one in three seconds; the latest state wins."""
    agent, port = programs.loop_server(SERVER % True, FAST)
    with net.RawPeer() as peer:
        registration = coapmsg.request(coapmsg.GET, "counter", options=[(coapmsg.OBSERVE, b"")])
        assert peer.ask(registration, ("127.0.0.1", port)).payload == b"0"
        agent.exec("for number in range(1, 6): change(number)")
        first, _ = peer.recv()
        assert (first.mtype, first.token) == (coapmsg.NON, registration.token), first
        agent.exec("for number in range(6, 10): change(number)")
        begun = time.monotonic()
        second, _ = peer.recv()
        assert (second.mtype, second.payload) == (coapmsg.NON, b"9"), second
        assert time.monotonic() - begun > 2.5
        # deregistration by RST, RFC 7641 section 3.6
        peer.send(coapmsg.Message(coapmsg.RST, mid=second.mid), ("127.0.0.1", port))
        agent.run("while coap.stats()['observers_in_use']: await asyncio.sleep_ms(10)")
