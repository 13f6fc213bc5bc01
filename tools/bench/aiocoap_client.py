# SPDX-License-Identifier: MIT
"""aiocoap's client; as client.py. Usage: aiocoap_client.py SMALL_URI LARGE_URI"""

import asyncio
import sys

import aiocoap
from work import SMALL, large

LARGE = large()
_, small_uri, large_uri = sys.argv


async def ask(context, code, uri, payload=b""):
    return await context.request(aiocoap.Message(code=code, uri=uri, payload=payload)).response


async def get_in_turn(context, count):
    for _ in range(count):
        assert (await ask(context, aiocoap.GET, small_uri)).payload == SMALL


async def get(context, count, window):
    await asyncio.gather(*[get_in_turn(context, count // window) for _ in range(window)])


async def download(context):
    assert (await ask(context, aiocoap.GET, large_uri)).payload == LARGE


async def upload(context):
    assert (await ask(context, aiocoap.PUT, large_uri, LARGE)).code.is_successful()


async def main():
    context = await aiocoap.Context.create_client_context(transports=["udp6"])
    print("ready", flush=True)
    for line in sys.stdin:
        word, *count = line.split()
        await {"get": get, "download": download, "upload": upload}[word](context, *map(int, count))
        print("done", flush=True)


asyncio.run(main())
