# heapsize: 40k
# needs: block,observe
# An endpoint that talks to itself, in a heap of 40 KB. The collector runs in everything that calls the program: handlers,
# ETags, streams, generators, observers, callbacks, the methods of sockets. Nothing in use is collected, and the heap stays
# as it was.
import gc

import microcoapy
from collecting import Stream
from growing import growth

coap = microcoapy.Coap(max_message=256, message_store=2048)
waiting = []
LENGTH = 700


class Loop:
    def sendto(self, data, address):
        gc.collect()
        waiting.append((bytes(data), address))
        gc.collect()
        return len(data)

    def recvfrom(self, size):
        gc.collect()
        return waiting.pop(0) if waiting else None

    def setblocking(self, flag):
        gc.collect()


def etag(request):
    gc.collect()
    return b"e%d" % version


def get_value(request):
    gc.collect()
    return "value %d" % version


def give(request):
    for number in range(7):
        gc.collect()
        yield b"%100d" % number


def take(request):
    gc.collect()
    return "%d left" % request.body.left


def make_body(request):
    gc.collect()
    return Stream(LENGTH)


def on_notification(response):
    gc.collect()
    seen.append(response.payload)


def on_progress(done, total):
    gc.collect()


coap.setCustomSocket(Loop())
version = 0
seen = []
HOST = "coap://10.0.0.2:2/"
value = coap.resource("value", obs=True, etag=etag)(get_value)
coap.resource("body", methods=("GET",))(lambda request: Stream(LENGTH))
coap.resource("given")(give)
coap.resource("taken", methods=("PUT",), into=make_body)(take)


def run():
    while coap.poll(0) or waiting:
        pass


def answer(exchange):
    while not exchange.done():
        run()
    return exchange.wait(0)


def work():
    global version
    version += 1
    value.notify()
    run()
    assert seen.pop() == b"value %d" % version and not seen
    r = answer(coap.get(HOST + "value", etag=b"e%d" % version))
    assert r.code == 0x43, r
    target = Stream(LENGTH)
    r = answer(coap.get(HOST + "body", into=target, progress=on_progress))
    assert r.ok and target.left == 0
    r = answer(coap.get(HOST + "given"))
    assert r.payload == b"".join([b"%100d" % number for number in range(7)])
    r = answer(coap.put(HOST + "taken", body=Stream(LENGTH), progress=on_progress))
    assert r.text == "0 left", r


observation = coap.observe(HOST + "value", callback=on_notification)
run()
assert seen.pop() == b"value 0"
print("grown", growth(work), gc.mem_free() + gc.mem_alloc() <= 40 * 1024)
observation.cancel()
run()
print(coap.stats()["exchanges_in_use"], coap.stats()["observers_in_use"])
