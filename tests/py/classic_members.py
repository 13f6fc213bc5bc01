# What forks of the original library have, and programs use.
import microcoapy
from support import CLIENT, SERVER, dotted, pair, settle

client, server, net = pair()
client.responseCallback = lambda packet, sender: print(" ", packet.type, dotted(packet.code), packet.payload, packet.getObserveValue())

print("-- ping")
print(client.ping(SERVER[0], SERVER[1]))
settle(server, client)

print("-- code")
packet = microcoapy.CoapPacket()
packet.code = 2
print(packet.method, packet.code)

print("-- sendResponse with the request")


def handler(request, ip, port):
    print(" ", server.sendResponse(ip, port, 0, b"found", 69, 0, b"", request_packet=request) > 0)


server.addIncomingRequestCallback("r", handler)
client.get(SERVER[0], SERVER[1], "r")
settle(server, client)

print("-- Observe")
values = []


def observed(request, ip, port):
    values.append(request.getObserveValue())
    server.sendResponse(ip, port, request.messageid, b"state", 69, 0, request.token)


server.addIncomingRequestCallback("o", observed)
for value in (None, 0, 1):
    client.get(SERVER[0], SERVER[1], "o", b"tok", observe_option=value)
    settle(server, client)
print(values)
for value in (0, 1, 255, 256, 65536, 16777215):
    packet = microcoapy.CoapPacket()
    packet.setObserve(value)
    print(value, packet.options[0].number, packet.options[0].buffer, packet.getObserveValue())
for value in (-1, 16777216, "0"):
    try:
        packet.setObserve(value)
    except (TypeError, ValueError) as error:
        print(value, type(error).__name__, error)
