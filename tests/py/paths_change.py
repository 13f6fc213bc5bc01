# Paths that come and go while a request waits for poll(): it is for the path that it named.
import microcoapy
from support import dotted, pair, settle

client, server, net = pair()
IP, PORT = "10.0.0.2", 5683
got = []


def handler(name):
    def handle(packet, ip, port):
        got.append((name, packet.payload))
        server.sendResponse(ip, port, packet.messageid, name, 69, -1, packet.token)

    return handle


def response(packet, sender):
    got.append((dotted(packet.method), packet.payload))


client.responseCallback = response
for name in ("a", "b", "c"):
    server.addIncomingRequestCallback(name, handler(name))


def ask(path, change):
    """A request that the server takes in while it sends one of its own, and dispatches after the change."""
    client.post(IP, PORT, path, path)
    server.get("10.0.0.1", 5683, "x")
    change()
    settle(server, client)
    print(got)
    del got[:]


def add_many():
    for number in range(50):
        server.addIncomingRequestCallback("more/%d" % number, handler("more"))


def remove(name):
    del server.callbacks[name]


def replace_all():
    server.callbacks = {"z": handler("z"), "b": handler("new b"), "a": handler("new a")}


ask("c", lambda: None)
ask("b", lambda: server.addIncomingRequestCallback("0", handler("0")))
ask("c", add_many)
ask("c", lambda: remove("a"))
ask("c", lambda: remove("b"))
ask("c", replace_all)
ask("a", replace_all)
ask("b", lambda: remove("z"))
