# An exception of a callback comes out of poll; the request it was handling is answered 5.00; all goes on.
import microcoapy
from support import SERVER, pair, raised, settle, show, told

IP, PORT = SERVER
client, server, net = pair()
client.responseCallback = lambda packet, sender: print("response", show(packet))


def bad(packet, ip, port):
    raise ValueError("handler")


def bad_after_answer(packet, ip, port):
    server.sendResponse(ip, port, packet.messageid, "answered", 69, -1, packet.token)
    raise ValueError("after the answer")


def system_exit(packet, ip, port):
    raise SystemExit(3)


def interrupted(packet, ip, port):
    raise KeyboardInterrupt


def wrong_arguments(packet):
    pass


class Callable:
    def __call__(self, packet, ip, port):
        server.sendResponse(ip, port, packet.messageid, "callable", 69, -1, packet.token)


class Bound:
    def method(self, packet, ip, port):
        server.sendResponse(ip, port, packet.messageid, "bound", 69, -1, packet.token)


for name, handler in (
    ("bad", bad),
    ("after", bad_after_answer),
    ("exit", system_exit),
    ("interrupted", interrupted),
    ("arguments", wrong_arguments),
    ("callable", Callable()),
    ("bound", Bound().method),
):
    server.addIncomingRequestCallback(name, handler)
    print("sent", client.get(IP, PORT, name) > 0)
    try:
        print(name, server.poll(0))
    except BaseException as error:
        print(name, type(error).__name__, error)
    settle(client)

print("NON request")
client.getNonConf(IP, PORT, "bad")
print(raised(server.poll, 0))
settle(client)


def response_raises(packet, sender):
    raise RuntimeError("in responseCallback")


client.responseCallback = response_raises
client.get(IP, PORT, "bound")
server.poll(0)
print(raised(client.poll, 0), raised(client.poll, 0))

# exceptions out of errorCallback
client, server, net = pair(ack_timeout=1, max_retransmit=0)


def error_raises(error, sender):
    raise RuntimeError("%s of %s" % (told(error), sender))


client.errorCallback = error_raises
client.get(IP, PORT, "x")
net.waiting[SERVER].clear()
print(raised(client.poll, 60000))

# no callback at all
client, server, net = pair()
server.addIncomingRequestCallback("bound", Bound().method)
server.addIncomingRequestCallback("bound", Callable())
client.get(IP, PORT, "bound")
settle(server)
print(client.poll(0), client.poll(0))
client.get(IP, PORT, "bound")
settle(server, client)
print("still alive", client.stats()["exchanges_in_use"])
