# What the tests of DTLS share; no test itself: endpoints on 127.0.0.1, and who stands between them.
import socket
import time

import microcoapy
from support import told

IDENTITY, KEY = b"device 1", b"a key of 16 byte"
LIMIT_MS = 100000  # a handshake repeats its flights after 2, 4, 8 ... seconds


def address(port):
    return socket.getaddrinfo("127.0.0.1", port)[0][-1]


def bound(port=0):
    """A socket that does not block."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(address(port))
    sock.setblocking(False)
    return sock


def received(sock):
    """(data, sender), or None."""
    try:
        return sock.recvfrom(2000)
    except OSError:
        return None


def ours(**keywords):
    return microcoapy.Dtls(psk_identity=IDENTITY, psk=KEY, **keywords)


def served(port, dtls, **parameters):
    """A server with /hello, which names the client, and /long."""
    server = microcoapy.Coap(port, **parameters)

    @server.resource("hello")
    def hello(request):
        return "hello " + request.sender[0]

    @server.resource("long", methods=("GET", "PUT"))
    def long(request):
        return "%d" % len(request.payload) if request.payload else b"x" * 5000

    server.start(dtls=dtls)
    return server


def client_of(dtls, **parameters):
    client = microcoapy.Coap(**parameters)
    client.start(0, dtls=dtls)
    return client


def run(exchange, *turns):
    """Gives everybody their turn until the exchange is over: the response, or what it raises."""
    start = time.ticks_ms()
    while not exchange.done() and time.ticks_diff(time.ticks_ms(), start) < LIMIT_MS:
        for turn in turns:
            turn()
    try:
        return exchange.wait(0)
    except OSError as error:
        return told(error)


def text(response):
    """Of what run() gives."""
    return response if isinstance(response, str) else response.text


class Chance:
    """Numbers below a limit, the same for the same seed."""

    def __init__(self, seed):
        self.state = seed

    def __call__(self, below):
        self.state = (self.state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self.state >> 16) % below


def turn(*coaps):
    """A turn of each of them; it does not wait for long."""

    def take():
        for coap in coaps:
            coap.poll(1)

    return take


class Middle:
    """Carries datagrams between a server and whoever sends to it; `passes(data, to_server)` says which. `log` has all."""

    def __init__(self, port, server_port, passes=None):
        self.front = bound(port)
        self.back = bound()
        self.server = address(server_port)
        self.client = None
        self.passes = passes or (lambda data, to_server: True)
        self.log = []

    def _carry(self, source, to_server):
        got = received(source)
        while got:
            if to_server:
                self.client = got[1]
            self.log.append((to_server, got[0]))
            if self.passes(got[0], to_server):
                (self.back if to_server else self.front).sendto(got[0], self.server if to_server else self.client)
            got = received(source)

    def turn(self):
        self._carry(self.front, True)
        self._carry(self.back, False)

    def close(self):
        self.front.close()
        self.back.close()


HANDSHAKE = 22
SERVER_HELLO_DONE = 14


def kinds(log):
    """What of a handshake went over the wire: the types of its messages as long as they are readable."""
    found = []
    for _, data in log:
        at = 0
        while at + 13 < len(data):
            if data[at] == HANDSHAKE and data[at + 3 : at + 5] == b"\0\0":
                found.append(data[at + 13])
            at += 13 + (data[at + 11] << 8 | data[at + 12])
    return found
