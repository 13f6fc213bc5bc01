# Links of one host: discover() and links(); as iterators and with async for.
import asyncio
import microcoapy
from support import ports, raised, start

one_port, other_port, plain_port = ports(3)
HOST = "coap://127.0.0.1:%d" % one_port
OTHER = "coap://127.0.0.1:%d" % other_port


def device(port, count):
    """A server with so many sensors: a few hundred bytes of links."""
    coap = microcoapy.Coap(default_leisure=200)
    for number in range(count):
        kind = "temperature" if number % 2 else "humidity"
        coap.resource("sensor/%d" % number, rt=kind, ct=(0, 50), obs=number == 3, sz=None, title='no "%d"' % number)(
            lambda request: "1"
        )
    coap.resource("secret", hidden=True)(lambda request: "hidden")
    start(coap, port)
    return coap


one, other = device(one_port, 40), device(other_port, 3)
# A server that does not filter
plain = microcoapy.Coap()
plain.resource(".well-known/core")(lambda request: (69, '</a>;rt="x light",</b>;rt="lights",</c>;rt=light;obs,</d>', 40))
start(plain, plain_port)
client = microcoapy.Coap()
start(client, 0)

print("-- documents")
for link in microcoapy.links('</a>;rt="x y";ct=0;obs,<coap://[::1]/b?c>;title="q\\"q"'):
    print(link.target, sorted(link.attributes.items(), key=lambda item: item[0]), link.uri, link.address)
print(link)
print(len(microcoapy.links("")), raised(microcoapy.links, "</a"), "|", raised(microcoapy.links, b"</a>;;x"))
print(raised(lambda: microcoapy.links("</a>")[0].rt))
print([microcoapy.links("<b>", (host, port))[0].uri for host, port in (("10.0.0.1", 5683), ("10.0.0.1", 5684), ("::1", 5683))])


async def found(*arguments, **keywords):
    links = []
    async for link in client.discover(*arguments, **keywords):
        links.append(link)
    return sorted(links, key=lambda link: link.uri)


async def main():
    serving = [asyncio.create_task(coap.serve()) for coap in (one, other, plain)]
    print("-- one host, block by block")
    links = await found(HOST)
    print(len(links), links[0].target, links[0].title, links[0].ct, links[0].uri.replace(str(one_port), "PORT"), links[0].address[0])
    print("-- filters")
    for attributes in ({"rt": "temperature"}, {"rt": "temp*"}, {"obs": True}, {"ct": 50}, {"rt": "none"}, {"href": "/sensor/1*"}):
        links = await found(HOST, **attributes)
        print(attributes, len(links), links[0].target if links else None)
    print([link.obs for link in links if link.target == "/sensor/3"], [link.target for link in await found(OTHER)])
    for attributes in ({}, {"rt": "light"}, {"rt": "light*"}, {"rt": "light", "obs": True}, {"rt": "none"}):
        links = await found("coap://127.0.0.1:%d" % plain_port, **attributes)
        print(sorted(attributes), [link.target for link in links])
    for task in serving:
        task.cancel()


asyncio.run(main())

print("-- without a loop: for, to nobody")
client = microcoapy.Coap(ack_timeout=10, max_retransmit=1)
start(client, 0)
print(raised(lambda: list(client.discover("coap://127.0.0.1:1"))))
print(list(client.discover("coap://224.0.1.187:1", timeout_ms=50)))

print("-- errors")
print(raised(client.discover, "http://x"), "|", raised(client.discover, HOST, timeout_ms=0))
