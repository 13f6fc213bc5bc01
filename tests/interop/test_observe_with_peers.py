# SPDX-License-Identifier: MIT
"""Observe, RFC 7641, both roles, with libcoap and aiocoap: 20 changes under 20 % loss; none out of order, the last arrives."""

import asyncio
import time

import aiocoap

import coapmsg
import net
import programs
from aiocoap_site import Fast
from harness import cases

PARTS = 3

LOSS = 0.2
CHANGES = 20


def lossy():
    """The server's second datagram is lost for certain."""
    rule = net.lossy(loss=LOSS, duplicate=0.1, reorder=0.1, late=0.03)
    return lambda datagram: rule(datagram) if datagram.to_server or datagram.index != 1 else []


# ---- our client ----------------------------------------------------------------------------------


def put(peer, port, path, value):
    """Changes the state at the server, without loss."""
    request = coapmsg.request(coapmsg.PUT, path, payload=b"%d" % value)
    peer.send(request, ("127.0.0.1", port))
    while True:  # the response may be separate
        answer, address = peer.recv()
        if answer.mtype == coapmsg.CON:
            peer.send(coapmsg.Message(coapmsg.ACK, mid=answer.mid), address)
        if answer.token == request.token:
            assert answer.code >> 5 == 2, answer
            return


CALLBACK = "callback=lambda r: event('notification', payload=r.payload, type=r.type, observe=r.observe)"


def payloads(agent):
    return [int(e["payload"]) for e in agent.of("notification") if e["payload"].isdigit()]


def told(agent, value, timeout=net.PATIENCE):
    """Waits until a notification has that state."""
    agent.wait(lambda: True if value in payloads(agent) else None, timeout, "state %d" % value)


def told_again(agent, value, change):
    """The same, if what has that state may be lost for good (libcoap notifies with NON): then change() makes another."""
    deadline = time.monotonic() + 2 * net.PATIENCE
    while value not in payloads(agent):
        assert time.monotonic() < deadline, agent.output
        time.sleep(0.5)  # between two changes
        change()


@cases(aiocoap="aiocoap", aiocoap_again="aiocoap", libcoap="libcoap", libcoap_again="libcoap")
def test_client(name):
    path = "counter" if name == "aiocoap" else "example_data"
    _, port = programs.aiocoap_site() if name == "aiocoap" else programs.libcoap_server()
    with net.RawPeer() as peer, net.Proxy(port, lossy()) as proxy:
        put(peer, port, path, 0)
        agent = programs.loop_client(programs.FAST)
        agent.exec(
            "observation = coap.observe('coap://127.0.0.1:%d/%s', %s)" % (proxy.port, path, CALLBACK)
        )
        agent.wait_events("notification")
        for value in range(1, CHANGES + 1):
            put(peer, port, path, value)
            time.sleep(0.05)  # the rate of the changes, not a wait for something
        if name == "libcoap":
            told_again(agent, CHANGES, lambda: put(peer, port, path, CHANGES))
        else:
            told(agent, CHANGES, 2 * net.PATIENCE)
        coapmsg.check_order(agent.of("notification"), lambda event: int(event["payload"]))
        assert any(datagram.dropped for datagram in proxy.records)
        # and it can be ended
        agent.exec("observation.cancel()")
        agent.run("while coap.stats()['exchanges_in_use']: await asyncio.sleep_ms(10)")
        assert agent.eval("coap.stats()['observations_in_use']") == 0


def test_client_outlives_a_restart_of_the_server():
    """The new server knows of no observer: the client registers again when Max-Age, one second, is over."""
    server, port = programs.aiocoap_site()
    agent = programs.loop_client(programs.FAST)
    with net.RawPeer() as peer:
        put(peer, port, "counter", 1)
        agent.exec(
            "observation = coap.observe('coap://127.0.0.1:%d/counter', %s)" % (port, CALLBACK)
        )
        told(agent, 1)
        server.kill()
        programs.aiocoap_site(port)
    with net.RawPeer() as peer:
        put(peer, port, "counter", 2)
        told(agent, 2)
        put(peer, port, "counter", 3)
        told(agent, 3)
    assert not agent.eval("observation.done()")


# ---- our server ----------------------------------------------------------------------------------


def our_server(non):
    return programs.loop_server(programs.COUNTER % ("non=%r" % non), programs.FAST)


@cases(con=False, con_again=False)
def test_server_with_aiocoap(non):
    agent, port = our_server(non)
    seen = []

    async def main(proxy_port):
        context = await aiocoap.Context.create_client_context(transports=["udp6"])
        try:
            uri = "coap://127.0.0.1:%d/counter" % proxy_port
            request = aiocoap.Message(code=aiocoap.GET, uri=uri, observe=0, transport_tuning=Fast())
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

    with net.Proxy(port, lossy()) as proxy:
        asyncio.run(main(proxy.port))
        assert seen == sorted(seen), seen
        assert any(datagram.dropped for datagram in proxy.records)


@cases(con=False, con_again=False)
def test_server_with_libcoap(non):
    """libcoap shows what comes in the order of the network: the order of the server is that at the proxy."""
    agent, port = our_server(non)
    with net.Proxy(port, lossy()) as proxy:
        client = programs.Program(
            [programs.needs("coap-client-notls"), "-v", "3", "-w", "-s", "600", "-B", "600", "coap://127.0.0.1:%d/counter" % proxy.port]
        )
        client.wait_line("^0$", 2 * net.PATIENCE)
        for value in range(1, CHANGES + 1):
            agent.exec("change(%d)" % value)
            time.sleep(0.05)
        client.wait_line("^%d$" % CHANGES)
        sent = [m for m in map(coapmsg.decode, dict.fromkeys(d.data for d in proxy.records if not d.to_server)) if m.payload]
        states = [int(m.payload) for m in sent]
        assert states == sorted(states) and states[-1] == CHANGES, states
        numbers = [m.uint(coapmsg.OBSERVE) for m in sent]
        assert all(coapmsg.increases(b, a) for a, b in zip(numbers, numbers[1:])), numbers
        assert any(datagram.dropped for datagram in proxy.records)
    assert agent.eval("coap.stats()['observers_in_use']") == 1


def test_server_notifies_non_confirmable_at_its_rate():
    """RFC 7641 section 4.5.1: at most one in three seconds; the latest state wins."""
    agent, port = our_server(True)
    with net.RawPeer() as peer:
        registration = coapmsg.request(coapmsg.GET, "counter", options=[(coapmsg.OBSERVE, b"")])
        assert peer.ask(registration, ("127.0.0.1", port)).payload == b"0"
        begun = time.monotonic()
        agent.exec("for number in range(1, 6): change(number)")
        first, _ = peer.recv()
        assert (first.mtype, first.token) == (coapmsg.NON, registration.token), first
        agent.exec("for number in range(6, 10): change(number)")
        second, _ = peer.recv()
        assert (second.mtype, second.payload) == (coapmsg.NON, b"9"), second
        assert time.monotonic() - begun > 2.99
        # deregistration by RST, RFC 7641 section 3.6
        peer.send(coapmsg.Message(coapmsg.RST, mid=second.mid), ("127.0.0.1", port))
        agent.run("while coap.stats()['observers_in_use']: await asyncio.sleep_ms(10)")
