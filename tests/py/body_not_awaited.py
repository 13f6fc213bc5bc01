# An Exchange or an Observation is an iterator, for `await`: as a body it is refused, in an event loop too.
import asyncio

import microcoapy
from support import pair, raised

client, server, net = pair()
HOST = "coap://10.0.0.2/"


def pieces():
    yield b"a"
    yield None


async def main():
    for body in (client.get(HOST + "x"), client.observe(HOST + "x"), server.serve(), pieces()):
        print(raised(client.put, HOST + "y", body=body))


asyncio.run(main())
