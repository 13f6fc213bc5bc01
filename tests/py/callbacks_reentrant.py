# Callbacks call back into the object they were called from.
import microcoapy
from support import CLIENT, SERVER, pair, settle, show

IP, PORT = SERVER


def title(text):
    print("--", text)


title("get in the response callback")
client, server, net = pair()
server.addIncomingRequestCallback("n", lambda p, ip, port: server.sendResponse(ip, port, p.messageid, p.query, 69, -1, p.token))


def again(packet, sender):
    print(show(packet))
    number = int(packet.payload)
    if number < 5:
        print("sent", client.get(IP, PORT, "n?%d" % (number + 1)) > 0)


client.responseCallback = again
client.get(IP, PORT, "n?1")
settle(server, client)

title("poll in the response callback")
client, server, net = pair()
server.addIncomingRequestCallback("n", lambda p, ip, port: server.sendResponse(ip, port, p.messageid, p.query, 69, -1, p.token))
depth = 0


def nested(packet, sender):
    global depth
    depth += 1
    print("in ", depth, packet.payload)
    if depth < 4:
        client.get(IP, PORT, "n?%d" % (depth + 1))
        server.poll(0)
        print("polled", client.poll(0))
    print("out", depth, packet.payload, packet.token == packet.token)
    depth -= 1


client.responseCallback = nested
client.get(IP, PORT, "n?1")
settle(server, client)

title("poll in a request handler, before it answers")
client, server, net = pair(nstart=4)


def slow(packet, ip, port):
    print("slow begins", packet.query)
    print("polled", server.poll(0))
    print("slow answers", packet.query, server.sendResponse(ip, port, packet.messageid, packet.query, 69, -1, packet.token) > 0)


server.addIncomingRequestCallback("slow", slow)
client.responseCallback = lambda packet, sender: print(show(packet))
client.get(IP, PORT, "slow?one")
client.get(IP, PORT, "slow?two")
settle(server, client)

title("sendResponse twice")
client, server, net = pair()


def twice(packet, ip, port):
    print([server.sendResponse(ip, port, packet.messageid, text, 69, -1, packet.token) > 0 for text in ("first", "second")])


server.addIncomingRequestCallback("a", twice)
client.responseCallback = lambda packet, sender: print(show(packet))
client.get(IP, PORT, "a")
settle(server, client)

title("the request handler asks the client")
client, server, net = pair()
asked = []


def curious(packet, ip, port):
    asked.append(packet)
    server.get(ip, port, "who")


server.addIncomingRequestCallback("a", curious)
server.responseCallback = lambda packet, sender: print("server got", show(packet))
client.addIncomingRequestCallback("who", lambda p, ip, port: client.sendResponse(ip, port, p.messageid, "me", 69, -1, p.token))
client.responseCallback = lambda packet, sender: print("client got", show(packet))
client.get(IP, PORT, "a")
settle(server, client)
print("answer later", server.sendResponse(CLIENT[0], CLIENT[1], asked[0].messageid, "late", 69, -1, asked[0].token) > 0)
settle(server, client)

title("handlers come and go while a handler runs")
client, server, net = pair()


def changing(packet, ip, port):
    server.callbacks.clear()
    for number in range(50):
        server.addIncomingRequestCallback("new/%d" % number, changing)
    client.responseCallback = lambda packet, sender: print("replaced", show(packet))
    server.sendResponse(ip, port, packet.messageid, "changed", 69, -1, packet.token)


server.addIncomingRequestCallback("a", changing)
client.responseCallback = lambda packet, sender: print("original", show(packet))
for url in ("a", "new/49", "a"):
    client.get(IP, PORT, url)
    settle(server, client)

title("packet and options outlive the callback")
client, server, net = pair()
kept = []


def keep(packet, ip, port):
    kept.append(packet)
    server.sendResponse(ip, port, packet.messageid, packet.payload, 69, -1, packet.token)


server.addIncomingRequestCallback("keep", keep)
client.responseCallback = lambda packet, sender: kept.append(packet)
for number in range(20):
    client.post(IP, PORT, "keep?%d" % number, "payload %d" % number)
    settle(server, client)
print(all(p.payload == b"payload %d" % (i // 2) for i, p in enumerate(kept)), len(kept))
print(kept[6].query, [(o.number, bytes(o.buffer)) for o in kept[6].options], kept[6].token == kept[7].token)
