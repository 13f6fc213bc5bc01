# Messages of RFC 7252, byte by byte, through this CPU's code: appendix A's figures 16 to 23, in both roles.
import microcoapy
from support import PEER, endpoint, id_of, message, show, with_id

IP, PORT = PEER
got = []


def client(method, token):
    """A client that has sent GET or PUT for temperature, and what it sent but for the message id."""
    coap, wire = endpoint()
    del got[:]
    coap.responseCallback = lambda packet, sender: got.append((packet.type, packet.method, packet.token, packet.payload, sender))
    sent = getattr(coap, method)(IP, PORT, "temperature", token=token)
    data = wire.take()
    print("sent", sent, show(data[:2]), show(data[4:]))
    return coap, wire, id_of(data)


def receive(coap, wire, data):
    wire.arriving.append(data)
    print("handled", coap.poll(0), got)


print("figure 16: a confirmable request, a piggybacked response")
coap, wire, number = client("get", None)
receive(coap, wire, with_id("60 45 7d34 ff 32322e3320 43", number))
print("answered with", wire.sent)

print("figure 17: the same with a token of 0x20")
coap, wire, number = client("get", b"\x20")
receive(coap, wire, with_id("61 45 7d35 20 ff 32322e3320 43", number))
print("not another token's")
coap, wire, number = client("get", b"\x20")
receive(coap, wire, with_id("61 45 7d35 21 ff 32322e3320 43", number))

print("figure 18: the request is lost, and sent again unchanged")
coap, wire = endpoint(ack_timeout=20, ack_random_factor=1.0)
del got[:]
coap.responseCallback = lambda packet, sender: got.append(packet.payload)
coap.get(IP, PORT, "temperature", token=b"\x31")
first = wire.take()
coap.poll(30)
print(wire.take() == first)
receive(coap, wire, with_id("61 45 7d36 31 ff 32322e33", id_of(first)))
print(coap.poll(60), wire.sent)

print("figure 19: the response is lost, and the server repeats it")
server, wire = endpoint()
asked = []


def temperature(packet, ip, port):
    asked.append(packet.messageid)
    server.sendResponse(ip, port, packet.messageid, "22.3 C", 69, -1, packet.token)


server.addIncomingRequestCallback("temperature", temperature)
request = message("40 01 7d37 bb 74656d7065726174757265")
answers = []
for _ in range(3):
    wire.arriving.append(request)
    server.poll(0)
    answers.append(show(wire.take()))
print(asked, answers)

print("figure 20: a separate response, confirmed")
coap, wire, number = client("get", b"\x53")
receive(coap, wire, with_id("60 00 7d38", number))
print(len(wire.sent))
receive(coap, wire, message("41 45 ad7b 53 ff 32322e3320 43"))
print(show(wire.take()))
receive(coap, wire, message("41 45 ad7b 53 ff 32322e3320 43"))
print("repeated:", show(wire.take()))

print("figure 21: the acknowledgement is lost, the response comes first")
coap, wire, number = client("get", b"\x73")
receive(coap, wire, message("41 45 ad7c 73 ff 32322e3320 43"))
print(show(wire.take()))

print("figure 22: non-confirmable request and response")
coap, wire, number = client("getNonConf", b"\x75")
receive(coap, wire, message("51 45 ad7d 75 ff 32322e3320 43"))
print(len(wire.sent))

print("figure 23: a non-confirmable request, a confirmable response")
coap, wire, number = client("getNonConf", b"\x76")
receive(coap, wire, message("41 45 ad7e 76 ff 32322e3320 43"))
print(show(wire.take()))

print("section 4.2: a response nobody asked for is rejected")
coap, wire = endpoint()
del got[:]
receive(coap, wire, message("41 45 ad7c 75 ff 32322e33"))
print(show(wire.take()))

print("section 3: what is no message is ignored, or rejected when it is confirmable")
for text in ("", "40", "40 01 00", "80 01 1234", "49 01 1234 000000000000000000", "40 01 1234 ff", "40 01 1234 f0", "50 01 1234 ff", "40 00 1234 00", "40 01 1234 bd", "40 01 1234 b5 61"):
    server, wire = endpoint()
    if text:
        wire.arriving.append(message(text))
    server.poll(0)
    print(text or "nothing", [show(data) for data in wire.sent])

print("section 3.1: option deltas and lengths in all three forms, there and back")
# None of these numbers is an option's; all are even: the engine answers unknown odd (critical) ones with 4.02.
OPTIONS = ((2, 0), (18, 12), (48, 13), (62, 14), (1000, 1), (65000, 268), (65000, 100))
packet = microcoapy.CoapPacket()
for number, length in OPTIONS:
    packet.addOption(number, bytes([48 + length % 10]) * length)
packet.type = 1
packet.method = 2
packet.token = b"12345678"
packet.payload = b"p"
coap, wire = endpoint()
coap.sendEx(IP, PORT, "", packet)
data = wire.take()
print(len(data), show(data[:2]), show(data[4:]))
server, wire = endpoint()
seen = []
server.addIncomingRequestCallback("", lambda packet, ip, port: seen.append([(o.number, len(o.buffer)) for o in packet.options]))
wire.arriving.append(data)
server.poll(0)
print(seen)
