# The collector runs in every callback and between all steps: nothing in use is collected.
import gc

import microcoapy
from support import QUICK, Net, ports, settle

ROUNDS = 50 if QUICK else 500
IP, PORT = "10.0.0.2", 5683


class CollectingNet(Net):
    def socket(self, *addresses):
        inner = super().socket(*addresses)
        send, receive = inner.sendto, inner.recvfrom

        class Collecting:
            def sendto(self, data, address):
                gc.collect()
                length = send(data, address)
                gc.collect()
                return length

            def recvfrom(self, size):
                gc.collect()
                return receive(size)

            def setblocking(self, flag):
                gc.collect()

        return Collecting()


net = CollectingNet()
client = microcoapy.Coap()
client.setCustomSocket(net.socket(("10.0.0.1", 5683)))
server = microcoapy.Coap()
server.setCustomSocket(net.socket((IP, PORT)))
later = []
got = []


def handler(packet, ip, port):
    gc.collect()
    trash = [bytes(50) for _ in range(50)]
    server.sendResponse(ip, port, packet.messageid, packet.payload, 69, 50, packet.token)
    del trash
    gc.collect()


def slow(packet, ip, port):
    gc.collect()
    later.append((packet, ip, port))


def response(packet, sender):
    gc.collect()
    trash = [bytes(50) for _ in range(50)]
    got.append(packet.payload)
    if len(got) % 10 == 0:
        client.post(sender[0], sender[1], "a", "nested %d" % len(got))
    del trash
    gc.collect()


server.addIncomingRequestCallback("a", handler)
server.addIncomingRequestCallback("slow", slow)
client.responseCallback = response
for number in range(ROUNDS):
    payload = "payload number %d" % number
    if number % 5 == 0:
        client.post(IP, PORT, "slow", payload)
        settle(server, client)
        packet, ip, port = later.pop()
        server.sendResponse(ip, port, packet.messageid, packet.payload, 69, -1, packet.token)
    else:
        client.post(IP, PORT, "a", payload)
    payload = None
    gc.collect()
    settle(server, client)

nested = [p for p in got if p.startswith(b"nested")]
plain = [p for p in got if not p.startswith(b"nested")]
print(plain == [b"payload number %d" % n for n in range(ROUNDS)], len(nested) == len(got) // 10)

# real sockets
one, two = ports(2)
server = microcoapy.Coap()
server.addIncomingRequestCallback("a", handler)
server.start(one)
client = microcoapy.Coap()
client.responseCallback = response
client.start(two)
del got[:]
for number in range(20):
    client.post("127.0.0.1", one, "a", b"real %d" % number)
    gc.collect()
    wanted = len(got) + (2 if len(got) % 10 == 9 else 1)
    while len(got) < wanted:
        gc.collect()
        server.poll(20)
        gc.collect()
        client.poll(20)
print(len([p for p in got if p.startswith(b"real")]), len(got))
client.stop()
server.stop()
