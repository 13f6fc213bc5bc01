# SPDX-License-Identifier: MIT
# Runs under build/micropython: our server, which tells what it takes of the heap. Usage: heap.py PORT
# /small answers a few bytes, /stream sends and takes 1 MB without keeping it, /most: the most bytes of heap at any time
# since it was asked last, of the endpoint with all that its handlers and bodies take.
import gc
import sys

import microcoapy
from work import SIZE, SMALL, large


def heap():
    gc.collect()
    return gc.mem_alloc()


def sample():
    global most
    most = max(most, heap() - before)


class Stream:
    def __init__(self):
        self.at = 0

    def readinto(self, buffer):
        sample()
        count = min(len(buffer), SIZE - self.at)
        buffer[:count] = view[self.at : self.at + count]
        self.at += count
        return count

    def write(self, data):
        sample()
        self.at += len(data)
        return len(data)


view = memoryview(large())
most = 0
before = heap()
coap = microcoapy.Coap(int(sys.argv[1]))


@coap.resource("small")
def small(request):
    sample()
    return SMALL


@coap.resource("stream", methods=("GET", "PUT"), into=lambda request: Stream())
def stream(request):
    if request.code == microcoapy.COAP_METHOD.COAP_GET:
        return Stream()
    assert request.body.at == SIZE


@coap.resource("most")
def tell(request):
    global most
    told, most = most, 0
    return str(told)


coap.start()
print("ready")
while True:
    coap.loop()
