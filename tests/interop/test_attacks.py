# SPDX-License-Identifier: MIT
"""Floods, guessing and loops: memory stays flat, ids cannot be predicted, nothing echoes for ever."""

import socket

import chance
import coapmsg
import net
import programs
from harness import cases, limit

SETUP = """
import gc
runs = 0
def handler(packet, ip, port):
    global runs
    runs += 1
    coap.sendResponse(ip, port, packet.messageid, "good", 69, -1, packet.token)
coap.addIncomingRequestCallback("a", handler)
coap.addIncomingRequestCallback("silent", lambda packet, ip, port: None)
def used():
    gc.collect()
    return gc.mem_alloc()
def overwrite_stack(depth):
    return depth and overwrite_stack(depth - 1)
def overwrite_all_stack():
    # Each kind of call has frames of another size, so that what one leaves as it was another overwrites.
    # Neither makes an object, which a word that it leaves could keep.
    overwrite_stack(40)
    assert nested[0] == nested[1]
nested = [0, 0]
for _ in range(40):
    nested = [[nested[0]], [nested[1]]]
"""


def spoofed(count):
    """`count` distinct addresses of loopback to send from."""
    generator = chance.generator("%d addresses" % count)
    seen = set()
    while len(seen) < count:
        seen.add("127.%d.%d.%d" % (generator.randrange(1, 255), generator.randrange(256), generator.randrange(1, 255)))
    return sorted(seen)


FLOODS = {
    "con_requests": lambda: coapmsg.request(coapmsg.GET, "a"),
    "non_requests": lambda: coapmsg.request(coapmsg.GET, "a", coapmsg.NON),
    "con_requests_never_answered": lambda: coapmsg.request(coapmsg.GET, "silent"),
    "non_requests_never_answered": lambda: coapmsg.request(coapmsg.GET, "silent", coapmsg.NON),
    "not_found": lambda: coapmsg.request(coapmsg.GET, "nosuch"),
    "pings": lambda: coapmsg.Message(coapmsg.CON),
    "acks": lambda: coapmsg.Message(coapmsg.ACK),
    "con_responses": lambda: coapmsg.Message(coapmsg.CON, 0x45, None, chance.token()),
}


@limit(600)
@cases(**FLOODS)
def test_ten_thousand_spoofed_peers(make):
    server, port = programs.server(SETUP)
    honest = net.RawPeer()

    def check_honest():
        answer = honest.ask(coapmsg.request(coapmsg.GET, "a"), ("127.0.0.1", port))
        # RFC 7252 section 5.2.2: whom an Empty ACK has promised a response keeps a place; who finds none is told so.
        busy = make is FLOODS["con_requests_never_answered"] and answer.dotted == "5.03"
        assert answer.payload == b"good" or busy, answer

    def flood(hosts):
        for number, host in enumerate(hosts):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                sock.bind((host, 0))
                sock.sendto(make().encode(), ("127.0.0.1", port))
            finally:
                sock.close()
            if number % 50 == 49:  # also keeps the receive buffer from overflowing
                check_honest()

    def used_once():
        check_honest()
        server.eval("overwrite_all_stack()")
        return server.eval("used()")

    def used():
        # The collector takes every word on the stack for a reference, also what earlier calls have left there:
        # only what it finds in use each time is held.
        return min(used_once() for _ in range(5))

    flood(spoofed(1000))
    before = used()
    received = server.stats()["received"]
    flood(spoofed(10000))
    after = used()
    assert server.stats()["received"] - received >= 10000, server.stats()
    assert after - before <= 256, (before, after)
    check_honest()


def answer_all(peer, count, seen):
    """Answers that many requests at once and notes (message id, token)."""
    for _ in range(count):
        request, address = peer.recv()
        seen.append((request.mid, request.token))
        peer.send(coapmsg.response(request, "2.05", b"x"), address)


def bits(values, width):
    """Share of ones, per bit."""
    return [sum(value >> bit & 1 for value in values) / len(values) for bit in range(width)]


@limit(600)
def test_ten_thousand_tokens_are_unpredictable():
    count, at_once = 10000, 50
    seen = []
    with net.RawPeer() as peer:
        agent = programs.client("ack_timeout=600000, nstart=%d" % at_once)
        agent.exec(
            "got = 0\n"
            "def count(packet, sender):\n"
            "    global got\n"
            "    got += 1\n"
            "coap.responseCallback = count\n"
        )
        for end in range(at_once, count + 1, at_once):
            agent.start(
                "for _ in range(%d):\n"
                "    coap.get('127.0.0.1', %d, 'a')\n"
                "while got < %d:\n"
                "    coap.poll(600000)\n" % (at_once, peer.port, end)
            )
            answer_all(peer, at_once, seen)
            agent.finish()
        assert agent.eval("got") == count
        peer.nothing()
    assert len({mid for mid, _ in seen}) == count, "a message id was used again"
    tokens = [token for _, token in seen]
    assert {len(token) for token in tokens} == {4}
    # Of 10,000 random 32-bit numbers 0.01 pairs are expected to be equal.
    assert len(set(tokens)) >= count - 2
    numbers = [int.from_bytes(token, "big") for token in tokens]
    # A fair bit deviates by more than 6 standard deviations (3 %) once in 10^9.
    assert all(0.47 < share < 0.53 for share in bits(numbers, 32)), bits(numbers, 32)
    steps = [(b - a) & 0xFFFFFFFF for a, b in zip(numbers, numbers[1:])]
    assert all(0.47 < share < 0.53 for share in bits(steps, 32)), bits(steps, 32)
    assert len(set(steps)) >= count - 3


def test_first_message_ids_of_many_endpoints_are_unpredictable():
    count = 500
    with net.RawPeer() as peer:
        agent = programs.Agent()
        agent.exec(
            "def first_messages(n, start, port):\n"
            "    for _ in range(n):\n"
            "        coap = microcoapy.Coap()\n"
            "        coap.start(start)\n"
            "        coap.getNonConf('127.0.0.1', port, 'a')\n"
            "        coap.stop()\n"
        )
        mids, tokens = [], []
        own = net.free_port()
        for _ in range(count // 50):
            agent.exec("first_messages(50, %d, %d)" % (own, peer.port))
            for _ in range(50):
                request, _ = peer.recv()
                mids.append(request.mid)
                tokens.append(request.token)
    assert len(set(tokens)) >= count - 1  # of 500 two or more pairs are equal once in 10^9
    # 500 of 65536: 1.9 equal pairs expected, 12 or more once in 10^6.
    assert len(set(mids)) >= count - 12, count - len(set(mids))
    assert all(0.36 < share < 0.64 for share in bits(mids, 16)), bits(mids, 16)  # 6 standard deviations
    steps = [(b - a) & 0xFFFF for a, b in zip(mids, mids[1:])]
    assert len(set(steps)) >= count - 13, "message ids follow each other"


class Mirror:
    """Makes two servers each other's peer: what one sends to it, the other gets from it. Can repeat datagrams."""

    def __init__(self, ports, copies=1):
        self.peers = [net.RawPeer() for _ in ports]
        self.ports = ports
        self.copies = copies
        self.seen = []

    def inject(self, to, data):
        """The server `to` gets it, as if from the other."""
        for _ in range(self.copies):
            self.peers[to].send(data, ("127.0.0.1", self.ports[to]))

    def carry(self, honest, at_most):
        """Carries over what they send until they fall silent; `honest` finds out when they have said all they had to."""
        while True:
            for port in self.ports:
                honest.nothing_but_pong(("127.0.0.1", port))
            found = [(number, data) for number, peer in enumerate(self.peers) for data in peer.waiting()]
            if not found:
                return
            for number, data in found:
                self.seen.append(data)
                self.inject(1 - number, data)
            assert len(self.seen) <= at_most, [data.hex() for data in self.seen]


@cases(once=1, everything_twice=2)
def test_two_servers_pointed_at_each_other_fall_silent(copies):
    servers = [programs.server(SETUP) for _ in range(2)]
    honest = net.RawPeer()
    mirror = Mirror([port for _, port in servers], copies)
    starts = [
        coapmsg.request(coapmsg.GET, "a").encode(),
        coapmsg.request(coapmsg.GET, "a", coapmsg.NON).encode(),
        coapmsg.request(coapmsg.GET, "nosuch").encode(),
        coapmsg.request(coapmsg.GET, "nosuch", coapmsg.NON).encode(),
        coapmsg.request(coapmsg.GET, "a", options=[(65001, b"")]).encode(),
        coapmsg.Message(coapmsg.CON).encode(),
        coapmsg.Message(coapmsg.RST).encode(),
        coapmsg.Message(coapmsg.ACK).encode(),
        coapmsg.Message(coapmsg.CON, 0x45, None, b"abcd").encode(),
        coapmsg.Message(coapmsg.NON, 0x45, None, b"abcd").encode(),
        coapmsg.Message(coapmsg.ACK, 0x45, None, b"abcd").encode(),
        coapmsg.Message(coapmsg.CON, 0x84, None, b"").encode(),
        b"\x4f\x01\x12\x34",
        b"\x5f\x01\x12\x34",
        b"\x40\xe1\x12\x34",
        b"\x50\xe1\x12\x34",
    ]
    for data in starts:
        del mirror.seen[:]
        mirror.inject(0, data)
        mirror.inject(1, data)
        mirror.carry(honest, 8 * copies)
        for server, _ in servers:
            assert server.stats()["transmissions_in_use"] == 0, "it would speak again"
    for _, port in servers:
        assert honest.ask(coapmsg.request(coapmsg.GET, "a"), ("127.0.0.1", port)).payload == b"good"


def test_random_datagrams():
    server, port = programs.server(SETUP)
    generator = chance.generator("datagrams")
    with net.RawPeer() as peer, net.RawPeer() as honest:
        for number in range(5000):
            length = generator.randrange(60)
            data = bytearray(generator.randbytes(length))
            if data and generator.random() < 0.8:
                data[0] = 0x40 | data[0] & 0x34  # mostly version 1 and a token of 0 or 4 bytes
            peer.send(bytes(data), ("127.0.0.1", port))
            if number % 50 == 49:  # also keeps the receive buffers from overflowing
                honest.nothing_but_pong(("127.0.0.1", port))
                peer.waiting()
        assert honest.ask(coapmsg.request(coapmsg.GET, "a"), ("127.0.0.1", port)).payload == b"good"
