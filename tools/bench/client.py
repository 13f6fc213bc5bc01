# SPDX-License-Identifier: MIT
# Runs under build/micropython: our client. Usage: client.py poll|asyncio SMALL_URI LARGE_URI
# Each line of standard input, "get N WINDOW", "download" or "upload", is answered by "done".
import asyncio
import sys

import microcoapy
from work import BLOCK, SIZE, SMALL, large

LARGE = large()
_, loop, small_uri, large_uri = sys.argv
coap = microcoapy.Coap(max_body=SIZE, nstart=16)
coap.start(0)


def get(count, window):
    under_way = []
    for _ in range(count):
        if len(under_way) == window:
            assert under_way.pop(0).wait().payload == SMALL
        under_way.append(coap.get(small_uri))
    for exchange in under_way:
        assert exchange.wait().payload == SMALL


def download():
    assert coap.get(large_uri, block_size=BLOCK).wait().payload == LARGE


def upload():
    assert coap.put(large_uri, LARGE, block_size=BLOCK).wait().ok


async def get_in_turn(count):
    for _ in range(count):
        assert (await coap.get(small_uri)).payload == SMALL


async def get_async(count, window):
    await asyncio.gather(*[get_in_turn(count // window) for _ in range(window)])


async def download_async():
    assert (await coap.get(large_uri, block_size=BLOCK)).payload == LARGE


async def upload_async():
    assert (await coap.put(large_uri, LARGE, block_size=BLOCK)).ok


blocking = {"get": get, "download": download, "upload": upload}
awaiting = {"get": get_async, "download": download_async, "upload": upload_async}

print("ready")
for line in sys.stdin:
    word, *count = line.split()
    if loop == "asyncio":
        asyncio.run(awaiting[word](*map(int, count)))
    else:
        blocking[word](*map(int, count))
    print("done")
