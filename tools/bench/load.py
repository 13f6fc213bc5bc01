# SPDX-License-Identifier: MIT
"""The client that all servers are measured with: raw UDP, one source port per Load, no message id twice from it
(RFC 7252 section 4.4). Every answer is checked; a wrong one, or none in time, is an AssertionError."""

import itertools
import os
import socket
import struct

import coapmsg
from work import BLOCK, PATH

TIMEOUT = 20.0  # valgrind, on a busy machine
LAST = (coapmsg.code("2.01"), coapmsg.code("2.04"))


class Load:
    """`asleep`: a process, the server, that each datagram must find asleep; so it does the same in each run."""

    def __init__(self, port, asleep=None):
        self.state = asleep and open("/proc/%d/stat" % asleep, "rb")
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(TIMEOUT)
        self.sock.connect(("127.0.0.1", port))
        self.mids = iter(range(1, 1 << 16))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sock.close()
        if self.state:
            self.state.close()

    def send(self, data):
        while self.state and os.pread(self.state.fileno(), 1000, 0).rpartition(b") ")[2][:1] != b"S":
            os.sched_yield()
        self.sock.send(data)

    def receive(self):
        try:
            return self.sock.recv(2048)
        except TimeoutError:
            raise AssertionError("no answer within %.0f s" % TIMEOUT) from None

    def gets(self, count, payload, path=PATH):
        """Confirmable GETs, one after the other."""
        options = coapmsg.Message(options=coapmsg.uri_path(path)).encode()[4:]
        mids = list(itertools.islice(self.mids, count))
        assert len(mids) == count, "out of message ids"
        for mid in mids:
            ids = struct.pack(">HI", mid, mid * 0x10001)
            self.send(b"\x44\x01" + ids + options)
            answer = self.receive()
            good = answer[:2] == b"\x64\x45" and answer[2:8] == ids and answer.endswith(b"\xff" + payload)
            assert good, "wrong answer %r" % answer

    def ask(self, method, path=PATH, options=(), payload=b"", token=b"load"):
        """A confirmable request and its piggybacked response."""
        mid = next(self.mids)
        self.send(coapmsg.request(method, path, coapmsg.CON, token, options, payload, mid).encode())
        answer = coapmsg.decode(self.receive())
        assert (answer.mtype, answer.mid, answer.token) == (coapmsg.ACK, mid, token), answer
        return answer

    def observe(self, payload):
        """Registers, RFC 7641 section 4.1."""
        answer = self.ask(coapmsg.GET, options=[(coapmsg.OBSERVE, b"")])
        good = answer.uint(coapmsg.OBSERVE) is not None and answer.payload == payload
        assert good, answer

    def take_notification(self, payload):
        """A confirmable notification, and its ACK."""
        notification = coapmsg.decode(self.receive())
        good = notification.mtype == coapmsg.CON and notification.payload == payload
        assert good and notification.uint(coapmsg.OBSERVE), notification
        self.send(coapmsg.Message(coapmsg.ACK, mid=notification.mid).encode())

    def put(self, payload):
        answer = self.ask(coapmsg.PUT, payload=payload)
        assert answer.code in LAST, answer

    def upload(self, body, path=PATH):
        """PUT with Block1, RFC 7959 section 2.3."""
        for at in range(0, len(body), BLOCK):
            more = at + BLOCK < len(body)
            value = at // BLOCK << 4 | more << 3 | 6
            answer = self.ask(coapmsg.PUT, path, [(coapmsg.BLOCK1, coapmsg.uint(value))], body[at : at + BLOCK])
            assert answer.code in ((coapmsg.code("2.31"),) if more else LAST), answer

    def download(self, body, path=PATH):
        """GET with Block2, RFC 7959 section 2.4; it must be this body."""
        for at in range(0, len(body), BLOCK):
            value = at // BLOCK << 4 | 6
            answer = self.ask(coapmsg.GET, path, [(coapmsg.BLOCK2, coapmsg.uint(value))])
            assert answer.code == coapmsg.code("2.05"), answer
            assert answer.uint(coapmsg.BLOCK2) == value | (at + BLOCK < len(body)) << 3, answer
            assert answer.payload == body[at : at + BLOCK], "block %d is wrong" % (at // BLOCK)
