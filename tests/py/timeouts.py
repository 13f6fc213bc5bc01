# Outcome of requests nobody answers, and what stop and time do to them.
import time

from support import SERVER, Net, pair, told

IP, PORT = SERVER
events = []


def prepared(**parameters):
    client, server, net = pair(**parameters)
    client.responseCallback = lambda packet, sender: events.append(("response", packet.payload))
    client.errorCallback = lambda error, sender: events.append((told(error), sender))
    return client, server, net


client, server, net = prepared(ack_timeout=5, ack_random_factor=1.0, max_retransmit=2)
started = time.ticks_ms()
client.get(IP, PORT, "a")
print(client.poll(60000), events)
elapsed = time.ticks_diff(time.ticks_ms(), started)
print("after at least 35 ms:", elapsed >= 35, "transmissions:", len(net.waiting[SERVER]), "all the same:", len(set(w[0] for w in net.waiting[SERVER])))
print(client.poll(0), len(events), client.stats()["exchanges_in_use"])

print("-- three peers time out, one event per poll")
del events[:]
for port in (1, 2, 3):
    net.socket((IP, port))
    client.get(IP, port, "a")
print([client.poll(60000) for _ in range(3)], client.poll(0), sorted(events))

print("-- queued requests to a dead peer end, too")
del events[:]
for path in ("a", "b", "c"):
    client.get(IP, PORT, path)
results = [client.poll(60000) for _ in range(3)]
print(results, len(events), client.stats()["exchanges_in_use"])

print("-- without errorCallback")
client.errorCallback = None
client.get(IP, PORT, "a")
while client.stats()["exchanges_in_use"]:
    client.poll(5)
print("ended")

print("-- stop forgets what is outstanding")
client, server, net = prepared(ack_timeout=5, max_retransmit=2)
del events[:]
client.get(IP, PORT, "a")
client.stop()
client.setCustomSocket(Net().socket(("x", 1)))
print(client.poll(0), events, client.stats()["exchanges_in_use"])
