# needs: dtls,modern,observe,discovery
# DTLS under asyncio, and discovery: handshakes begin in a task, and go on while others run.
import asyncio

import microcoapy
from dtls_net import IDENTITY, KEY, client_of, ours, served
from support import ports, told

(port,) = ports(1)
HOST = "coaps://127.0.0.1:%d" % port
server = served(port, microcoapy.Dtls(psks={IDENTITY: KEY}, sessions=3))
value = ["0"]


@server.resource("value", obs=True)
async def read(request):
    await asyncio.sleep_ms(0)
    return value[0]


async def ask(client):
    try:
        return (await client.get(HOST + "/hello")).text
    except OSError as error:
        return told(error)


async def links(client, host, **keywords):
    found = []
    async for link in client.discover(host, **keywords):
        found.append(link)
    return found


async def main():
    serving = asyncio.create_task(server.serve())
    clients = [client_of(ours()) for _ in range(3)]
    clients.append(client_of(microcoapy.Dtls(psk_identity=IDENTITY, psk=b"wrong")))
    print(await asyncio.gather(*[ask(client) for client in clients]))
    client = clients[0]
    count = 0
    async for response in client.observe(HOST + "/value"):
        print(response.text)
        count += 1
        if count == 3:
            break
        value[0] = str(count)
        read.notify()
    print(sorted([link.uri == HOST + link.target for link in await links(client, HOST)]))
    print([link.target for link in await links(client, ("127.0.0.1", port), href="/h*")])
    server.stop()
    await serving
    # The server has said that the sessions are over.
    server.start(port, dtls=microcoapy.Dtls(psks={IDENTITY: KEY}))
    serving = asyncio.create_task(server.serve())
    print(await asyncio.gather(*[ask(client) for client in clients[:3]]))
    for one in clients:
        one.stop()
    server.stop()
    await serving


asyncio.run(main())
