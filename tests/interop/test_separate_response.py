# SPDX-License-Identifier: MIT
"""RFC 7252 section 5.2.2: a response in a message of its own, seen from client and server."""

import coapmsg
import net
import programs
from harness import cases


def asked(parameters="", call="get"):
    """A client that has just sent its request: (agent, peer, request, address)."""
    peer = net.RawPeer()
    agent = programs.client(parameters)
    assert agent.eval("coap.%s('127.0.0.1', %d, 'a')" % (call, peer.port)) > 0
    request, address = peer.recv()
    return agent, peer, request, address


def ack_of(mid):
    return bytes([0x60, 0, mid >> 8, mid & 255])


def separate(request, mtype=coapmsg.CON, payload=b"late", mid=None):
    return coapmsg.response(request, "2.05", payload, mtype=mtype, mid=mid)


def test_con_response_is_acknowledged_with_four_bytes_and_delivered_once():
    agent, peer, request, address = asked("ack_timeout=500")
    peer.send(coapmsg.Message(coapmsg.ACK, 0, request.mid), address)
    response = separate(request)
    for _ in range(3):  # the peer did not get our ACK
        peer.send(response, address)
        agent.eval("coap.poll(300)")
        assert peer.recv_bytes()[0] == ack_of(response.mid)
    delivered = agent.of("response")
    assert [(r["type"], r["payload"], r["token"]) for r in delivered] == [(coapmsg.CON, b"late", request.token)], delivered
    assert not agent.of("error")
    assert agent.stats()["duplicates"] == 2, agent.stats()
    peer.silent(0.05)


def test_con_response_whose_ack_was_lost_ends_the_retransmission():
    agent, peer, request, address = asked("ack_timeout=300")
    response = separate(request)
    peer.send(response, address)
    agent.poll_for(1)
    assert peer.recv_bytes()[0] == ack_of(response.mid)
    agent.eval("coap.poll(800)")
    peer.silent(0.05)
    assert len(agent.of("response")) == 1 and not agent.of("error"), agent.events


def test_ack_that_comes_after_the_response_is_ignored():
    agent, peer, request, address = asked("ack_timeout=300")
    response = separate(request)
    peer.send(response, address)
    peer.send(coapmsg.Message(coapmsg.ACK, 0, request.mid), address)
    agent.poll_for(1)
    agent.eval("coap.poll(600)")
    assert peer.recv_bytes()[0] == ack_of(response.mid)
    peer.silent(0.05)
    assert len(agent.of("response")) == 1 and not agent.of("error"), agent.events


def test_non_response_to_a_con_request():
    agent, peer, request, address = asked("ack_timeout=300")
    peer.send(coapmsg.Message(coapmsg.ACK, 0, request.mid), address)
    response = separate(request, coapmsg.NON)
    for _ in range(2):
        peer.send(response, address)
    agent.poll_for(1)
    agent.eval("coap.poll(600)")
    assert [r["type"] for r in agent.of("response")] == [coapmsg.NON], agent.events
    peer.silent(0.05)  # a NON is not acknowledged


def test_con_response_to_a_non_request_is_acknowledged():
    agent, peer, request, address = asked(call="getNonConf")
    response = separate(request)
    peer.send(response, address)
    assert agent.poll_for(1)[0]["payload"] == b"late"
    assert peer.recv_bytes()[0] == ack_of(response.mid)


def test_piggybacked_response_twice_is_delivered_once():
    agent, peer, request, address = asked()
    for _ in range(3):
        peer.send(coapmsg.response(request, "2.05", b"now"), address)
    agent.poll_for(1)
    agent.eval("coap.poll(300)")
    assert len(agent.of("response")) == 1, agent.events
    peer.silent(0.05)


def test_response_after_the_end_of_the_exchange_is_rejected():
    agent, peer, request, address = asked()
    peer.send(coapmsg.response(request, "2.05", b"now"), address)
    agent.poll_for(1)
    late = separate(request, payload=b"again", mid=77)
    peer.send(late, address)
    agent.eval("coap.poll(300)")
    assert peer.recv_bytes()[0] == bytes([0x70, 0, 0, 77])
    assert len(agent.of("response")) == 1, agent.events


def test_state_tells_that_the_separate_response_is_awaited():
    agent, peer, request, address = asked()
    idle = agent.eval("coap.TRANSMISSION_STATE.STATE_IDLE")
    waiting = agent.eval("coap.TRANSMISSION_STATE.STATE_SEPARATE_ACK_RECEIVED_WAITING_DATA")
    assert agent.eval("coap.state") == idle
    peer.send(coapmsg.Message(coapmsg.ACK, 0, request.mid), address)
    assert agent.eval("coap.poll(200)") is False
    assert agent.eval("coap.state") == waiting
    peer.send(separate(request), address)
    agent.poll_for(1)
    assert agent.eval("coap.state") == idle


SLOW = """
later = []
resource(coap, "slow", code=None, then=lambda *arguments: later.append(arguments))
def answer():
    packet, ip, port = later.pop(0)
    return coap.sendResponse(ip, port, packet.messageid, "late", 69, 0, packet.token)
"""


def test_server_acknowledges_at_once_and_answers_later():
    server, port = programs.server(SLOW)
    with net.RawPeer() as peer:
        request = coapmsg.request(coapmsg.GET, "slow")
        ack = peer.ask(request, ("127.0.0.1", port))
        assert ack.encode() == ack_of(request.mid), ack
        peer.send(request, ("127.0.0.1", port))  # a duplicate in between: acknowledged again, not handled again
        assert peer.recv_bytes()[0] == ack_of(request.mid)
        assert server.eval("answer()") > 0
        response, _ = peer.recv()
        assert (response.mtype, response.dotted, response.payload) == (coapmsg.CON, "2.05", b"late"), response
        assert response.token == request.token, response
        peer.send(coapmsg.Message(coapmsg.ACK, 0, response.mid), ("127.0.0.1", port))
        assert len(server.of("request")) == 1, server.events


def test_answering_twice_sends_one_response():
    server, port = programs.server(SLOW)
    with net.RawPeer() as peer:
        peer.ask(coapmsg.request(coapmsg.GET, "slow"), ("127.0.0.1", port))
        server.exec("later.append(later[0])")
        assert server.eval("answer()") > 0
        assert server.eval("answer()") == 0
        response, address = peer.recv()
        peer.send(coapmsg.Message(coapmsg.ACK, 0, response.mid), address)
        peer.silent(0.2)


def test_non_request_is_answered_later_without_ack():
    server, port = programs.server(SLOW)
    with net.RawPeer() as peer:
        request = coapmsg.request(coapmsg.GET, "slow", coapmsg.NON)
        peer.send(request, ("127.0.0.1", port))
        server.wait_events("request")
        peer.silent(0.3)
        assert server.eval("answer()") > 0
        response, _ = peer.recv()
        assert (response.mtype, response.payload, response.token) == (coapmsg.NON, b"late", request.token), response


@cases(con=coapmsg.CON, non=coapmsg.NON)
def test_send_packet_answers_with_options_and_the_type_asked_for(mtype):
    server, port = programs.server(SLOW)
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
        peer.silent(0.2)


def test_client_that_resets_the_separate_response_ends_it():
    server, port = programs.server(SLOW, "ack_timeout=100")
    with net.RawPeer() as peer:
        peer.ask(coapmsg.request(coapmsg.GET, "slow"), ("127.0.0.1", port))
        server.eval("answer()")
        response, address = peer.recv()
        peer.send(coapmsg.Message(coapmsg.RST, 0, response.mid), address)
        while peer.recv_bytes(0.05):
            pass  # what crossed the RST
        peer.silent(0.8)
