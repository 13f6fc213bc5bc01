# SPDX-License-Identifier: MIT
"""Raw UDP peers, free ports, and a lossy proxy that records every datagram."""

import collections
import selectors
import socket
import struct
import threading
import time

import chance
import coapmsg
from runner.ports import free as free_port

# Seconds until a wait ends that no test ever waits out: more than a busy machine makes of it.
PATIENCE = 60.0

SO_TIMESTAMPNS = 35  # Linux; Python's socket module does not name it


def bound(address):
    """A UDP socket that says when a datagram came."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.bind(address)
    return sock


def receive(sock):
    """(bytes, sender, time) of the next datagram.

    The time is when the kernel got it, on the clock of time.monotonic(): that this process was scheduled late does not
    show.
    """
    data, ancillary, _, sender = sock.recvmsg(65536, 64)
    seconds, nanoseconds = struct.unpack("@qq", ancillary[0][2][:16])
    return data, sender, seconds + nanoseconds / 1e9 - time.time() + time.monotonic()


class RawPeer:
    """A UDP socket on loopback that speaks in messages, or in bytes where they are wrong."""

    def __init__(self, host="127.0.0.1", port=None):
        self.sock = bound((host, port or free_port(host)))
        self.host, self.port = self.sock.getsockname()
        self.address = (self.host, self.port)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, message, address):
        data = message if isinstance(message, (bytes, bytearray)) else message.encode()
        self.sock.sendto(data, address)

    def recv_bytes(self, timeout=PATIENCE):
        """(bytes, address, time) of the next datagram, or None when nothing comes in `timeout` seconds."""
        self.sock.settimeout(timeout)
        try:
            return receive(self.sock)
        except (socket.timeout, BlockingIOError):
            return None

    def recv(self, timeout=PATIENCE):
        """The next message and its sender; AssertionError when none comes."""
        got = self.recv_bytes(timeout)
        assert got is not None, "no datagram within %.1f s" % timeout
        return coapmsg.decode(got[0]), got[1]

    def waiting(self):
        """The datagrams that have come, as bytes."""
        found = []
        while (got := self.recv_bytes(0)) is not None:
            found.append(got[0])
        return found

    def nothing(self):
        """Asserts that nothing has come. What could have sent something must be past it: an agent that has answered a
        command since, a program that has ended."""
        found = self.waiting()
        assert not found, "unexpected: %r" % [describe(data) for data in found]

    def until_pong(self, address):
        """Pings and returns, as bytes, what comes from there before the RST: what it had to say about all sent so far."""
        ping = coapmsg.Message(coapmsg.CON)
        self.send(ping, address)
        found = []
        while True:
            data, sender = self.recv_bytes_or_fail()
            if data == coapmsg.Message(coapmsg.RST, mid=ping.mid).encode() and sender == address:
                return found
            found.append(data)

    def recv_bytes_or_fail(self):
        """(bytes, address) of the next datagram; AssertionError when none comes."""
        got = self.recv_bytes()
        assert got is not None, "no datagram within %.1f s" % PATIENCE
        return got[:2]

    def nothing_but_pong(self, address):
        """Pings; asserts that nothing but the RST comes."""
        found = self.until_pong(address)
        assert not found, "unexpected: %r" % [describe(data) for data in found]

    def ask(self, message, address, timeout=PATIENCE):
        """Sends and returns the next message from that address."""
        self.send(message, address)
        answer, sender = self.recv(timeout)
        assert sender == address, (sender, address)
        return answer


def describe(data):
    """A datagram for a person."""
    try:
        return coapmsg.decode(data)
    except coapmsg.FormatError:
        return data.hex()


def wait_until_up(address, every=0.1):
    """Pings, each time anew, until the server there answers."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with RawPeer() as peer:
            ping = coapmsg.Message(coapmsg.CON)
            peer.send(ping, address)
            got = peer.recv_bytes(every)
            if got and got[0] == coapmsg.Message(coapmsg.RST, mid=ping.mid).encode():
                return
    raise AssertionError("no answer to ping from %s:%d" % address)


class Datagram:
    """One datagram the proxy saw: `to_server` tells its way, `dropped` its fate."""

    def __init__(self, data, to_server, index, when):
        self.time = when
        self.data = data
        self.to_server = to_server
        self.index = index  # counts per direction, from 0
        self.dropped = False
        try:
            self.message = coapmsg.decode(data)
        except coapmsg.FormatError as error:
            self.message = None
            self.fault = str(error)

    def __repr__(self):
        way = "->" if self.to_server else "<-"
        return "%s%s %s" % (way, " (dropped)" if self.dropped else "", self.message or self.data.hex())


class Proxy:
    """Sits between clients and one server, records, and drops, duplicates or holds back datagrams.

    `rule(datagram)` returns the delays in seconds after which copies go on: [] drops, [0] passes,
    [0, 0] duplicates, [0.05] lets later ones overtake. Each client gets an upstream port of its own.
    """

    def __init__(self, server, rule=None, server_host="127.0.0.1"):
        self.server = (server_host, server)
        self.rule = rule or (lambda datagram: [0])
        self.records = []
        self._clients = {}
        self._held = []
        self._counts = [0, 0]
        self._lock = threading.Condition()
        self._selector = selectors.DefaultSelector()
        self._listen = self._socket()
        self.port = self._listen.getsockname()[1]
        self._wake, self._wake_far = socket.socketpair()
        self._selector.register(self._wake_far, selectors.EVENT_READ, None)
        self._selector.register(self._listen, selectors.EVENT_READ, None)
        self._closing = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _socket(self):
        sock = bound(("127.0.0.1", free_port()))
        sock.setblocking(False)
        return sock

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is not None:
            error.add_note("the proxy's last datagrams: %r" % self.records[-20:])
        self.close()

    def close(self):
        self._closing = True
        self._wake.send(b"x")
        self._thread.join()
        for sock in [self._listen, self._wake, self._wake_far, *self._clients.values()]:
            sock.close()
        self._selector.close()

    def _run(self):
        while not self._closing:
            now = time.monotonic()
            due = [held for held in self._held if held[0] <= now]
            self._held = [held for held in self._held if held[0] > now]
            for _, send in due:
                send()
            wait = min((held[0] for held in self._held), default=now + 3600) - now
            for key, _ in self._selector.select(max(wait, 0)):
                self._readable(key.fileobj, key.data)

    def _readable(self, sock, client):
        if sock is self._wake_far:
            sock.recv(16)
            return
        try:
            data, sender, when = receive(sock)
        except OSError:
            return  # an ICMP error of an earlier send
        to_server = client is None
        if to_server:
            upstream = self._clients.get(sender)
            if upstream is None:
                upstream = self._clients[sender] = self._socket()
                self._selector.register(upstream, selectors.EVENT_READ, sender)
            self._handle(data, True, when, lambda: self._send(upstream, data, self.server))
        else:
            self._handle(data, False, when, lambda: self._send(self._listen, data, client))

    @staticmethod
    def _send(sock, data, address):
        try:
            sock.sendto(data, address)
        except OSError:
            pass

    def _handle(self, data, to_server, when, send):
        index = self._counts[to_server]
        self._counts[to_server] += 1
        datagram = Datagram(data, to_server, index, when)
        delays = self.rule(datagram)
        datagram.dropped = not delays
        with self._lock:  # before it is sent: who has got it finds it recorded
            self.records.append(datagram)
            self._lock.notify_all()
        for delay in delays:
            if delay <= 0:
                send()
            else:
                self._held.append((time.monotonic() + delay, send))

    def wait_for(self, condition, timeout=PATIENCE):
        """Waits until condition(records) is true; its value."""
        deadline = time.monotonic() + timeout
        with self._lock:
            while True:
                value = condition(self.records)
                if value:
                    return value
                if not self._lock.wait(deadline - time.monotonic()):
                    raise AssertionError("condition not met; recorded: %r" % self.records)

    def requests(self):
        return [d.message for d in self.records if d.to_server]

    def responses(self):
        return [d.message for d in self.records if not d.to_server]


def lossy(loss=0.3, duplicate=0.1, reorder=0.1, late=0.05, name=""):
    """A rule that drops, duplicates and delays by chance: the test's own, and the `name`'s where it has several proxies.

    What happens to the Nth datagram of a direction does not depend on the other one, nor on when it comes. No message is
    lost more than twice: four retransmissions are enough for whoever waits long enough for each.
    """
    times_lost = collections.Counter()
    generators = [chance.generator("proxy %s %d" % (name, direction)) for direction in (0, 1)]

    def rule(datagram):
        lost, overtaken, copied, copy_late = (generators[datagram.to_server].random() for _ in range(4))
        key = datagram.to_server, datagram.data[:4]  # type, code, message id
        if lost < loss and times_lost[key] < 2:
            times_lost[key] += 1
            return []
        delays = [late if overtaken < reorder else 0]
        if copied < duplicate:
            delays.append(late if copy_late < 0.5 else 0)
        return delays

    return rule


def drop(to_server, *indexes):
    """A rule that drops the datagrams with these numbers in that direction."""
    return lambda datagram: [] if datagram.to_server == to_server and datagram.index in indexes else [0]
