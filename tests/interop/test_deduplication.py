# SPDX-License-Identifier: MIT
"""RFC 7252 section 4.5: a message that comes again is not handled again."""

import time

import coapmsg
import net
import programs
from harness import cases

SETUP = """
count = 0
def counted(packet):
    global count
    count += 1
    return "answer %d" % count
resource(coap, "counted", counted, 68, 0)
resource(coap, "silent", code=None)
"""
SERVER = "127.0.0.1"


@cases(get=coapmsg.GET, post=coapmsg.POST, put=coapmsg.PUT, delete=coapmsg.DELETE)
def test_repeated_con_request_gets_the_same_bytes(method):
    server, port = programs.server(SETUP)
    with net.RawPeer() as peer:
        request = coapmsg.request(method, "counted")
        answers = set()
        for _ in range(5):
            peer.send(request, (SERVER, port))
            answers.add(peer.recv_bytes()[0])
        assert len(answers) == 1, answers
        assert coapmsg.decode(answers.pop()).payload == b"answer 1"
        assert len(server.of("request")) == 1, server.events
        assert server.stats()["duplicates"] == 4, server.stats()


def test_repeat_while_others_ask_gets_the_same_bytes():
    server, port = programs.server(SETUP)
    with net.RawPeer() as peer, net.RawPeer() as other:
        request = coapmsg.request(coapmsg.PUT, "counted")
        first = peer.ask(request, (SERVER, port))
        for _ in range(5):
            other.ask(coapmsg.request(coapmsg.PUT, "counted"), (SERVER, port))
        again = peer.ask(request, (SERVER, port))
        assert again.encode() == first.encode(), (first, again)
        assert len(server.of("request")) == 6, server.events


def test_repeated_non_request_is_handled_once():
    server, port = programs.server(SETUP)
    with net.RawPeer() as peer:
        request = coapmsg.request(coapmsg.POST, "counted", coapmsg.NON)
        for _ in range(5):
            peer.send(request, (SERVER, port))
        answers = [coapmsg.decode(data) for data in peer.until_pong((SERVER, port))]
        # RFC 7252 section 4.5: a duplicate NON is silently ignored.
        assert [answer.payload for answer in answers] == [b"answer 1"], answers
        assert len(server.of("request")) == 1, server.events


def test_repeat_of_a_request_never_answered_is_acknowledged_again():
    server, port = programs.server(SETUP)
    with net.RawPeer() as peer:
        request = coapmsg.request(coapmsg.GET, "silent")
        for _ in range(3):
            answer = peer.ask(request, (SERVER, port))
            assert answer.encode() == bytes([0x60, 0, request.mid >> 8, request.mid & 255]), answer
        assert len(server.of("request")) == 1, server.events


@cases(not_found=("nosuch", ()), bad_option=("counted", ((65001, b""),)))
def test_repeated_error_is_the_same(case):
    path, options = case
    _, port = programs.server(SETUP)
    with net.RawPeer() as peer:
        request = coapmsg.request(coapmsg.GET, path, options=options)
        first = peer.ask(request, (SERVER, port))
        assert first.code >= 0x80, first
        assert peer.ask(request, (SERVER, port)).encode() == first.encode()


def test_same_message_id_of_other_peers_is_handled():
    server, port = programs.server(SETUP)
    with net.RawPeer() as one, net.RawPeer() as other_port, net.RawPeer("127.0.0.2") as other_host:
        for number, peer in enumerate((one, other_port, other_host)):
            answer = peer.ask(coapmsg.request(coapmsg.GET, "counted", mid=1234), (SERVER, port))
            assert answer.payload == b"answer %d" % (number + 1), answer
        assert len(server.of("request")) == 3


def test_other_message_id_with_the_same_token_is_another_request():
    server, port = programs.server(SETUP)
    with net.RawPeer() as peer:
        for number in (1, 2):
            request = coapmsg.request(coapmsg.GET, "counted", token=b"same", mid=number)
            assert peer.ask(request, (SERVER, port)).payload == b"answer %d" % number


def test_message_id_is_new_again_after_exchange_lifetime():
    # EXCHANGE_LIFETIME = 20 ms * 15 * 1.5 + 2 * 50 ms + 50 ms = 600 ms (RFC 7252 section 4.8.2)
    server, port = programs.server(SETUP, "ack_timeout=20, max_latency=50, processing_delay=50")
    with net.RawPeer() as peer:
        request = coapmsg.request(coapmsg.GET, "counted")
        started = time.monotonic()
        deadline = started + net.PATIENCE
        while peer.ask(request, (SERVER, port)).payload == b"answer 1":
            assert time.monotonic() < deadline, "still taken for a duplicate"
        assert time.monotonic() - started >= 0.55, time.monotonic() - started
        assert len(server.of("request")) == 2


def test_duplicates_of_sixty_peers_are_all_suppressed():
    server, port = programs.server(SETUP)
    peers = [net.RawPeer() for _ in range(60)]
    for number, peer in enumerate(peers):
        request = coapmsg.request(coapmsg.PUT, "counted")
        first = peer.ask(request, (SERVER, port))
        assert peer.ask(request, (SERVER, port)).encode() == first.encode()
        assert first.payload == b"answer %d" % (number + 1), first
    assert len(server.of("request")) == 60
    for peer in peers:
        peer.close()


def test_ping_is_answered_with_reset():
    _, port = programs.server(SETUP)
    with net.RawPeer() as peer:
        for mid in (0, 1, 0xFFFF, 0x1234):
            peer.send(bytes([0x40, 0, mid >> 8, mid & 255]), (SERVER, port))
            assert peer.recv_bytes()[0] == bytes([0x70, 0, mid >> 8, mid & 255])
