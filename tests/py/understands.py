# Critical options: refused unless somebody enforces them. Payloads and formats that mean nothing are not passed on.
import microcoapy
from support import SERVER, dotted, pair, raised, settle

client, server, net = pair()
seen = []


def handler(packet, ip, port):
    seen.append([option.number for option in packet.options if option.number != 11])
    server.sendResponse(ip, port, packet.messageid, b"done", 68, -1, packet.token)


server.addIncomingRequestCallback("plain", handler)
server.addIncomingRequestCallback("knows", handler, understands=(1, 5, 65001))
server.addIncomingRequestCallback("none", handler, understands=None)
client.responseCallback = lambda packet, sender: print(" ", dotted(packet.code), packet.payload)


def put(path, *options, **keywords):
    packet = microcoapy.CoapPacket()
    packet.method = 3
    for number, value in options:
        packet.addOption(number, value)
    print(path, options, client.sendEx(SERVER[0], SERVER[1], path, packet, **keywords) > 0)
    settle(server, client)


for path in ("plain", "knows", "none"):
    put(path, (5, b""))
    put(path, (1, b"v1"))
put("knows", (65001, b"x"))
put("knows", (65003, b"x"))
print(seen)

print("-- of responses")


def critical(packet, ip, port):
    answer = microcoapy.CoapPacket()
    answer.type, answer.method, answer.messageid, answer.token = 2, 69, packet.messageid, packet.token
    answer.addOption(65001, b"x")
    server.sendPacket(ip, port, answer)


server.addIncomingRequestCallback("critical", critical)
client.get(SERVER[0], SERVER[1], "critical", b"tok1", understands=[65001])
settle(server, client)
if hasattr(client, "request"):
    exchange = client.get("coap://10.0.0.2/critical", understands=(65001,))
    settle(server, client)
    print("  modern:", exchange.done() and exchange.wait().code == 69)
else:
    print("  modern:", True)

print("-- modern handlers")
if hasattr(server, "resource"):
    @server.resource("own", methods=("PUT",), understands=(1,))
    def own(request):
        return (68, b"if_match " + b",".join(request.if_match))

    @server.resource("state", methods=("PUT",), etag=b"v1")
    def state(request):
        return (68, b"changed")

    @server.resource("later", methods=("PUT",))
    def later(request):
        return (68, b"changed")
else:
    own = state = later = None
print("--")
for number in range(3):
    if own:
        put("own", (1, b"v1"))
        put("own", (5, b""))
        put("state", (5, b""))
        put("state", (1, b"v1"))
        put("later", (1, b"v1"))
        later.etag = b"v1"
        put("later", (1, b"v1"))
    break

print("-- arguments")
for wrong in (5, "1", (0,), (65536,), ("1",), (1, 3, 5, 7, 9)):
    print(wrong, raised(server.addIncomingRequestCallback, "x", handler, understands=wrong))
print(raised(client.get, SERVER[0], SERVER[1], "x", understands=(1, 3, 5)))
print("x" in server.callbacks)
