# SPDX-License-Identifier: MIT
# Runs under build/micropython: bytes of the heap for one of each, a line "WHAT: BYTES" for each.
import gc

import microcoapy

COUNT = 8
HOST = "coap://10.0.0.2/"
OBSERVE = b"\x60"  # Observe: 0


def request(number, path, options=b""):
    """A GET, each with its own message id and token."""
    delta = 11 - (6 if options else 0)
    return bytes((0x41, 1, 0, number, number)) + options + bytes((delta << 4 | len(path),)) + path


def peer(number):
    return ("10.0.1.%d" % number, 5683)


def taken(what, make, collected=False):
    """What COUNT calls take, and leave if collected."""
    made = [None] * COUNT
    arguments = list(range(COUNT))
    gc.collect()
    before = gc.mem_alloc()
    for number in arguments:
        made[number] = make(number)
    if collected:
        gc.collect()
    print("%s: %d" % (what, (gc.mem_alloc() - before) // COUNT))
    return made


def drain(coap):
    while coap.take():
        pass


def served(what, path, ids, options=b"", senders=None, collected=False):
    """Of datagrams that come to the server; their bytes are there before."""
    datagrams = [request(number, path, options) for number in ids]
    senders = senders or [peer(0)] * COUNT
    taken(what, lambda number: server.feed(datagrams[number], senders[number]), collected)
    drain(server)


gc.disable()
gc.collect()
before = gc.mem_alloc()
server = microcoapy.Coap()
gc.collect()
print("an endpoint: %d" % (gc.mem_alloc() - before))
client = microcoapy.Coap(nstart=2 * COUNT)
for coap in (server, client):
    coap.feed(b"", peer(0))  # from now on without a socket
server.resource("stored", value=b"22.5")
said = b"22.5"
server.resource("handler")(lambda request: said)
server.resource("observed", obs=True)(lambda request: said)
for number in range(1, 1 + COUNT):
    server.feed(request(number, b"handler"), peer(0))
drain(server)
served("a GET and its handler", b"handler", range(11, 11 + COUNT))
served("a GET of a stored value", b"stored", range(21, 21 + COUNT))
server.feed(request(41, b"handler"), peer(0))
served("a repetition", b"handler", [41] * COUNT)
served("an observer", b"observed", range(51, 51 + COUNT), OBSERVE, [peer(1 + n) for n in range(COUNT)], True)
client.get(HOST + "x")
client.stop()
client.feed(b"", peer(0))
taken("an exchange under way", lambda number: client.get(HOST + "x"))
client.stop()
client.feed(b"", peer(0))
taken("an observation", lambda number: client.observe(HOST + "x"))
print("ready")
