# Links of a group: join() and discover().
import asyncio
import microcoapy
from support import ports, raised

port = ports(1)[0]
GROUP = "coap://224.0.1.187:%d" % port
server = microcoapy.Coap(default_leisure=200)
for number in range(40):
    server.resource("sensor/%d" % number, rt="temperature", title="number %d" % number)(lambda request: "1")
server.start(port)
client = microcoapy.Coap()
client.start(0)


async def found(count, **keywords):
    """So many links, or those there are until the time is up."""
    links = []
    async for link in client.discover(GROUP, **keywords):
        links.append(link)
        if len(links) == count:
            break
    return sorted(links, key=lambda link: link.uri)


async def main():
    serving = asyncio.create_task(server.serve())
    server.join(interface="127.0.0.1")
    client.sock.setsockopt(0, 32, bytes((127, 0, 0, 1)))  # IPPROTO_IP, IP_MULTICAST_IF
    links = await found(40, timeout_ms=60000)
    print(len(links), links[0].uri.replace(str(port), "PORT"))
    # nobody has anything of the kind, and to a group nobody says so
    print(await found(1, timeout_ms=1000, rt="none"))
    serving.cancel()


asyncio.run(main())
print(raised(server.join, "10.0.0.1"), "|", raised(microcoapy.Coap().join))
