# needs: dtls,modern,observe,block
# Requests over DTLS with keys that both have, RFC 7252 section 9.1.3.1: both layers, both roles.
import microcoapy
from dtls_net import IDENTITY, KEY, client_of, ours, run, served, turn
from support import dotted, ports, raised

port, plain_port = ports(2)
HOST = "coaps://127.0.0.1:%d/" % port
KEYS = {IDENTITY.decode(): KEY, "device 2": "another key of 16"}

server = served(port, microcoapy.Dtls(psks=KEYS))
client = client_of(ours())
both = turn(server, client)


def show(response):
    print(response if isinstance(response, str) else "%s %s" % (dotted(response.code), response.payload[:20]))


def ask(path, method="GET", at=client, **keywords):
    return run(at.request(method, HOST + path, **keywords), turn(server, at))


print("-- requests")
show(ask("hello"))
show(ask("hello", non=True))
show(ask("nosuch"))
print(len(ask("long").payload), ask("long", "PUT", payload=bytes(3000)).payload)
print(ask("hello").sender == ("127.0.0.1", port))

print("-- a second client; keys that come and go")
other = client_of(microcoapy.Dtls(psk_identity="device 2", psk="another key of 16"))
show(ask("hello", at=other))
third = client_of(microcoapy.Dtls(psk_identity="device 3", psk="a third key"))
show(ask("hello", at=third))
KEYS["device 3"] = b"a third key"
show(ask("hello", at=third))
third.stop()

print("-- a wrong key disturbs nobody")
wrong = client_of(microcoapy.Dtls(psk_identity=IDENTITY, psk=b"a wrong key"))
show(ask("hello", at=wrong))
wrong.stop()
show(ask("hello"))

print("-- observe")
value = ["0"]


@server.resource("value", obs=True)
def read(request):
    return value[0]


seen = []
observation = client.observe(HOST + "value", callback=lambda response: seen.append(response.payload))
while not seen:
    both()
for number in range(1, 3):
    value[0] = str(number)
    read.notify()
    while len(seen) == number:
        both()
print(seen, server.stats()["observers_in_use"])
observation.cancel()
while server.stats()["observers_in_use"]:
    both()

print("-- the classic layer")
told = []


def classic(packet, ip, at):
    server.sendResponse(ip, at, packet.messageid, "classic", 69, 0, packet.token)


server.addIncomingRequestCallback("classic", classic)
client.responseCallback = lambda packet, sender: told.append((packet.payload, sender == ("127.0.0.1", port)))
print(client.get("127.0.0.1", port, "classic") > 0, client.ping("127.0.0.1", port) > 0)
while len(told) < 2:
    both()
print(told)

print("-- a server asks its client")


@client.resource("button")
def button(request):
    return "pressed"


asked = []


@server.resource("who")
def who(request):
    asked.append(request.sender)
    return b""


ask("who")
back = microcoapy.Dtls(psk_identity=IDENTITY, psk=KEY)
server.stop()
server.start(port, dtls=back)
ask("who")
show(run(server.get("coaps://%s:%d/button" % asked[-1]), both))

print("-- nothing goes without DTLS")
print(raised(client.get, "coap://127.0.0.1:%d/hello" % port))
print(raised(client.get, "coaps://224.0.1.187/hello"))
print(client.get("224.0.1.187", 5684, "hello"))
plain = microcoapy.Coap()
plain.start(plain_port)
print(raised(plain.get, HOST + "hello"))
print(raised(plain.start, dtls=ours()))
show(run(plain.get("coap://127.0.0.1:%d/hello" % port, timeout=0.5), turn(server, plain)))
plain.stop()
print(raised(client_of(microcoapy.Dtls(psks=KEYS)).get, HOST + "hello"))

print("-- an endpoint with DTLS keeps its socket")
for change in (lambda: setattr(client, "sock", None), client.take):
    print(raised(change))
show(ask("hello"))

print("-- what is no key")
for keywords in (
    {},
    {"psk": b"x"},
    {"psk_identity": b"x"},
    {"psk_identity": b"x", "psk": b""},
    {"psks": [IDENTITY]},
    {"cert": b"x", "key": b"x"},
    {"ca": b"x"},
    {"psk_identity": 5, "psk": b"x"},
    {"psk_identity": b"x", "psk": b"x", "sessions": 0},
):
    print(raised(microcoapy.Dtls, **keywords))
print(raised(microcoapy.Coap().start, dtls=5), KEY in repr(ours()).encode())

print("-- stop")
exchange = client.get(HOST + "hello")
client.stop()
print(raised(exchange.wait, 0))
server.stop()
