# SPDX-License-Identifier: MIT
"""Raw UDP peers, free ports, and a lossy proxy that records every datagram."""

import random
import selectors
import socket
import struct
import threading
import time

import coapmsg

_given_ports = set()

SO_TIMESTAMPNS = 35  # Linux; Python's socket module does not name it


def free_port(host="127.0.0.1"):
    """A UDP and TCP port nobody has bound, outside the kernel's ephemeral range and never given twice."""
    while True:
        port = random.randrange(20000, 32000)
        if port in _given_ports:
            continue
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            udp.bind((host, port))
            tcp.bind((host, port))
        except OSError:
            continue
        finally:
            udp.close()
            tcp.close()
        _given_ports.add(port)
        return port


class RawPeer:
    """A UDP socket on loopback that speaks in messages, or in bytes where they are wrong."""

    def __init__(self, host="127.0.0.1", port=0):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.sock.bind((host, port))
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

    def recv_bytes(self, timeout=5.0):
        """(bytes, address, time) of the next datagram, or None when nothing comes in `timeout` seconds.

        The time is when the kernel got it, on the clock of time.monotonic(): that this process was
        scheduled late does not show.
        """
        self.sock.settimeout(timeout)
        try:
            data, ancillary, _, address = self.sock.recvmsg(65536, 64)
        except (socket.timeout, BlockingIOError):
            return None
        seconds, nanoseconds = struct.unpack("@qq", ancillary[0][2][:16])
        return data, address, seconds + nanoseconds / 1e9 - time.time() + time.monotonic()

    def recv(self, timeout=5.0):
        """The next message and its sender; AssertionError when none comes."""
        got = self.recv_bytes(timeout)
        assert got is not None, "no datagram within %.1f s" % timeout
        return coapmsg.decode(got[0]), got[1]

    def silent(self, seconds):
        """Asserts that nothing arrives for that long."""
        got = self.recv_bytes(seconds)
        assert got is None, "unexpected datagram %r" % (coapmsg.decode(got[0]),)

    def ask(self, message, address, timeout=5.0):
        """Sends and returns the next message from that address."""
        self.send(message, address)
        answer, sender = self.recv(timeout)
        assert sender == address, (sender, address)
        return answer

    def ping(self, address, timeout=5.0, tries=50):
        """Pings until the RST comes back: the peer is up. The message id of the last try."""
        for _ in range(tries):
            ping = coapmsg.Message(coapmsg.CON)
            self.send(ping, address)
            got = self.recv_bytes(timeout / tries)
            while got:  # anything else is left from before
                if got[0] == bytes([0x70, 0, ping.mid >> 8, ping.mid & 255]):
                    return ping.mid
                got = self.recv_bytes(timeout / tries)
        raise AssertionError("no answer to ping from %s:%d" % address)


class Datagram:
    """One datagram the proxy saw: `to_server` tells its way, `dropped` its fate."""

    def __init__(self, data, to_server, index):
        self.time = time.monotonic()
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
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
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
            data, sender = sock.recvfrom(65536)
        except OSError:
            return  # an ICMP error of an earlier send
        to_server = client is None
        if to_server:
            upstream = self._clients.get(sender)
            if upstream is None:
                upstream = self._clients[sender] = self._socket()
                self._selector.register(upstream, selectors.EVENT_READ, sender)
            self._handle(data, True, lambda: self._send(upstream, data, self.server))
        else:
            self._handle(data, False, lambda: self._send(self._listen, data, client))

    @staticmethod
    def _send(sock, data, address):
        try:
            sock.sendto(data, address)
        except OSError:
            pass

    def _handle(self, data, to_server, send):
        index = self._counts[to_server]
        self._counts[to_server] += 1
        datagram = Datagram(data, to_server, index)
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

    def wait_for(self, condition, timeout=10.0):
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


def lossy(seed, loss=0.3, duplicate=0.1, reorder=0.1, late=0.05):
    """A rule that drops, duplicates and delays by a seeded random number."""
    generator = random.Random(seed)

    def rule(datagram):
        if generator.random() < loss:
            return []
        delays = [late if generator.random() < reorder else 0]
        if generator.random() < duplicate:
            delays.append(late if generator.random() < 0.5 else 0)
        return delays

    return rule


def drop(to_server, *indexes):
    """A rule that drops the datagrams with these numbers in that direction."""
    return lambda datagram: [] if datagram.to_server == to_server and datagram.index in indexes else [0]
