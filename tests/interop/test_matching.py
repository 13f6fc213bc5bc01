# SPDX-License-Identifier: MIT
"""RFC 7252 section 5.3: only the peer that was asked, with the right token and message id, is heard."""

import coapmsg
import net
import programs
from harness import cases


class Asked:
    """A client that has sent a confirmable GET to `peer`; `check` sends the right answer at the end."""

    def __init__(self, parameters="ack_timeout=8000", host="127.0.0.1"):
        self.peer = net.RawPeer(host)
        self.agent = programs.client(parameters)
        assert self.agent.eval("coap.get('127.0.0.1', %d, 'a')" % self.peer.port) > 0
        self.request, self.address = self.peer.recv()

    def check_not_delivered(self):
        self.agent.eval("coap.poll(150)")
        assert not self.agent.events, self.agent.events

    def check_answer_still_arrives(self):
        self.peer.send(coapmsg.response(self.request, "2.05", b"true"), self.address)
        self.agent.poll_for(1)
        self.agent.eval("coap.poll(150)")
        assert [e.get("payload") for e in self.agent.events] == [b"true"], self.agent.events
        assert self.agent.of("response")[0]["sender"] == self.peer.address


@cases(
    other=lambda token: bytes(b ^ 1 for b in token),
    empty=lambda token: b"",
    shorter=lambda token: token[:-1],
    longer=lambda token: token + b"\0",
)
def test_right_port_wrong_token(change):
    asked = Asked()
    forged = coapmsg.response(asked.request, "2.05", b"forged")
    forged.token = change(asked.request.token)
    asked.peer.send(forged, asked.address)
    asked.check_not_delivered()
    asked.check_answer_still_arrives()


@cases(con=coapmsg.CON, non=coapmsg.NON)
def test_separate_response_with_wrong_token(mtype):
    asked = Asked()
    forged = coapmsg.Message(mtype, coapmsg.code("2.05"), 4711, b"nope", (), b"forged")
    asked.peer.send(forged, asked.address)
    asked.check_not_delivered()
    if mtype == coapmsg.CON:
        assert asked.peer.recv_bytes()[0] == bytes([0x70, 0]) + (4711).to_bytes(2, "big")
    else:
        asked.peer.silent(0.1)
    asked.check_answer_still_arrives()


@cases(other_port=lambda peer: ("127.0.0.1", 0), other_host=lambda peer: ("127.0.0.2", peer.port))
def test_right_token_wrong_peer(where):
    asked = Asked()
    with net.RawPeer(*where(asked.peer)) as attacker:
        for mtype, mid in ((coapmsg.ACK, None), (coapmsg.CON, 1), (coapmsg.NON, 2)):
            attacker.send(coapmsg.response(asked.request, "2.05", b"forged", mtype=mtype, mid=mid), asked.address)
            asked.check_not_delivered()
    asked.check_answer_still_arrives()


def test_piggybacked_with_wrong_message_id():
    asked = Asked()
    for mid in (asked.request.mid ^ 1, (asked.request.mid + 1) & 0xFFFF, 0):
        asked.peer.send(coapmsg.response(asked.request, "2.05", b"forged", mtype=coapmsg.ACK, mid=mid), asked.address)
        asked.check_not_delivered()
    asked.check_answer_still_arrives()


@cases(wrong_id=False, wrong_peer=True)
def test_reset_that_does_not_match(elsewhere):
    asked = Asked()
    mid = asked.request.mid if elsewhere else asked.request.mid ^ 0x100
    with net.RawPeer() as attacker:
        sender = attacker if elsewhere else asked.peer
        sender.send(coapmsg.Message(coapmsg.RST, 0, mid), asked.address)
        asked.check_not_delivered()
    asked.check_answer_still_arrives()


def test_empty_ack_of_another_peer_does_not_stop_retransmission():
    asked = Asked("ack_timeout=200")
    with net.RawPeer() as attacker:
        attacker.send(coapmsg.Message(coapmsg.ACK, 0, asked.request.mid), asked.address)
        asked.agent.eval("coap.poll(500)")
    again = asked.peer.recv_bytes(0.1)
    assert again and again[0] == asked.request.encode(), again


def test_response_to_nothing_is_not_delivered():
    agent = programs.client()
    with net.RawPeer() as peer:
        for mtype in (coapmsg.ACK, coapmsg.NON, coapmsg.CON):
            for token in (b"", b"abcd"):
                message = coapmsg.Message(mtype, coapmsg.code("2.05"), None, token, (), b"unasked")
                peer.send(message, ("127.0.0.1", agent.port))
                agent.eval("coap.poll(100)")
                if mtype == coapmsg.CON:
                    assert peer.recv_bytes()[0] == bytes([0x70, 0]) + message.mid.to_bytes(2, "big")
    assert not agent.events, agent.events


def test_token_of_a_finished_exchange_is_dead():
    asked = Asked()
    asked.check_answer_still_arrives()
    assert asked.agent.eval("coap.get('127.0.0.1', %d, 'b')" % asked.peer.port) > 0
    second, address = asked.peer.recv()
    old = coapmsg.response(asked.request, "2.05", b"old", mtype=coapmsg.ACK, mid=second.mid)
    asked.peer.send(old, address)
    asked.agent.eval("coap.poll(150)")
    assert len(asked.agent.events) == 1, asked.agent.events
    asked.peer.send(coapmsg.response(second, "2.05", b"new"), address)
    assert asked.agent.poll_for(2)[1]["payload"] == b"new"


def test_same_token_to_two_peers_is_kept_apart():
    agent = programs.client()
    with net.RawPeer() as one, net.RawPeer() as two:
        for peer in (one, two):
            assert agent.eval("coap.get('127.0.0.1', %d, 'a', b'same')" % peer.port) > 0
        (first, address), (second, _) = one.recv(), two.recv()
        two.send(coapmsg.response(second, "2.05", b"two"), address)
        assert [(e["payload"], e["sender"]) for e in agent.poll_for(1)] == [(b"two", two.address)]
        one.send(coapmsg.response(first, "2.05", b"one"), address)
        assert [(e["payload"], e["sender"]) for e in agent.poll_for(2)][1] == (b"one", one.address)


def test_client_does_not_treat_a_request_as_its_response():
    asked = Asked()
    echo = coapmsg.Message(coapmsg.CON, coapmsg.GET, 99, asked.request.token, coapmsg.uri_path("a"))
    asked.peer.send(echo, asked.address)
    asked.check_not_delivered()
    answer, _ = asked.peer.recv()
    assert (answer.mtype, answer.dotted, answer.mid) == (coapmsg.ACK, "4.04", 99), answer
    asked.check_answer_still_arrives()
