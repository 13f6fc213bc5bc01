# SPDX-License-Identifier: MIT
"""RFC 7252 section 4.2 on the wire: when a confirmable message goes out again, and how that ends."""

import errno
import time

import coapmsg
import net
import programs

PARTS = 2

EARLY = 0.01  # the clocks of two processes, in whole milliseconds
FOREVER = 600000  # milliseconds, for a poll that something else ends

TIMEOUTS = """
import time

def timeouts(send, count):
    '''Sends and lets the message go out `count` times: the timeout after each, in ms, as (least, most).

    next_timeout_ms() tells what is left of it; what has passed is no more than since before the message went out.
    '''
    bounds = []
    retransmitted = coap.stats()["retransmitted"]
    before = time.ticks_ms()
    assert send() > 0
    while True:
        left = coap.next_timeout_ms()
        bounds.append((left, left + time.ticks_diff(time.ticks_ms(), before)))
        if len(bounds) == count:
            return bounds
        while coap.stats()["retransmitted"] - retransmitted < len(bounds):
            time.sleep_ms(coap.next_timeout_ms())
            before = time.ticks_ms()
            coap.poll()
"""


def check_not_early(peer, started, initial, count):
    """Receives `count` transmissions that began after `started`, doubling from `initial` ms; the message."""
    found = set()
    for number in range(count):
        found.add(peer.recv_bytes_or_fail()[0])
        assert time.monotonic() - started >= (2**number - 1) * initial / 1000 - EARLY, number
    assert len(found) == 1, found
    return found.pop()


def unanswered(agent, peer, send, count, shortest, longest):
    """Lets the message go out `count` times; its timeouts must be T, 2T, 4T... with T from `shortest` to `longest` ms."""
    started = time.monotonic()
    agent.start("bounds = timeouts(lambda: %s, %d)" % (send, count))
    data = check_not_early(peer, started, shortest, count)
    agent.finish()
    bounds = agent.eval("bounds")
    least = max(low / 2**number for number, (low, _) in enumerate(bounds))
    most = min(high / 2**number for number, (_, high) in enumerate(bounds))
    assert max(least, shortest) <= min(most, longest), bounds
    return data


def test_default_times_with_three_transmissions_lost():
    with net.RawPeer() as peer:
        agent = programs.client(setup=TIMEOUTS)
        data = unanswered(agent, peer, "coap.get('127.0.0.1', %d, 'a')" % peer.port, 4, 2000, 3000)
        peer.send(coapmsg.response(coapmsg.decode(data), "2.05", b"at last"), ("127.0.0.1", agent.port))
        assert [e["payload"] for e in agent.poll_for(1)] == [b"at last"]
        agent.check_over()
        peer.nothing()
        assert len(agent.of("response")) == 1 and not agent.of("error"), agent.events
        assert agent.stats()["retransmitted"] == 3, agent.stats()


def test_shorter_ack_timeout_doubles_too():
    with net.RawPeer() as peer:
        agent = programs.client("ack_timeout=200", TIMEOUTS)
        unanswered(agent, peer, "coap.put('127.0.0.1', %d, 'a', 'body')" % peer.port, 5, 200, 300)


def test_initial_timeout_is_random():
    agent = programs.client("ack_timeout=20000, ack_random_factor=2.0", TIMEOUTS)
    bounds = []
    with net.RawPeer() as peer:
        for _ in range(20):
            agent.exec("coap.stop()\ncoap.start(%d)" % agent.port)
            bounds += agent.eval("timeouts(lambda: coap.get('127.0.0.1', %d, 'a'), 1)" % peer.port)
    assert all(low <= 40000 and high >= 20000 for low, high in bounds), bounds
    # 20 numbers of 20000 to 40000 all lie within 5000 once in 10^10.
    assert max(low for low, _ in bounds) > min(high for _, high in bounds), bounds


def test_random_factor_of_one_is_exact():
    with net.RawPeer() as peer:
        agent = programs.client("ack_timeout=500, ack_random_factor=1.0", TIMEOUTS)
        unanswered(agent, peer, "coap.get('127.0.0.1', %d, 'a')" % peer.port, 3, 500, 500)


def test_giving_up_after_max_retransmit_reports_timeout():
    with net.RawPeer() as peer:
        agent = programs.client("ack_timeout=100, max_retransmit=3")
        started = time.monotonic()
        assert agent.eval("coap.get('127.0.0.1', %d, 'a')" % peer.port) > 0
        agent.start("polled = coap.poll(%d)" % FOREVER)
        check_not_early(peer, started, 100, 4)
        error = agent.wait_events("error")[0]
        assert error["errno"] == errno.ETIMEDOUT, error
        assert error["sender"] == peer.address, error
        # RFC 7252 section 4.8.2: MAX_TRANSMIT_WAIT
        assert error["time"] - started >= 15 * 0.1 - EARLY, error
        agent.finish()
        assert agent.eval("polled") is True
        agent.check_over()
        peer.nothing()
        assert len(agent.events) == 1, agent.events
        assert agent.stats()["timeouts"] == 1, agent.stats()


def test_max_retransmit_zero_sends_once():
    with net.RawPeer() as peer:
        agent = programs.client("ack_timeout=100, max_retransmit=0")
        assert agent.eval("coap.get('127.0.0.1', %d, 'a')" % peer.port) > 0
        assert agent.poll_for(1, "error")[0]["errno"] == errno.ETIMEDOUT
        assert len(peer.waiting()) == 1
        agent.check_over()
        peer.nothing()


def test_reset_ends_the_request_with_econnreset():
    with net.RawPeer() as peer:
        agent = programs.client("ack_timeout=100")
        assert agent.eval("coap.get('127.0.0.1', %d, 'a')" % peer.port) > 0
        request, address = peer.recv()
        peer.send(coapmsg.Message(coapmsg.RST, 0, request.mid), address)
        error = agent.poll_for(1, "error")[0]
        assert (error["errno"], error["sender"]) == (errno.ECONNRESET, peer.address), error
        assert set(peer.waiting()) <= {request.encode()}  # what crossed the RST
        agent.check_over()
        peer.nothing()
        assert len(agent.events) == 1, agent.events


def test_reset_of_a_non_request_ends_it():
    with net.RawPeer() as peer:
        agent = programs.client()
        assert agent.eval("coap.getNonConf('127.0.0.1', %d, 'a')" % peer.port) > 0
        request, address = peer.recv()
        peer.send(coapmsg.Message(coapmsg.RST, 0, request.mid), address)
        assert [e["errno"] for e in agent.poll_for(1, "error")] == [errno.ECONNRESET], agent.events
        agent.check_over()
        peer.nothing()
        assert len(agent.events) == 1, agent.events


def test_empty_ack_stops_retransmission():
    with net.RawPeer() as peer:
        agent = programs.client("ack_timeout=100, max_retransmit=10")
        assert agent.eval("coap.get('127.0.0.1', %d, 'a')" % peer.port) > 0
        request, address = peer.recv()
        peer.send(coapmsg.Message(coapmsg.ACK, 0, request.mid), address)
        agent.serve()
        assert set(peer.until_pong(address)) <= {request.encode()}  # what crossed the ACK
        stats = agent.stats()
        assert (stats["transmissions_in_use"], stats["exchanges_in_use"]) == (0, 1), stats
        # RFC 7252 section 4.8.2: the response may come within EXCHANGE_LIFETIME, here 355 s. Nothing is due before.
        assert agent.eval("coap.next_timeout_ms()") > 180000
        peer.nothing()
        assert not agent.events, agent.events


def test_non_confirmable_goes_out_once():
    with net.RawPeer() as peer:
        agent = programs.client("ack_timeout=50")
        assert agent.eval("coap.getNonConf('127.0.0.1', %d, 'a')" % peer.port) > 0
        assert peer.recv()[0].mtype == coapmsg.NON
        agent.exec("while coap.stats()['transmissions_in_use']:\n    coap.poll(coap.next_timeout_ms())")
        peer.nothing()


def test_second_request_waits_for_the_first():
    with net.RawPeer() as peer, net.RawPeer() as other:
        agent = programs.client("ack_timeout=60000")
        first = agent.eval("coap.get('127.0.0.1', %d, 'first')" % peer.port)
        second = agent.eval("coap.get('127.0.0.1', %d, 'second')" % peer.port)
        elsewhere = agent.eval("coap.get('127.0.0.1', %d, 'third')" % other.port)
        assert first > 0 and second == first + 1 and elsewhere == first, (first, second, elsewhere)
        assert other.recv()[0].path == "third"  # NSTART is per peer
        request, address = peer.recv()
        assert request.path == "first"
        agent.serve()
        peer.nothing_but_pong(address)
        peer.send(coapmsg.response(request, "2.05", b"1"), address)
        request, address = peer.recv()
        assert request.path == "second"
        peer.send(coapmsg.response(request, "2.05", b"2"), address)
        assert [e["payload"] for e in agent.wait_events("response", 2)] == [b"1", b"2"]


def test_nstart_two_lets_two_out():
    with net.RawPeer() as peer:
        agent = programs.client("ack_timeout=60000, nstart=2")
        for path in ("first", "second", "third"):
            assert agent.eval("coap.get('127.0.0.1', %d, %r)" % (peer.port, path)) > 0
        got = [peer.recv() for _ in range(2)]
        assert sorted(request.path for request, _ in got) == ["first", "second"], got
        agent.serve()
        peer.nothing_but_pong(got[0][1])
        for request, address in reversed(got):  # answered in the other order
            peer.send(coapmsg.response(request, "2.05", request.path.encode()), address)
        responses = agent.wait_events("response", 2)
        assert sorted(r["payload"] for r in responses) == [b"first", b"second"], responses
        tokens = {request.path.encode(): request.token for request, _ in got}
        assert all(tokens[r["payload"]] == r["token"] for r in responses), (tokens, responses)
        assert peer.recv()[0].path == "third"


def test_stop_ends_what_is_outstanding():
    with net.RawPeer() as peer:
        agent = programs.client("ack_timeout=100")
        assert agent.eval("coap.get('127.0.0.1', %d, 'a')" % peer.port) > 0
        request, address = peer.recv()
        agent.exec("coap.stop()\ncoap.start(%d)" % agent.port)
        before = len(agent.of("response"))
        agent.check_over()
        peer.nothing()
        agent.serve()
        peer.send(coapmsg.response(request, "2.05", b"too late"), address)
        peer.nothing_but_pong(address)
        assert len(agent.of("response")) == before, agent.events


def test_separate_response_of_the_server_is_retransmitted_until_acknowledged():
    setup = TIMEOUTS + "later = []\nresource(coap, 'slow', code=None, then=lambda *arguments: later.append(arguments))"
    server, port = programs.server(setup, "ack_timeout=300, max_retransmit=10")
    address = ("127.0.0.1", port)
    with net.RawPeer() as peer:
        request = coapmsg.request(coapmsg.GET, "slow")
        ack = peer.ask(request, address)
        assert ack.encode() == bytes([0x60, 0, request.mid >> 8, request.mid & 255]), ack
        server.exec(
            "def answer():\n"
            "    global sent\n"
            "    request, ip, port = later.pop()\n"
            "    sent = coap.sendResponse(ip, port, request.messageid, 'late', 69, 0, request.token)\n"
            "    return sent\n"
        )
        data = unanswered(server, peer, "answer()", 3, 300, 450)
        response = coapmsg.decode(data)
        assert (response.mtype, response.dotted, response.payload) == (coapmsg.CON, "2.05", b"late"), response
        assert response.token == request.token and response.mid != request.mid, response
        assert server.eval("sent") == len(data)
        peer.send(coapmsg.Message(coapmsg.ACK, 0, response.mid), address)
        assert set(peer.until_pong(address)) <= {data}  # what crossed the ACK
        server.check_over()
        peer.nothing()
