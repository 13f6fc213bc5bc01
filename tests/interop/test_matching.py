# SPDX-License-Identifier: MIT
"""RFC 7252 section 5.3: only the peer that was asked, with the right token and message id, is heard."""

import coapmsg
import net
import programs
from harness import cases


def reset_of(mid):
    return bytes([0x70, 0]) + mid.to_bytes(2, "big")


class Asked:
    """A client that has sent a confirmable GET to `peer` and serves; `check_answer_still_arrives` sends the right answer."""

    def __init__(self):
        self.peer = net.RawPeer(port=net.free_port())  # free on 127.0.0.2 too
        self.agent = programs.client("ack_timeout=60000")
        assert self.agent.eval("coap.get('127.0.0.1', %d, 'a')" % self.peer.port) > 0
        self.request, self.address = self.peer.recv()
        self.agent.serve()

    def check_not_delivered(self, sender=None, replies=()):
        """What `sender` (the peer) has sent has told the program nothing, and has been replied to like that."""
        assert (sender or self.peer).until_pong(self.address) == list(replies)
        assert not self.agent.of("response") and not self.agent.of("error"), self.agent.events

    def check_answer_still_arrives(self):
        self.peer.send(coapmsg.response(self.request, "2.05", b"true"), self.address)
        self.peer.nothing_but_pong(self.address)
        assert [e["payload"] for e in self.agent.of("response")] == [b"true"], self.agent.events
        assert not self.agent.of("error"), self.agent.events
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
    forged = coapmsg.Message(mtype, coapmsg.code("2.05"), None, b"nope", (), b"forged")
    asked.peer.send(forged, asked.address)
    asked.check_not_delivered(replies=[reset_of(forged.mid)] if mtype == coapmsg.CON else [])
    asked.check_answer_still_arrives()


@cases(other_port=lambda peer: ("127.0.0.1", 0), other_host=lambda peer: ("127.0.0.2", peer.port))
def test_right_token_wrong_peer(where):
    asked = Asked()
    with net.RawPeer(*where(asked.peer)) as attacker:
        for mtype in (coapmsg.ACK, coapmsg.CON, coapmsg.NON):
            forged = coapmsg.response(asked.request, "2.05", b"forged", mtype=mtype)
            attacker.send(forged, asked.address)
            asked.check_not_delivered(attacker, [reset_of(forged.mid)] if mtype == coapmsg.CON else [])
    asked.check_answer_still_arrives()


def test_piggybacked_with_wrong_message_id():
    asked = Asked()
    for mid in (asked.request.mid ^ 1, (asked.request.mid + 1) & 0xFFFF, asked.request.mid ^ 0x8000):
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
        asked.check_not_delivered(sender)
    asked.check_answer_still_arrives()


def test_empty_ack_of_another_peer_does_not_stop_retransmission():
    agent = programs.client("ack_timeout=100, max_retransmit=10")
    with net.RawPeer() as peer, net.RawPeer() as attacker:
        assert agent.eval("coap.get('127.0.0.1', %d, 'a')" % peer.port) > 0
        request, address = peer.recv()
        attacker.send(coapmsg.Message(coapmsg.ACK, 0, request.mid), address)
        agent.serve()
        attacker.nothing_but_pong(address)
        peer.waiting()  # sent before the ACK came, perhaps
        assert peer.recv_bytes_or_fail()[0] == request.encode()


def test_response_to_nothing_is_not_delivered():
    agent = programs.client()
    agent.serve()
    with net.RawPeer() as peer:
        for mtype in (coapmsg.ACK, coapmsg.NON, coapmsg.CON):
            for token in (b"", b"abcd"):
                message = coapmsg.Message(mtype, coapmsg.code("2.05"), None, token, (), b"unasked")
                peer.send(message, ("127.0.0.1", agent.port))
                found = peer.until_pong(("127.0.0.1", agent.port))
                assert found == ([reset_of(message.mid)] if mtype == coapmsg.CON else []), (message, found)
    assert not agent.of("response") and not agent.of("error"), agent.events


def test_token_of_a_finished_exchange_is_dead():
    asked = Asked()
    asked.check_answer_still_arrives()
    assert asked.agent.eval("coap.get('127.0.0.1', %d, 'b')" % asked.peer.port) > 0
    second, address = asked.peer.recv()
    old = coapmsg.response(asked.request, "2.05", b"old", mtype=coapmsg.ACK, mid=second.mid)
    asked.peer.send(old, address)
    asked.peer.nothing_but_pong(address)
    assert len(asked.agent.of("response")) == 1 and not asked.agent.of("error"), asked.agent.events
    asked.peer.send(coapmsg.response(second, "2.05", b"new"), address)
    assert asked.agent.wait_events("response", 2)[1]["payload"] == b"new"


def test_same_token_to_two_peers_is_kept_apart():
    agent = programs.client("ack_timeout=60000")
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
    echo = coapmsg.request(coapmsg.GET, "a", token=asked.request.token)
    asked.peer.send(echo, asked.address)
    found = [coapmsg.decode(data) for data in asked.peer.until_pong(asked.address)]
    assert [(m.mtype, m.dotted, m.mid) for m in found] == [(coapmsg.ACK, "4.04", echo.mid)], found
    asked.check_answer_still_arrives()
