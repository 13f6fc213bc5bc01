# Importing costs no Python heap, nor does looking its names up; an endpoint is one object and its state.
import gc

before = after = one = started = stopped = small = 0  # names, so that the dictionary of globals does not grow
microcoapy = Coap = CoapPacket = coap = used = None
gc.collect()
before = gc.mem_alloc()
import microcoapy

after = gc.mem_alloc()
print("import", after - before)

before = gc.mem_alloc()
import microcoapy

microcoapy.Coap
microcoapy.COAP_TYPE.COAP_CON
microcoapy.COAP_RESPONSE_CODE.COAP_CONTENT
microcoapy.CoapResponseCode
microcoapy.__version__
after = gc.mem_alloc()
print("lookup", after - before)

before = gc.mem_alloc()
import microcoapy.microcoapy
from microcoapy import Coap, CoapPacket

gc.collect()  # the dotted name while it was looked up
after = gc.mem_alloc()
print("other forms", after - before)


def used():
    gc.collect()
    return gc.mem_alloc()


# after Coap() and start(): the object and its state
before = used()
coap = Coap()
one = used() - before
coap.start(0)
started = used() - before
print("Coap() is bounded:", 0 < one < 65536, "start adds little:", started - one <= 512)
coap.stop()
stopped = used() - before
print("stop gives the socket back:", stopped <= one + 64)
for _ in range(20):
    coap.start(0)
    coap.stop()
print("start and stop again:", used() - before - stopped)

# dropped objects are collected, sockets with them (one may still be named by a stale word of the stack,
# and what its start() looked up)
coap = None
before = used()
for _ in range(50):
    coap = Coap()
    coap.start(0)
    if _ % 2:
        coap.stop()
coap = None
print("dropped:", used() - before <= started + 1024)

# smaller parameters make a smaller object
gc.collect()
before = gc.mem_alloc()
coap = Coap(max_message=128, message_store=512)
small = gc.mem_alloc() - before
print("smaller:", small < one)

# what idling costs: a range object for each loop here, and nothing for a poll
coap.start(0)
gc.collect()
gc.disable()
before = gc.mem_alloc()
for _ in range(500):
    coap.poll(-1)
for _ in range(5):
    coap.poll(2)
print("idle:", gc.mem_alloc() - before <= 128)
gc.enable()
coap.stop()
