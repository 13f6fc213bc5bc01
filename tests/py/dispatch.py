# Which callback a request reaches, and what the engine answers by itself.
from support import SERVER, message, pair, settle

client, server, net = pair()
client.responseCallback = lambda packet, sender: print("  ->", packet.toString().split(",")[1].strip(), packet.payload)


def handler(name):
    def handle(packet, ip, port):
        print("  %s: method %d query %s path %s" % (name, packet.method, packet.query, [bytes(o.buffer) for o in packet.options if o.number == 11]))
        server.sendResponse(ip, port, packet.messageid, name, 69, -1, packet.token)

    return handle


server.addIncomingRequestCallback("a", handler("a"))
server.addIncomingRequestCallback("/a/b", handler("a/b"))
server.addIncomingRequestCallback("caf%C3%A9", handler("caf\u00e9"))
server.addIncomingRequestCallback("with%2Fslash", handler("with/slash"))

for url in ("a", "/a", "a/b", "/a/b", "a/b?x=1&y=%26", "a/", "a//b", "", "b", "A", "caf\u00e9", "caf%C3%A9", "with%2Fslash", "with/slash", "a/b/c"):
    print("url <%s>" % url)
    client.get(SERVER[0], SERVER[1], url)
    settle(server, client)

print("root")
server.addIncomingRequestCallback("", handler("root"))
for url in ("", "/"):
    client.get(SERVER[0], SERVER[1], url)
    settle(server, client)

print("methods")
for method in (1, 2, 3, 4, 5, 6, 7, 8, 31):
    client.send(SERVER[0], SERVER[1], "a", 0, method, b"", None, -1, None)
    settle(server, client)

print("replaced")
server.addIncomingRequestCallback("a", handler("new a"))
client.get(SERVER[0], SERVER[1], "a")
settle(server, client)

print("the dictionary itself")
server.callbacks["direct"] = handler("direct")
client.get(SERVER[0], SERVER[1], "direct")
settle(server, client)
del server.callbacks["direct"]
client.get(SERVER[0], SERVER[1], "direct")
settle(server, client)

server.callbacks["one"] = server.callbacks.pop("a/b")  # as many as before
for url in ("a/b", "one"):
    client.get(SERVER[0], SERVER[1], url)
    settle(server, client)
server.callbacks = {"/x": handler("x"), "y/z": handler("y/z")}
for url in ("x", "y/z", "a"):
    client.get(SERVER[0], SERVER[1], url)
    settle(server, client)
server.callbacks = {}
client.get(SERVER[0], SERVER[1], "x")
settle(server, client)

print("a client answers requests, too")
net.waiting[("10.0.0.1", 5683)].append((message(0, 1, 7, b"t", b"\xb1x"), SERVER, None))
client.poll(0)
print("  ", net.waiting[SERVER].pop(0)[0])

print("200 resources")
for number in range(200):
    server.addIncomingRequestCallback("r/%d" % number, handler("r%d" % number))
for number in (0, 99, 199, 200):
    client.get(SERVER[0], SERVER[1], "r/%d" % number)
    settle(server, client)
