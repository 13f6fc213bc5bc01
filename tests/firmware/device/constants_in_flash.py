# Everything that a program may give as a constant: names that the firmware has itself are in flash on ESP8266.
import microcoapy
from support import PEER, endpoint, message, show

IP, PORT = PEER


def sent():
    data = wire.take()
    return show(data[:1]), show(data[4:])


# 'append', 'payload' and the like are MicroPython's own names; a module's name, too.
for url in ("append", "append/payload", "append?payload", microcoapy.__name__, ""):
    coap, wire = endpoint()
    coap.getNonConf(IP, PORT, url, token="token")
    print(sent())
coap, wire = endpoint()
coap.putNonConf(IP, PORT, "append", microcoapy.__version__, "value", 0, "token")
print(sent())
coap, wire = endpoint()
coap.postNonConf("localhost", PORT, "append", "payload", token="token")
print(sent())
packet = microcoapy.CoapPacket()
packet.type = 1
packet.method = 1
packet.token = "token"
packet.addOption(2, "append")
packet.addOption(2048, microcoapy.__version__)
packet.setUriPath("payload/value")
coap, wire = endpoint()
coap.sendEx(IP, PORT, "", packet)
print(sent())
seen = []


def handler(packet, ip, port):
    seen.append(packet.text)
    server.sendResponse(ip, port, packet.messageid, "payload", 69, -1, packet.token)


server, wire = endpoint()
server.addIncomingRequestCallback("append", handler)
server.addIncomingRequestCallback("/payload/value", handler)
for request in ("51 01 1234 20 b6 617070656e64", "51 03 1235 20 b7 7061796c6f6164 05 76616c7565 ff 79"):
    wire.arriving.append(message(request))
    server.poll(0)
    print(sent(), seen)
