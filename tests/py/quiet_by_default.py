# A library is silent: nothing is printed unless debug is on, whatever comes in.
from support import CLIENT, SERVER, message, pair, settle

client, server, net = pair()
server.addIncomingRequestCallback("a", lambda p, ip, port: server.sendResponse(ip, port, p.messageid, "x", 69, -1, p.token))
net.waiting[SERVER] += [(data, CLIENT, SERVER) for data in (b"", b"\x40", b"\xff" * 20, message(0, 0x45, 1), message(0, 1, 2, b"", b"\xb1b"))]
settle(server)
client.get(SERVER[0], SERVER[1], "a")
settle(server, client)
print("silent")

# repeated messages never reach a callback, with or without the old switch
for switch in (False, True):
    client, server, net = pair()
    server.discardRetransmissions = client.discardRetransmissions = switch
    handled = []

    def handler(packet, ip, port):
        handled.append(packet.messageid)
        server.sendResponse(ip, port, packet.messageid, "x", 69, -1, packet.token)

    got = []
    server.addIncomingRequestCallback("a", handler)
    client.responseCallback = lambda packet, sender: got.append(packet.payload)
    client.get(SERVER[0], SERVER[1], "a")
    net.waiting[SERVER].extend(net.waiting[SERVER] * 2)
    settle(server)
    net.waiting[CLIENT].extend(net.waiting[CLIENT] * 2)
    settle(client)
    # the same answer to another request is no retransmission
    client.get(SERVER[0], SERVER[1], "a")
    settle(server, client)
    print(switch, len(handled), got)
