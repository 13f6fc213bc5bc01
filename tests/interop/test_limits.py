# SPDX-License-Identifier: MIT
"""What cannot be sent: 0 in the classic layer, and nothing is cut off silently."""

import coapmsg
import net
import programs
from harness import cases

CALLS = {
    "get": "coap.get(%r, %d, 'a')",
    "getNonConf": "coap.getNonConf(%r, %d, 'a')",
    "put": "coap.put(%r, %d, 'a', 'x')",
    "post": "coap.post(%r, %d, 'a', 'x')",
    "putNonConf": "coap.putNonConf(%r, %d, 'a', 'x')",
    "postNonConf": "coap.postNonConf(%r, %d, 'a', 'x')",
    "delete": "coap.delete(%r, %d, 'a')",
    "deleteNonConf": "coap.deleteNonConf(%r, %d, 'a')",
    "send": "coap.send(%r, %d, 'a', 0, 1, b'', None, -1, None)",
    "sendEx": "coap.sendEx(%r, %d, 'a', microcoapy.CoapPacket())",
    "sendPacket": "coap.sendPacket(%r, %d, microcoapy.CoapPacket())",
}


@cases(**CALLS)
def test_returns_the_bytes_sent(call):
    with net.RawPeer() as peer:
        agent = programs.client()
        sent = agent.eval(call % ("127.0.0.1", peer.port))
        assert sent == len(peer.recv_bytes()[0]), sent


@cases(**CALLS)
def test_closed_socket_gives_0(call):
    with net.RawPeer() as peer:
        agent = programs.client()
        agent.exec("coap.stop()")
        assert agent.eval(call % ("127.0.0.1", peer.port)) == 0
        agent.exec("never = microcoapy.Coap()")
        assert agent.eval(call.replace("coap.", "never.", 1) % ("127.0.0.1", peer.port)) == 0
        peer.nothing()


def test_unresolvable_name_gives_0():
    agent = programs.client()
    assert agent.eval("coap.get('no-such-host.invalid', 5683, 'a')", timeout=250) == 0  # the resolver may ask for long
    assert not agent.events


def test_localhost_is_resolved():
    with net.RawPeer() as peer:
        agent = programs.client()
        assert agent.eval("coap.get('localhost', %d, 'a')" % peer.port) > 0
        request, _ = peer.recv()
        hosts = request.values(coapmsg.URI_HOST)
        assert hosts in ([], [b"localhost"]), hosts


def test_ip_literal_sends_no_uri_host():
    with net.RawPeer() as peer:
        agent = programs.client()
        agent.eval("coap.get('127.0.0.1', %d, 'a')" % peer.port)
        assert peer.recv()[0].options == [(coapmsg.URI_PATH, b"a")]


@cases(con="put", non="putNonConf")
def test_too_large_gives_0_and_the_largest_arrives_whole(method):
    with net.RawPeer() as peer:
        agent = programs.client("ack_timeout=60000, nstart=10")
        agent.exec("def put(n): return coap.%s('127.0.0.1', %d, 'a', bytes(i %% 251 for i in range(n)))" % (method, peer.port))
        assert agent.eval("put(70000)") == 0
        peer.nothing()
        fits, too_large = 100, 70000
        while too_large - fits > 1:
            middle = (fits + too_large) // 2
            agent.exec("coap.stop()\ncoap.start(%d)" % agent.port)
            sent = agent.eval("put(%d)" % middle)
            if sent:
                fits = middle
                data = peer.recv_bytes()[0]
                assert len(data) == sent
                assert coapmsg.decode(data).payload == bytes(i % 251 for i in range(middle))
            else:
                too_large = middle
                peer.nothing()
        assert fits >= 1024, "a 1024-byte payload must fit, %d does" % fits


@cases(CON=coapmsg.CON, NON=coapmsg.NON)
def test_response_that_no_message_holds_gives_0_and_the_client_is_told(kind):
    """An option that is too long: that is nothing that blocks could help."""
    server, port = programs.server(
        "answers = []\n"
        "def large(packet, ip, port):\n"
        "    answer = microcoapy.CoapPacket()\n"
        "    answer.type, answer.method, answer.messageid, answer.token = 2, 69, packet.messageid, packet.token\n"
        "    answer.addOption(2048, bytes(3000))\n"
        "    answers.append(coap.sendPacket(ip, port, answer))\n"
        "coap.addIncomingRequestCallback('large', large)\n"
    )
    with net.RawPeer() as peer:
        answer = peer.ask(coapmsg.request(coapmsg.GET, "large", kind), ("127.0.0.1", port))
        assert server.eval("answers") == [0]
        assert answer.dotted == "5.00", answer


def test_long_response_goes_in_blocks():
    server, port = programs.server(
        "def large(packet, ip, port):\n"
        "    assert coap.sendResponse(ip, port, packet.messageid, bytes(range(250)) * 280, 69, 42, packet.token) > 0\n"
        "coap.addIncomingRequestCallback('large', large)\n"
    )
    body = b""
    with net.RawPeer() as peer:
        while True:
            request = coapmsg.request(coapmsg.GET, "large")
            if body:
                request.options.append((23, coapmsg.uint(len(body) // 1024 << 4 | 6)))
            answer = peer.ask(request, ("127.0.0.1", port))
            assert answer.dotted == "2.05", answer
            block = int.from_bytes(dict(answer.options)[23], "big")
            assert block >> 4 == len(body) // 1024 and block & 7 == 6, block
            body += answer.payload
            if not block & 8:
                break
    assert body == bytes(range(250)) * 280


def test_response_nobody_asked_for_gives_0():
    with net.RawPeer() as peer:
        agent = programs.client()
        assert agent.eval("coap.sendResponse('127.0.0.1', %d, 99, 'x', 69, -1, b'abcd')" % peer.port) == 0
        peer.nothing()


def test_more_requests_than_slots_give_0_and_the_others_are_served():
    with net.RawPeer() as peer:
        agent = programs.client("ack_timeout=60000")
        sent = agent.eval("[coap.get('127.0.0.1', %d, 'n%%d' %% n) for n in range(300)]" % peer.port)
        accepted = [n for n in range(300) if sent[n]]
        assert 2 <= len(accepted) < 300 and accepted == list(range(len(accepted))), sent
        for number in accepted:
            request, address = peer.recv()
            assert request.path == "n%d" % number, request
            peer.send(coapmsg.response(request, "2.05", request.path.encode()), address)
            agent.poll_for(number + 1)
        assert [e["payload"] for e in agent.of("response")] == [b"n%d" % n for n in accepted]
        assert agent.eval("coap.get('127.0.0.1', %d, 'again')" % peer.port) > 0


def test_one_silent_peer_leaves_room_for_others():
    with net.RawPeer() as silent, net.RawPeer() as other:
        agent = programs.client("ack_timeout=60000")
        sent = agent.eval("[coap.get('127.0.0.1', %d, 'a') for _ in range(300)]" % silent.port)
        assert 0 in sent
        assert agent.eval("coap.get('127.0.0.1', %d, 'b')" % other.port) > 0
        request, address = other.recv()
        other.send(coapmsg.response(request, "2.05", b"served"), address)
        assert agent.poll_for(1)[0]["payload"] == b"served"


def test_message_store_smaller_than_the_message_gives_0():
    with net.RawPeer() as peer:
        agent = programs.client("max_message=64")
        assert agent.eval("coap.put('127.0.0.1', %d, 'a', bytes(64))" % peer.port) == 0
        peer.nothing()
        sent = agent.eval("coap.put('127.0.0.1', %d, 'a', bytes(40))" % peer.port)
        assert sent == len(peer.recv_bytes()[0]) <= 64
