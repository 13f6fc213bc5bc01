# A request of the modern layer: what it sends, what comes of it, what a response has.
import microcoapy
from support import CLIENT, SERVER, Scripted, dotted, finish, message, pair, raised

client, server, net = pair()
URI = "coap://10.0.0.2/x"


def sent():
    """The last datagram to the server, without message id and token."""
    data = net.waiting[SERVER].pop()[0]
    del net.waiting[SERVER][:]
    length = data[0] & 15
    return bytes([data[0] >> 4 & 3]) + dotted(data[1]).encode() + b" " + data[4 + length :]


def show(call, *arguments, **keywords):
    exchange = call(*arguments, **keywords)
    print(sent())
    exchange.cancel()


print("-- what is sent")
show(client.get, "coap://10.0.0.2/a/b?x=1&y=2")
show(client.get, "coap://10.0.0.2")
show(client.get, "coap://10.0.0.2/", non=True)
show(client.get, URI, accept=50, etag=b"e1", options=[(2048, b"o"), (2049, 7)])
show(client.get, URI, etag=[b"e1", b"e2"])
show(client.put, URI, "text", content_format=0)
show(client.put, URI, b"bytes", if_match=b"e", content_format=50)
show(client.put, URI, bytearray(b"x"), if_none_match=True)
show(client.put, URI, payload=memoryview(b"view"), if_match=b"")
show(client.post, URI, no_response=26, non=True)
show(client.delete, URI)
show(client.fetch, URI, b"q", content_format=60, accept=60)
show(client.patch, URI, b"p")
show(client.ipatch, URI, b"i")
show(client.request, "FETCH", URI, b"q")
show(client.request, "iPATCH", URI, b"q")
show(client.request, 7, URI)
show(client.get, "coap://10.0.0.2:5683/%7Euser/a%2Fb?q=%26")
client.get(URI, token=b"mine")
print(net.waiting[SERVER].pop()[0][4:8])
client.stop()

print("-- responses")
client, server, net = pair()


@server.resource("x", methods=("GET", "PUT", "POST"))
def x(request):
    if request.code == 2:
        return microcoapy.Response(65, location="/new/place?q=1")
    return microcoapy.Response(69, "caf\u00e9", 0, etag=b"tag", max_age=5, options=[(2048, b"o")])


r = finish(client.get(URI), client, server)
print(r, dotted(r.code), r.ok, r.payload, r.text, r.content_format, r.etag, r.max_age, r.location, r.observe)
print([(o.number, bytes(o.buffer)) for o in r.options], r.sender, r.type, r.method == r.code, len(r.token))
r = finish(client.post(URI, b""), client, server)
print(r, r.ok, r.payload, r.content_format, r.etag, r.max_age, r.location, r.body)
r = finish(client.get("coap://10.0.0.2/none"), client, server)
print(r, r.ok)
r = finish(client.delete(URI), client, server)
print(r, r.ok)
print(raised(setattr, r, "payload", b""), "|", raised(lambda: r.nonsense))

print("-- wait, done, cancel")
exchange = client.get(URI)
print(exchange.done(), raised(exchange.wait, 1))
server.poll(0)
print(exchange.wait(0), exchange.done(), exchange.wait(), exchange.wait(5) is exchange.wait())
exchange.cancel()
print(exchange.wait().ok)
exchange = client.get(URI)
exchange.cancel()
exchange.cancel()
print(exchange.done(), raised(exchange.wait), client.stats()["exchanges_in_use"])
settled = server.poll(0)
print(client.poll(0), "a response to what was cancelled reaches nobody")

print("-- failures")
exchange = client.get("coap://10.0.0.2/x", timeout=0.001)
print(raised(exchange.wait), exchange.done(), raised(exchange.wait, 0))
hasty, _, _ = pair(ack_timeout=1, max_retransmit=2)
print(raised(hasty.get(URI).wait))
exchange = client.get(URI)
data = net.waiting[SERVER].pop()[0]
net.waiting[CLIENT].append((bytes([0x70, 0]) + data[2:4], SERVER, CLIENT))
print(raised(exchange.wait))
exchange = client.get(URI)
client.stop()
print(exchange.done(), raised(exchange.wait))
print(raised(microcoapy.Coap().get(URI).wait, 50), "| not started")

print("-- no response wanted")
client, server, net = pair()
exchange = client.put(URI, b"x", non=True, no_response=26)
print(exchange.done(), exchange.wait(100))

print("-- bad arguments")
for arguments, keywords in (
    (("http://x/",), {}),
    (("coap://",), {}),
    (("coap://h/%zz",), {}),
    (("coap://10.0.0.2/#f",), {}),
    ((URI,), {"accept": -1}),
    ((URI,), {"accept": 65536}),
    ((URI,), {"etag": b"123456789"}),
    ((URI,), {"token": b"123456789"}),
    ((URI,), {"token": "t", "block_size": 15}),
    ((URI,), {"timeout": -1}),
    ((URI,), {"timeout": "x"}),
    ((URI,), {"options": 5}),
    ((URI,), {"options": [(1,)]}),
    ((URI,), {"options": [(70000, b"")]}),
    ((URI,), {"into": 5}),
    ((URI,), {"progress": 5}),
    ((URI,), {"nonsense": 5}),
    ((URI, b"x"), {"body": b"x"}),
    ((URI, 5), {}),
    ((URI,), {"resume": (0,)}),
    (("coaps://10.0.0.2/x",), {}),
    (("coap://224.0.1.187/x",), {}),
):
    print(arguments[0], keywords, raised(client.get, *arguments, **keywords))
print(raised(client.request, "BREW", URI), "|", raised(client.request, 0, URI), "|", raised(client.request, 1.5, URI))
print(client.stats()["exchanges_in_use"], client.stats()["transmissions_in_use"])
