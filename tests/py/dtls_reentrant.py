# needs: dtls,modern
# stderr: varies
# A socket of the program's own under DTLS: what it raises comes out where the endpoint was called, and what it does to the
# endpoint while mbedtls is at work does no harm.
import gc
import sys

import microcoapy
from dtls_net import IDENTITY, KEY, kinds
from support import Net, raised, told

net = Net()
hook = None


class Sock:
    """A socket in memory."""

    last = 40000

    def __init__(self, *args):
        self.inner = None

    def bind(self, address):
        port = address[1]
        if port == 0:
            port = Sock.last = Sock.last + 1
        self.inner = net.socket(("127.0.0.1", port))

    def setblocking(self, flag):
        pass

    def sendto(self, data, address):
        if hook is not None:
            hook(bytes(data))
        if address in net.waiting:
            self.inner.sendto(data, address)
        return len(data)

    def recvfrom(self, size):
        return self.inner.recvfrom(size)

    def close(self):
        pass


class Module:
    AF_INET, AF_INET6, SOCK_DGRAM = 2, 10, 1
    socket = Sock

    @staticmethod
    def getaddrinfo(host, port, *args):
        return [(2, 1, 0, "", (host, port))]


sys.modules["socket"] = Module
HOST = "coaps://127.0.0.1:5684/"
server = microcoapy.Coap()
server.resource("a", value=b"value")
server.start(dtls=microcoapy.Dtls(psks={IDENTITY: KEY}))
client = microcoapy.Coap()


def restart():
    client.stop()
    client.start(0, dtls=microcoapy.Dtls(psk_identity=IDENTITY, psk=KEY))


def ask(rounds=400):
    """The response, or what it raises; None: it is not over."""
    exchange = client.get(HOST + "a")
    for _ in range(rounds):
        if exchange.done():
            break
        server.poll(0)
        client.poll(0)
    try:
        return exchange.wait(0).text
    except OSError as error:
        return told(error)


restart()
print(ask())

# What a socket does while mbedtls sends by it: each of these in each datagram of a handshake and of what follows.
made = []


def collect():
    made.append(None)
    gc.collect()


DEEDS = {
    "stop": lambda: client.stop(),
    "restart": restart,
    "ask": lambda: made.append(client.get(HOST + "a")),
    "poll": lambda: (client.poll(0), server.poll(0)),
    "stop the server": lambda: (server.stop(), server.start(dtls=microcoapy.Dtls(psks={IDENTITY: KEY}))),
    "collect": collect,
}


def at(number, deed):
    """A hook that does it once, at the datagram with that number."""
    count = [0]

    def run(data):
        global hook
        count[0] += 1
        if count[0] == number:
            hook = None
            deed()

    return run


for name, deed in sorted(DEEDS.items()):
    failures = []
    for number in range(1, 9):
        restart()
        hook = at(number, deed)
        raised(ask, 40)
        hook = None
        del made[:]
        restart()
        again = ask()
        if again != "value":
            failures.append((number, again))
    print(name, failures)


class Stop(BaseException):
    pass


def interrupt():
    raise Stop()


print("-- exceptions")
for error in (OSError(5), ValueError("x")):

    def fail(data):
        raise error

    restart()
    hook = fail
    print(raised(client.get, HOST + "a")[:9])
    hook = None
caught = 0
for number in range(1, 9):
    restart()
    hook = at(number, interrupt)
    try:
        ask(40)
    except Stop:
        caught += 1
    hook = None
    restart()
    assert ask() == "value", number
print(caught)
gc.collect()
restart()
print(ask())
client.stop()
server.stop()
