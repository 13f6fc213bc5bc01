# What stats counts.
from support import CLIENT, SERVER, message, pair, settle

client, server, net = pair()
names = ("sent", "received", "retransmitted", "duplicates", "malformed", "dropped", "timeouts", "resets")


def changes(coap, before):
    now = coap.stats()
    return {name: now[name] - before[name] for name in sorted(names) if now[name] != before[name]}


def to_server(data):
    net.waiting[SERVER].append((data, CLIENT, SERVER))


def title(text, coap=server):
    global before
    before = coap.stats()
    print("--", text)


def show(coap=server):
    change = changes(coap, before)
    print(" ".join("%s+%d" % (name, change[name]) for name in sorted(change)))


server.addIncomingRequestCallback("a", lambda p, ip, port: server.sendResponse(ip, port, p.messageid, "x", 69, -1, p.token))

title("request")
to_server(message(0, 1, 1, b"t", b"\xb1a"))
settle(server)
show()

title("the same twice more")
to_server(message(0, 1, 1, b"t", b"\xb1a"))
to_server(message(0, 1, 1, b"t", b"\xb1a"))
settle(server)
show()

title("duplicate NON")
to_server(message(1, 1, 2, b"t", b"\xb1a"))
to_server(message(1, 1, 2, b"t", b"\xb1a"))
settle(server)
show()

title("ping")
to_server(message(0, 0, 3))
settle(server)
show()

title("malformed")
to_server(b"\x40")
to_server(b"\x4f\x01\x00\x04")
to_server(b"\x50\x01\x00\x05\xff")
settle(server)
show()

title("version 2")
to_server(b"\x80\x01\x00\x06")
settle(server)
show()

title("ACK and RST nobody asked for")
to_server(message(2, 0, 7))
to_server(message(3, 0, 8))
settle(server)
show()

del net.waiting[CLIENT][:]
hasty, _, _ = pair(ack_timeout=1, max_retransmit=2)
hasty.errorCallback = lambda error, sender: None
title("timeout of a request", hasty)
hasty.get("10.0.0.2", 5683, "a")
hasty.poll(60000)
show(hasty)

title("reset of a request", client)
client.get("10.0.0.2", 5683, "a")
data = net.waiting[SERVER].pop()[0]
del net.waiting[SERVER][:]
net.waiting[CLIENT].append((bytes([0x70, 0]) + data[2:4], SERVER, CLIENT))
client.poll(0)
show(client)

print(sorted(name for name in server.stats() if name not in names))
print("in use", client.stats()["exchanges_in_use"], client.stats()["transmissions_in_use"])
client.get("10.0.0.2", 5683, "a")
print("in use", client.stats()["exchanges_in_use"], client.stats()["transmissions_in_use"])
client.stop()
print("in use", client.stats()["exchanges_in_use"], client.stats()["transmissions_in_use"])
