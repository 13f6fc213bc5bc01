# SPDX-License-Identifier: MIT
"""RFC 7252 section 5.2.2: a response in a message of its own, seen from client and server."""

import coapmsg
import net
import programs
from harness import cases

PATIENT = "ack_timeout=60000"  # nothing is sent again while a test runs


def asked(call="get"):
    """A client that has just sent its request, and serves: (agent, peer, request, address)."""
    peer = net.RawPeer()
    agent = programs.client(PATIENT)
    assert agent.eval("coap.%s('127.0.0.1', %d, 'a')" % (call, peer.port)) > 0
    request, address = peer.recv()
    agent.serve()
    return agent, peer, request, address


def ack_of(mid):
    return bytes([0x60, 0, mid >> 8, mid & 255])


def separate(request, mtype=coapmsg.CON, payload=b"late", mid=None):
    return coapmsg.response(request, "2.05", payload, mtype=mtype, mid=mid)


def check_delivered_once(agent, mtype=None):
    """The agent was told of one response, and of nothing else ever."""
    assert [e["type"] for e in agent.of("response")] == [mtype], agent.events
    assert not agent.of("error"), agent.events
    agent.check_over()


def test_con_response_is_acknowledged_with_four_bytes_and_delivered_once():
    agent, peer, request, address = asked()
    peer.send(coapmsg.Message(coapmsg.ACK, 0, request.mid), address)
    response = separate(request)
    for _ in range(3):  # the peer did not get our ACK
        peer.send(response, address)
        assert peer.until_pong(address) == [ack_of(response.mid)]
    check_delivered_once(agent, coapmsg.CON)
    delivered = agent.of("response")[0]
    assert (delivered["payload"], delivered["token"]) == (b"late", request.token), delivered
    assert agent.stats()["duplicates"] == 2, agent.stats()


def test_con_response_whose_ack_was_lost_ends_the_retransmission():
    agent, peer, request, address = asked()
    response = separate(request)
    peer.send(response, address)
    assert peer.until_pong(address) == [ack_of(response.mid)]
    check_delivered_once(agent, coapmsg.CON)


def test_ack_that_comes_after_the_response_is_ignored():
    agent, peer, request, address = asked()
    response = separate(request)
    peer.send(response, address)
    peer.send(coapmsg.Message(coapmsg.ACK, 0, request.mid), address)
    assert peer.until_pong(address) == [ack_of(response.mid)]
    check_delivered_once(agent, coapmsg.CON)


def test_non_response_to_a_con_request():
    agent, peer, request, address = asked()
    peer.send(coapmsg.Message(coapmsg.ACK, 0, request.mid), address)
    response = separate(request, coapmsg.NON)
    for _ in range(2):
        peer.send(response, address)
    peer.nothing_but_pong(address)  # a NON is not acknowledged
    check_delivered_once(agent, coapmsg.NON)


def test_con_response_to_a_non_request_is_acknowledged():
    agent, peer, request, address = asked(call="getNonConf")
    response = separate(request)
    peer.send(response, address)
    assert peer.until_pong(address) == [ack_of(response.mid)]
    assert [e["payload"] for e in agent.of("response")] == [b"late"], agent.events


def test_piggybacked_response_twice_is_delivered_once():
    agent, peer, request, address = asked()
    for _ in range(3):
        peer.send(coapmsg.response(request, "2.05", b"now"), address)
    peer.nothing_but_pong(address)
    check_delivered_once(agent, coapmsg.ACK)


def test_response_after_the_end_of_the_exchange_is_rejected():
    agent, peer, request, address = asked()
    peer.send(coapmsg.response(request, "2.05", b"now"), address)
    late = separate(request, payload=b"again")
    peer.send(late, address)
    assert peer.until_pong(address) == [coapmsg.Message(coapmsg.RST, mid=late.mid).encode()]
    check_delivered_once(agent, coapmsg.ACK)


def test_state_tells_that_the_separate_response_is_awaited():
    agent, peer, request, address = asked()
    idle = agent.eval("coap.TRANSMISSION_STATE.STATE_IDLE")
    waiting = agent.eval("coap.TRANSMISSION_STATE.STATE_SEPARATE_ACK_RECEIVED_WAITING_DATA")
    assert agent.eval("coap.state") == idle
    peer.send(coapmsg.Message(coapmsg.ACK, 0, request.mid), address)
    peer.nothing_but_pong(address)
    assert not agent.events, agent.events
    assert agent.eval("coap.state") == waiting
    peer.send(separate(request), address)
    agent.wait_events("response")
    assert agent.eval("coap.state") == idle


SLOW = """
later = []
resource(coap, "slow", code=None, then=lambda *arguments: later.append(arguments))
def answer():
    packet, ip, port = later.pop(0)
    return coap.sendResponse(ip, port, packet.messageid, "late", 69, 0, packet.token)
"""


def test_server_acknowledges_at_once_and_answers_later():
    server, port = programs.server(SLOW, PATIENT)
    address = ("127.0.0.1", port)
    with net.RawPeer() as peer:
        request = coapmsg.request(coapmsg.GET, "slow")
        for _ in range(2):  # a duplicate in between: acknowledged again, not handled again
            peer.send(request, address)
            assert peer.until_pong(address) == [ack_of(request.mid)]
        assert server.eval("answer()") > 0
        response, _ = peer.recv()
        assert (response.mtype, response.dotted, response.payload) == (coapmsg.CON, "2.05", b"late"), response
        assert response.token == request.token, response
        peer.send(coapmsg.Message(coapmsg.ACK, 0, response.mid), address)
        peer.nothing_but_pong(address)
        server.check_over()
        assert len(server.of("request")) == 1, server.events


def test_answering_twice_sends_one_response():
    server, port = programs.server(SLOW, PATIENT)
    with net.RawPeer() as peer:
        peer.ask(coapmsg.request(coapmsg.GET, "slow"), ("127.0.0.1", port))
        server.exec("later.append(later[0])")
        assert server.eval("answer()") > 0
        assert server.eval("answer()") == 0
        response, address = peer.recv()
        peer.send(coapmsg.Message(coapmsg.ACK, 0, response.mid), address)
        peer.nothing_but_pong(address)
        server.check_over()


def test_non_request_is_answered_later_without_ack():
    server, port = programs.server(SLOW, PATIENT)
    with net.RawPeer() as peer:
        request = coapmsg.request(coapmsg.GET, "slow", coapmsg.NON)
        peer.send(request, ("127.0.0.1", port))
        peer.nothing_but_pong(("127.0.0.1", port))
        assert server.eval("coap.next_timeout_ms()") > 60000  # nor is any due
        assert server.eval("answer()") > 0
        response, _ = peer.recv()
        assert (response.mtype, response.payload, response.token) == (coapmsg.NON, b"late", request.token), response


@cases(con=coapmsg.CON, non=coapmsg.NON)
def test_send_packet_answers_with_options_and_the_type_asked_for(mtype):
    server, port = programs.server(SLOW, PATIENT)
    with net.RawPeer() as peer:
        request = coapmsg.request(coapmsg.GET, "slow")
        assert peer.ask(request, ("127.0.0.1", port)).encode() == ack_of(request.mid)
        server.exec(
            "asked, ip, port = later.pop()\n"
            "packet = microcoapy.CoapPacket()\n"
            "packet.type, packet.method, packet.token, packet.payload = %d, 69, asked.token, 'late'\n"
            "packet.addOption(4, b'tag')\n"
            "coap.sendPacket(ip, port, packet)\n" % mtype
        )
        response, address = peer.recv()
        assert (response.mtype, response.token, response.payload) == (mtype, request.token, b"late"), response
        assert response.value(coapmsg.ETAG) == b"tag", response
        if mtype == coapmsg.CON:
            peer.send(coapmsg.Message(coapmsg.ACK, 0, response.mid), address)
        peer.nothing_but_pong(address)
        server.check_over()


def test_client_that_resets_the_separate_response_ends_it():
    server, port = programs.server(SLOW, PATIENT)
    with net.RawPeer() as peer:
        peer.ask(coapmsg.request(coapmsg.GET, "slow"), ("127.0.0.1", port))
        server.eval("answer()")
        response, address = peer.recv()
        assert server.stats()["transmissions_in_use"] == 1
        peer.send(coapmsg.Message(coapmsg.RST, 0, response.mid), address)
        peer.nothing_but_pong(address)
        server.check_over()
