# SPDX-License-Identifier: MIT
"""aiocoap behind OSCORE; its client is as protected_client.py. Usage: aiocoap_protected.py server PORT FOLDER | client
URI FOLDER"""

import asyncio
import json
import os
import sys

import aiocoap
import aiocoap.resource
from aiocoap import credentials, oscore_sitewrapper
from secret import CLIENT, SALT, SECRET, SERVER
from work import PATH, SMALL


class Data(aiocoap.resource.Resource):
    async def render_get(self, request):
        return aiocoap.Message(code=aiocoap.CONTENT, payload=SMALL)


def stored(folder, sender_id, recipient_id):
    """The credentials of a security context, which is written to the folder."""
    values = {
        "secret.json": {"secret_hex": SECRET.hex(), "salt_hex": SALT.hex()},
        "settings.json": {"sender-id_hex": sender_id.hex(), "recipient-id_hex": recipient_id.hex()},
    }
    for name, value in values.items():
        with open(os.path.join(folder, name), "w") as file:
            json.dump(value, file)
    return {"oscore": {"basedir": folder}}


async def serve(port, folder):
    site = aiocoap.resource.Site()
    site.add_resource([PATH], Data())
    known = credentials.CredentialsMap()
    known.load_from_dict({":client": stored(folder, SERVER, CLIENT)})
    wrapped = oscore_sitewrapper.OscoreSiteWrapper(site, known)
    await aiocoap.Context.create_server_context(wrapped, bind=("127.0.0.1", int(port)), transports=["udp6"])
    print("ready", flush=True)
    await asyncio.get_running_loop().create_future()


async def ask(uri, folder):
    context = await aiocoap.Context.create_client_context(transports=["oscore", "udp6"])
    host = uri.rpartition("/")[0]
    context.client_credentials.load_from_dict({host + "/*": stored(folder, CLIENT, SERVER)})
    print("ready", flush=True)
    for line in sys.stdin:
        for _ in range(int(line)):
            response = await context.request(aiocoap.Message(code=aiocoap.GET, uri=uri)).response
            assert response.payload == SMALL, response
        print("done", flush=True)


asyncio.run({"server": serve, "client": ask}[sys.argv[1]](*sys.argv[2:]))
