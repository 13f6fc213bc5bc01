# SPDX-License-Identifier: MIT
"""Floods, guessing and loops: memory stays flat, ids cannot be predicted, nothing echoes for ever."""

import os
import random
import selectors
import socket
import threading
import time

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
"""


def spoofed(count, seed):
    """`count` distinct addresses of loopback to send from."""
    generator = random.Random(seed)
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
    "con_responses": lambda: coapmsg.Message(coapmsg.CON, 0x45, None, os.urandom(4)),
}


@limit(180)
@cases(**FLOODS)
def test_ten_thousand_spoofed_peers(make):
    server, port = programs.server(SETUP)
    honest = net.RawPeer()

    def check_honest():
        answer = honest.ask(coapmsg.request(coapmsg.GET, "a"), ("127.0.0.1", port))
        assert answer.payload == b"good", answer

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

    flood(spoofed(1000, 1))
    before = server.eval("used()")
    received = server.stats()["received"]
    flood(spoofed(10000, 2))
    after = server.eval("used()")
    assert server.stats()["received"] - received >= 10000, server.stats()
    assert after - before <= 256, (before, after)
    check_honest()


def echo_responses(peer, stop, seen):
    """Answers every request at once and notes (message id, token)."""
    peer.sock.settimeout(0.2)
    while not stop.is_set():
        try:
            data, address = peer.sock.recvfrom(2048)
        except socket.timeout:
            continue
        request = coapmsg.decode(data)
        seen.append((request.mid, request.token))
        peer.send(coapmsg.response(request, "2.05", b"x"), address)


def bits(values, width):
    """Share of ones, per bit."""
    return [sum(value >> bit & 1 for value in values) / len(values) for bit in range(width)]


@limit(180)
def test_ten_thousand_tokens_are_unpredictable():
    count = 10000
    seen, stop = [], threading.Event()
    with net.RawPeer() as peer:
        responder = threading.Thread(target=echo_responses, args=(peer, stop, seen))
        responder.start()
        try:
            agent = programs.client()
            agent.exec(
                "got = 0\n"
                "def count(packet, sender):\n"
                "    global got\n"
                "    got += 1\n"
                "coap.responseCallback = count\n"
                "for _ in range(%d):\n"
                "    coap.get('127.0.0.1', %d, 'a')\n"
                "    coap.poll(2000)\n" % (count, peer.port),
                timeout=150,
            )
            assert agent.eval("got") == count
        finally:
            stop.set()
            responder.join()
    assert len(seen) == count, len(seen)
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


@limit(120)
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
    assert len(set(tokens)) == count
    # 500 of 65536: 1.9 equal pairs expected, 12 or more once in 10^6.
    assert len(set(mids)) >= count - 12, count - len(set(mids))
    assert all(0.36 < share < 0.64 for share in bits(mids, 16)), bits(mids, 16)  # 6 standard deviations
    steps = [(b - a) & 0xFFFF for a, b in zip(mids, mids[1:])]
    assert len(set(steps)) >= count - 13, "message ids follow each other"


class Mirror:
    """Makes two servers each other's peer: what one sends to it, the other gets from it. Can repeat datagrams."""

    def __init__(self, ports, copies=1):
        self.socks = [net.RawPeer() for _ in ports]
        self.ports = ports
        self.copies = copies
        self.seen = []
        self.last = time.monotonic()
        self._stop = threading.Event()
        self._selector = selectors.DefaultSelector()
        for number, peer in enumerate(self.socks):
            self._selector.register(peer.sock, selectors.EVENT_READ, number)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.is_set():
            for key, _ in self._selector.select(0.05):
                data, _ = key.fileobj.recvfrom(2048)
                self.last = time.monotonic()
                self.seen.append(data)
                self.inject(1 - key.data, data)

    def inject(self, to, data):
        """The server `to` gets it, as if from the other."""
        for _ in range(self.copies):
            self.socks[to].send(data, ("127.0.0.1", self.ports[to]))

    def wait_silence(self, seconds=1.0, at_most=30):
        started = time.monotonic()
        self.last = started
        while time.monotonic() - self.last < seconds:
            assert time.monotonic() - started < at_most, self.seen[-10:]
            time.sleep(0.05)

    def close(self):
        self._stop.set()
        self._thread.join()
        for peer in self.socks:
            peer.close()


@cases(once=1, everything_twice=2)
def test_two_servers_pointed_at_each_other_fall_silent(copies):
    servers = [programs.server(SETUP) for _ in range(2)]
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
        mirror.wait_silence(0.3)
        assert len(mirror.seen) <= 8 * copies, (data.hex(), [d.hex() for d in mirror.seen])
    mirror.close()
    with net.RawPeer() as peer:
        for _, port in servers:
            assert peer.ask(coapmsg.request(coapmsg.GET, "a"), ("127.0.0.1", port)).payload == b"good"


@limit(120)
def test_random_datagrams():
    server, port = programs.server(SETUP)
    generator = random.Random(20240601)
    with net.RawPeer() as peer:
        for _ in range(5000):
            length = generator.randrange(60)
            data = bytearray(generator.randbytes(length))
            if data and generator.random() < 0.8:
                data[0] = 0x40 | data[0] & 0x34  # mostly version 1 and a token of 0 or 4 bytes
            peer.send(bytes(data), ("127.0.0.1", port))
            while peer.recv_bytes(0):
                pass
        peer.ping(("127.0.0.1", port))
        while peer.recv_bytes(0.1):
            pass
        assert peer.ask(coapmsg.request(coapmsg.GET, "a"), ("127.0.0.1", port)).payload == b"good"
