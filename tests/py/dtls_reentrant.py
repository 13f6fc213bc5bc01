# needs: dtls,modern
# stderr: varies
# A socket of the program's own under DTLS: what it raises comes out where the endpoint was called, and what it does to the
# endpoint while mbedtls is at work does no harm.
import gc

import microcoapy
from dtls_net import IDENTITY, KEY
from memory_socket import Sock
from support import raised, told

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
        count[0] += 1
        if count[0] == number:
            Sock.hook = None
            deed()

    return run


for name, deed in sorted(DEEDS.items()):
    failures = []
    for number in range(1, 9):
        restart()
        Sock.hook = at(number, deed)
        raised(ask, 40)
        Sock.hook = None
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
    Sock.hook = fail
    print(raised(client.get, HOST + "a")[:9])
    Sock.hook = None
caught = 0
for number in range(1, 9):
    restart()
    Sock.hook = at(number, interrupt)
    try:
        ask(40)
    except Stop:
        caught += 1
    Sock.hook = None
    restart()
    assert ask() == "value", number
print(caught)
gc.collect()
restart()
print(ask())
client.stop()
server.stop()
