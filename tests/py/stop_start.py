# timeout: 120
# stop() and start() 10,000 times, with requests under way and without: no descriptor is left open, and the heap stays
# where it was.
# needs: observe
import os

import microcoapy
from growing import growth
from support import QUICK, ports

ROUNDS = 50 if QUICK else 500
one, two = ports(2)
URI = "coap://127.0.0.1:%d/a" % one
server = microcoapy.Coap(one)
client = microcoapy.Coap(two)
server.resource("a", obs=True)(lambda request: "a")
cancelled = 0


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def idle():
    """Nothing is asked."""
    for _ in range(ROUNDS):
        client.start()
        client.start()
        client.stop()
        client.stop()


def busy():
    """A request and an observation are under way when either side stops."""
    global cancelled
    for _ in range(ROUNDS):
        server.start()
        client.start()
        exchange = client.get(URI)
        observation = client.observe(URI)
        server.poll(0)
        client.stop()
        server.stop()
        try:
            exchange.wait()
        except OSError:
            cancelled += 1
        assert observation.done()


def contexts():
    for _ in range(ROUNDS):
        with microcoapy.Coap():
            pass


def refused():
    """start() fails: another endpoint has the port."""
    for _ in range(ROUNDS):
        try:
            client.start(one)
            print("bound twice")
        except OSError:
            pass


before = descriptors()
for work in (idle, busy, contexts):
    print(work.__name__, "heap grew by", growth(work, 2), "descriptors", descriptors() - before)
print("ended by stop():", cancelled == 7 * ROUNDS)
server.start()
print("refused", "heap grew by", growth(refused, 2), "descriptors", descriptors() - before - 1)
client.start()
exchange = client.get(URI)
while not exchange.done():
    server.poll(0)
    client.poll(1)
print(exchange.wait().payload)
