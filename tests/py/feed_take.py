# The engine without a socket: feed, take, next_timeout_ms; addresses may be anything that can be told apart.
# needs: block
import time
import microcoapy
from support import message, raised, start

PEERS = (("10.0.0.1", 5683), ("fd00::1", 5683), "modem 7", 42, b"\x01\x02", ("lora", 7, 3))

for peer in PEERS:
    print("-- from", peer)
    server = microcoapy.Coap()
    server.resource("x", obs=True)(lambda request: "%s" % (request.sender,))
    server.feed(message(0, 1, 7, b"tok", b"\xb1x"), peer)
    data, address = server.take()
    print(data[:4], data[4:7], data[data.index(b"\xff") + 1 :] if b"\xff" in data else data, address == peer, server.take())
    server.feed(message(0, 1, 7, b"tok", b"\xb1x"), peer)
    print(server.take() == (data, address), server.stats()["duplicates"])

print("-- a request and its response")
client = microcoapy.Coap(ack_timeout=60000, ack_random_factor=1)
print(client.next_timeout_ms(), client.take())
exchange = client.get("coap://10.0.0.1/x", token=b"t")
request, address = client.take()
print(request[0], request[4:], address, client.take(), 0 < client.next_timeout_ms() <= 60000)
client.feed(bytes([0x61, 69]) + request[2:4] + b"t\xffanswer", address)
print(exchange.done(), exchange.wait(), client.next_timeout_ms() is None or client.next_timeout_ms() > 1000)

print("-- retransmission, and its end")
hasty = microcoapy.Coap(ack_timeout=20, ack_random_factor=1, max_retransmit=2)
exchange = hasty.get("coap://10.0.0.1/x")
first = hasty.take()
copies = 0
while not exchange.done():
    copy = hasty.take()
    if copy is None:
        left = hasty.next_timeout_ms()
        time.sleep_ms(1 if left is None else min(left, 5))
    else:
        copies += 1
        print(copy == first)
print(copies, raised(exchange.wait), hasty.next_timeout_ms() is None or hasty.next_timeout_ms() > 1000)

print("-- two engines, by hand")
server = microcoapy.Coap()
server.resource("long")(lambda request: b"x" * 3000)
exchange = client.get("coap://10.0.0.1/long")
SERVER, CLIENT = ("10.0.0.1", 5683), ("10.0.0.9", 1)
count = 0
while not exchange.done():
    for one, other, sender in ((client, server, CLIENT), (server, client, SERVER)):
        datagram = one.take()
        if datagram:
            count += 1
            other.feed(datagram[0], sender)
print(len(exchange.wait().payload), count)

print("-- garbage and mistakes")
for data in (b"", b"\x40", b"\xff" * 10, b"\x40\x01\x00\x01" * 500):
    server.feed(data, CLIENT)
    answer = server.take()
    print(len(data), answer and answer[0][:2])
print(raised(server.feed, 5, CLIENT), "|", raised(server.feed, "text", CLIENT), "|", raised(server.feed, b"x"))
started = microcoapy.Coap()
start(started, 0)
print(raised(started.feed, b"x", CLIENT), "|", raised(started.take), started.next_timeout_ms())
started.stop()
print(raised(started.take), raised(server.start), raised(server.stop))
