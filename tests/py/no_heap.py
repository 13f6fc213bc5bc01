# What a server takes of the heap for each datagram, without the collector.
# needs: block,observe
import gc
import sys

import microcoapy

ADDRESS = ("10.0.0.1", 5683)
COUNT = 3
WORD = 4 if sys.maxsize < 1 << 32 else 8
REQUEST, PAYLOAD = 32 * WORD, 8 * WORD  # what a handler gets: 128 bytes on a board, and its payload

server = microcoapy.Coap()
server.feed(b"", ADDRESS)  # from now on without a socket
server.resource("stored", value=b"22.5", obs=True)
said = b"on"


@server.resource("handler", methods=("GET", "PUT"))
def handler(request):
    return said


def request(mid, path, code=1, payload=b""):
    return bytes((0x41, code, mid >> 8, mid & 255, mid & 255, 0xB0 | len(path))) + path + payload


def cost(name, datagrams, most=0):
    """Of each: the most of all, as the first ones may make room for later."""
    while server.take():
        pass
    gc.collect()
    before = gc.mem_alloc()
    for datagram in datagrams:
        server.feed(datagram, ADDRESS)
    taken = gc.mem_alloc() - before
    answers = 0
    while server.take():
        answers += 1
    print(name, answers, taken <= most * len(datagrams) or taken)


gc.disable()
mids = iter(range(1, 1000))


def fresh(path, **settings):
    return [request(next(mids), path, **settings) for _ in range(COUNT)]


again = request(next(mids), b"handler")
server.feed(again, ADDRESS)
cost("repetition", [again] * COUNT)
cost("ping", [bytes((0x40, 0, 0, n)) for n in range(COUNT)])
cost("reset", [bytes((0x70, 0, 0, n)) for n in range(COUNT)])
cost("stored", fresh(b"stored"))
cost("unknown path", fresh(b"nowhere"))
cost("wrong method", fresh(b"stored", code=3))
cost("garbage", [b"\x40\x01", b"\xff" * 9, b""])
cost("handler", fresh(b"handler"), REQUEST)
cost("handler with payload", fresh(b"handler", code=3, payload=b"\xffoff"), REQUEST + PAYLOAD)
