# What a payload may be, in requests and in answers, and what arrives: bytes, b"" when there was none.
import microcoapy
from support import SERVER, pair, settle

client, server, net = pair()
payloads = [b"bytes", "text", "caf\u00e9", bytearray(b"array"), memoryview(b"view"), b"", "", None, b"\x00\xff", b"x" * 1024]
answers = []


def handler(packet, ip, port):
    got = packet.payload
    print("request ", type(got).__name__, len(got), got[:12])
    server.sendResponse(ip, port, packet.messageid, payloads[len(answers)], 69, -1, packet.token)


def answer(packet, sender):
    answers.append(packet.payload)
    print("response", type(packet.payload).__name__, len(packet.payload), packet.payload[:12], packet.content_format)


server.addIncomingRequestCallback("a", handler)
client.responseCallback = answer
for payload in payloads:
    client.post(SERVER[0], SERVER[1], "a", payload)
    settle(server, client)
print(len(answers))

# payload without a request body in between, and a payload that is only known as an attribute
packet = microcoapy.CoapPacket()
packet.method = 2
packet.payload = "attribute"
client.sendEx(SERVER[0], SERVER[1], "a", packet)
answers.clear()
settle(server, client)

def escaped(payload):
    """As programs for microCoAPy read a payload. MicroPython after 1.28 has no codec but utf-8."""
    try:
        return payload.decode("unicode_escape")
    except LookupError:
        return payload.decode()


# text of a packet: the payload as utf-8
client.responseCallback = lambda packet, sender: print(packet.text, escaped(packet.payload))
server.callbacks["a"] = lambda packet, ip, port: server.sendResponse(ip, port, packet.messageid, "caf\u00e9 222", 69, 0, packet.token)
client.get(SERVER[0], SERVER[1], "a")
settle(server, client)
