# heapsize: 200k
# timeout: 60
# stderr: varies
# A heap that is full while exchanges, transfers and observations go on: MemoryError comes out of a call or out of an
# exchange, nothing breaks, nothing leaks, and afterwards everything works.
# needs: observe,block
import gc

import microcoapy
from support import QUICK, empty, fill, finish, pair, settle

ROUNDS = 40 if QUICK else 300
client, server, net = pair(ack_timeout=10, max_retransmit=10, max_latency=1, processing_delay=1, max_message=512, message_store=2048)
HOST = "coap://10.0.0.2/"
filling = [None] * 2500


class Sink:
    def write(self, data):
        pass


@server.resource("x", methods=("GET", "PUT"))
def x(request):
    return request.payload or "x"


@server.resource("long")
def long(request):
    for number in range(20):
        yield b"%d" % number * 50


server.resource("up", methods=("PUT",), into=lambda request: Sink())(lambda request: "up")
value = server.resource("value", obs=True)(lambda request: "v")


def attempt(call, *arguments):
    """What it returns; None for a MemoryError, which counts."""
    global raised
    try:
        return call(*arguments)
    except MemoryError:
        raised += 1


def begin(number):
    kind = number % 5
    if kind == 0:
        return client.get(HOST + "x")
    if kind == 1:
        return client.put(HOST + "x", b"y" * 300)
    if kind == 2:
        return client.get(HOST + "long", into=sink)
    if kind == 3:
        return client.put(HOST + "up", payload)
    return client.observe(HOST + "value")


def end(exchange):
    while not exchange.done():
        server.poll(0)
        client.poll(1)
    try:
        return exchange.wait()
    except (MemoryError, OSError) as error:
        failures[type(error).__name__] = failures.get(type(error).__name__, 0) + 1


payload = b"p" * 1500
sink = Sink()
raised = 0
failures = {}
good = 0
for number in range(ROUNDS):
    exchange = None
    early = number % 2
    if early:
        exchange = begin(number)
    fill(filling, number % 40 * 128)
    if not early:
        exchange = attempt(begin, number)
    for _ in range(4):
        attempt(server.poll, 0)
        attempt(value.notify)
        attempt(client.poll, 0)
    empty(filling)
    gc.collect()
    if exchange is not None:
        if number % 5 == 4:
            exchange.cancel()
        else:
            response = end(exchange)
            good += response is not None and response.ok
    settle(client, server)
empty(filling)
gc.collect()
print("MemoryError came out:", raised > 0, "some were answered:", good > 0)
print("failures were memory and what follows from it:", all(name in ("MemoryError", "OSError") for name in failures))
for method, path, data in (("GET", "x", b""), ("PUT", "x", payload), ("GET", "long", b""), ("PUT", "up", payload)):
    response = finish(client.request(method, HOST + path, data), client, server)
    print(response.ok, len(response.payload))
print(client.stats()["exchanges_in_use"], client.stats()["bodies_in_use"], client.stats()["observations_in_use"])
