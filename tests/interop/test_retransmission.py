# SPDX-License-Identifier: MIT
"""RFC 7252 section 4.2 on the wire: when a confirmable message goes out again, and how that ends."""

import errno

import coapmsg
import net
import programs
from harness import limit

EARLY = 0.01  # the clocks of two processes, in whole milliseconds
LATE = 0.4  # a busy machine may be late, never early


def silent_peer_times(agent, peer, count, call, timeout):
    """Makes the call, answers nothing; (times, datagrams) of `count` transmissions."""
    assert agent.eval(call) > 0
    agent.start("coap.poll(%d)" % (timeout * 1000))
    got = [peer.recv_bytes(timeout) for _ in range(count)]
    assert None not in got, "only %d transmissions" % len([g for g in got if g])
    return [g[2] for g in got], [g[0] for g in got]


def check_doubling(times, shortest, longest):
    """Gaps T, 2T, 4T... with T from shortest to longest. Each gap may be longer by LATE, none shorter."""
    gaps = [b - a for a, b in zip(times, times[1:])]
    initial = min(gap / 2**number for number, gap in enumerate(gaps))
    assert shortest - EARLY <= initial <= longest + EARLY, gaps
    assert all(gap <= initial * 2**number + LATE for number, gap in enumerate(gaps)), gaps


@limit(90)
def test_default_times_with_three_transmissions_lost():
    with net.RawPeer() as peer:
        agent = programs.client()
        call = "coap.get('127.0.0.1', %d, 'a')" % peer.port
        times, datagrams = silent_peer_times(agent, peer, 4, call, 40)
        check_doubling(times, 2.0, 3.0)
        assert len(set(datagrams)) == 1, datagrams
        request = coapmsg.decode(datagrams[0])
        peer.send(coapmsg.response(request, "2.05", b"at last"), ("127.0.0.1", agent.port))
        response = agent.wait_events("response")[0]
        assert response["payload"] == b"at last", response
        agent.finish()
        agent.eval("coap.poll(300)")
        assert len(agent.of("response")) == 1 and not agent.of("error"), agent.events
        peer.silent(0.5)
        assert agent.stats()["retransmitted"] == 3, agent.stats()


def test_shorter_ack_timeout_doubles_too():
    with net.RawPeer() as peer:
        agent = programs.client("ack_timeout=500")
        call = "coap.put('127.0.0.1', %d, 'a', 'body')" % peer.port
        times, datagrams = silent_peer_times(agent, peer, 4, call, 20)
        check_doubling(times, 0.5, 0.75)
        assert len(set(datagrams)) == 1, datagrams


def test_initial_timeout_is_random():
    firsts = []
    with net.RawPeer() as peer:
        agent = programs.client("ack_timeout=200, ack_random_factor=2.0, max_retransmit=1")
        for _ in range(6):
            agent.exec("coap.stop()\ncoap.start(%d)" % agent.port)
            call = "coap.get('127.0.0.1', %d, 'a')" % peer.port
            times, _ = silent_peer_times(agent, peer, 2, call, 2)
            agent.wait_events("error", len(firsts) + 1)
            agent.finish()
            firsts.append(times[1] - times[0])
    assert all(0.2 - EARLY <= first <= 0.4 + LATE for first in firsts), firsts
    assert max(firsts) - min(firsts) > 0.01, firsts


def test_random_factor_of_one_is_exact():
    with net.RawPeer() as peer:
        agent = programs.client("ack_timeout=500, ack_random_factor=1.0")
        times, _ = silent_peer_times(agent, peer, 3, "coap.get('127.0.0.1', %d, 'a')" % peer.port, 10)
        check_doubling(times, 0.5, 0.5)


def test_giving_up_after_max_retransmit_reports_timeout():
    with net.RawPeer() as peer:
        agent = programs.client("ack_timeout=100, max_retransmit=3")
        times, datagrams = silent_peer_times(agent, peer, 4, "coap.get('127.0.0.1', %d, 'a')" % peer.port, 10)
        error = agent.wait_events("error")[0]
        assert error["errno"] == errno.ETIMEDOUT, error
        assert error["sender"] == peer.address, error
        # RFC 7252 section 4.8.2: MAX_TRANSMIT_WAIT, with the initial timeout seen
        initial = min((b - a) / 2**number for number, (a, b) in enumerate(zip(times, times[1:])))
        assert error["time"] - times[0] >= 15 * initial - EARLY, (error, times)
        peer.silent(0.5)
        agent.finish()
        agent.eval("coap.poll(200)")
        assert len(agent.of("error")) == 1 and not agent.of("response"), agent.events
        assert agent.stats()["timeouts"] == 1, agent.stats()


def test_max_retransmit_zero_sends_once():
    with net.RawPeer() as peer:
        agent = programs.client("ack_timeout=100, max_retransmit=0")
        silent_peer_times(agent, peer, 1, "coap.get('127.0.0.1', %d, 'a')" % peer.port, 2)
        assert agent.wait_events("error")[0]["errno"] == errno.ETIMEDOUT
        peer.silent(0.3)


def test_reset_ends_the_request_with_econnreset():
    with net.RawPeer() as peer:
        agent = programs.client("ack_timeout=100")
        assert agent.eval("coap.get('127.0.0.1', %d, 'a')" % peer.port) > 0
        request, address = peer.recv()
        agent.start("coap.poll(500)")
        peer.send(coapmsg.Message(coapmsg.RST, 0, request.mid), address)
        error = agent.wait_events("error")[0]
        assert (error["errno"], error["sender"]) == (errno.ECONNRESET, peer.address), error
        agent.finish()
        while peer.recv_bytes(0):
            pass  # what crossed the RST
        agent.eval("coap.poll(600)")
        peer.silent(0.01)
        assert len(agent.events) == 1, agent.events


def test_reset_of_a_non_request_ends_it():
    with net.RawPeer() as peer:
        agent = programs.client()
        assert agent.eval("coap.getNonConf('127.0.0.1', %d, 'a')" % peer.port) > 0
        request, address = peer.recv()
        peer.send(coapmsg.Message(coapmsg.RST, 0, request.mid), address)
        agent.eval("coap.poll(500)")
        assert [e["errno"] for e in agent.of("error")] == [errno.ECONNRESET], agent.events


def test_empty_ack_stops_retransmission():
    with net.RawPeer() as peer:
        agent = programs.client("ack_timeout=100")
        assert agent.eval("coap.get('127.0.0.1', %d, 'a')" % peer.port) > 0
        request, address = peer.recv()
        agent.start("coap.poll(1500)")
        peer.send(coapmsg.Message(coapmsg.ACK, 0, request.mid), address)
        while peer.recv_bytes(0.05):
            pass  # what crossed the ACK
        peer.silent(1.0)
        agent.finish()
        assert not agent.events, agent.events


def test_non_confirmable_goes_out_once():
    with net.RawPeer() as peer:
        agent = programs.client("ack_timeout=50")
        assert agent.eval("coap.getNonConf('127.0.0.1', %d, 'a')" % peer.port) > 0
        assert peer.recv()[0].mtype == coapmsg.NON
        agent.eval("coap.poll(600)")
        peer.silent(0.05)


def test_second_request_waits_for_the_first():
    with net.RawPeer() as peer, net.RawPeer() as other:
        agent = programs.client("ack_timeout=5000")
        first = agent.eval("coap.get('127.0.0.1', %d, 'first')" % peer.port)
        second = agent.eval("coap.get('127.0.0.1', %d, 'second')" % peer.port)
        elsewhere = agent.eval("coap.get('127.0.0.1', %d, 'third')" % other.port)
        assert first > 0 and second == first + 1 and elsewhere == first, (first, second, elsewhere)
        assert other.recv()[0].path == "third"  # NSTART is per peer
        request, address = peer.recv()
        assert request.path == "first"
        peer.silent(0.3)
        agent.start("coap.poll(5000)")
        peer.send(coapmsg.response(request, "2.05", b"1"), address)
        request, address = peer.recv()
        assert request.path == "second"
        agent.finish()
        peer.send(coapmsg.response(request, "2.05", b"2"), address)
        assert [e["payload"] for e in agent.poll_for(2)] == [b"1", b"2"]


def test_nstart_two_lets_two_out():
    with net.RawPeer() as peer:
        agent = programs.client("ack_timeout=5000, nstart=2")
        for path in ("first", "second", "third"):
            assert agent.eval("coap.get('127.0.0.1', %d, %r)" % (peer.port, path)) > 0
        got = [peer.recv() for _ in range(2)]
        assert sorted(request.path for request, _ in got) == ["first", "second"], got
        peer.silent(0.2)
        for request, address in reversed(got):  # answered in the other order
            peer.send(coapmsg.response(request, "2.05", request.path.encode()), address)
        responses = agent.poll_for(2)
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
        peer.send(coapmsg.response(request, "2.05", b"too late"), address)
        agent.eval("coap.poll(500)")
        assert len(agent.of("response")) == before, agent.events
        peer.silent(0.05)


def test_separate_response_of_the_server_is_retransmitted_until_acknowledged():
    setup = "later = []\nresource(coap, 'slow', code=None, then=lambda *arguments: later.append(arguments))"
    server, port = programs.server(setup, "ack_timeout=500")
    with net.RawPeer() as peer:
        request = coapmsg.request(coapmsg.GET, "slow")
        ack = peer.ask(request, ("127.0.0.1", port))
        assert ack.encode() == bytes([0x60, 0, request.mid >> 8, request.mid & 255]), ack
        server.exec("r, ip, p = later.pop()\nsent = coap.sendResponse(ip, p, r.messageid, 'late', 69, 0, r.token)")
        got = [peer.recv_bytes() for _ in range(3)]
        check_doubling([g[2] for g in got], 0.5, 0.75)
        assert len({g[0] for g in got}) == 1, got
        response = coapmsg.decode(got[0][0])
        assert (response.mtype, response.dotted, response.payload) == (coapmsg.CON, "2.05", b"late"), response
        assert response.token == request.token and response.mid != request.mid, response
        assert server.eval("sent") == len(got[0][0])
        peer.send(coapmsg.Message(coapmsg.ACK, 0, response.mid), ("127.0.0.1", port))
        while peer.recv_bytes(0.05):
            pass  # what crossed the ACK
        peer.silent(3.5)
