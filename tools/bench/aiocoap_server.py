# SPDX-License-Identifier: MIT
"""aiocoap's server. Usage: aiocoap_server.py PORT"""

import asyncio
import sys

import aiocoap
import aiocoap.resource
from work import PATH


class Data(aiocoap.resource.Resource):
    kept = b""

    async def render_get(self, request):
        return aiocoap.Message(code=aiocoap.CONTENT, payload=self.kept)

    async def render_put(self, request):
        self.kept = request.payload
        return aiocoap.Message(code=aiocoap.CHANGED)


async def main():
    site = aiocoap.resource.Site()
    site.add_resource([PATH], Data())
    await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", int(sys.argv[1])), transports=["udp6"])
    print("ready", flush=True)
    await asyncio.get_running_loop().create_future()


asyncio.run(main())
