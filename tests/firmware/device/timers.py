# Timers on this CPU, across the moment when its millisecond counter wraps (boards whose time begins shortly before
# it does it anyway): transmissions are doubled in time, the answer ends them, silence ends in one error.
import time

from support import PEER, endpoint, id_of, message

IP, PORT = PEER
errors = []
for round in range(4):
    coap, wire = endpoint(ack_timeout=40, ack_random_factor=1.0, max_retransmit=3)
    coap.errorCallback = lambda error, sender: errors.append(error.errno)
    start = time.ticks_ms()
    sent = []
    coap.get(IP, PORT, "a")
    while not errors and time.ticks_diff(time.ticks_ms(), start) < 60000:
        coap.poll(5)
        while len(sent) < len(wire.sent):
            sent.append(time.ticks_diff(time.ticks_ms(), start))
    end = time.ticks_diff(time.ticks_ms(), start)
    # RFC 7252 section 4.2: after 1, 3 and 7 timeouts again, after 15 no more. Never early; late as the machine is.
    print(len(sent), [at >= due for at, due in zip(sent, (0, 40, 120, 280))], end >= 600, len(set(wire.sent)), len(errors))
    del errors[:]

print("message ids: one more each time")
coap, wire = endpoint()
coap.responseCallback = lambda packet, sender: None
previous = None
steps = set()
for _ in range(50):
    coap.get(IP, PORT, "a", token=b"t")
    number = id_of(wire.take())
    if previous is not None:
        steps.add((number - previous) & 65535)
    previous = number
    wire.arriving.append(bytes([0x61, 0x45, number >> 8, number & 255]) + b"t")
    coap.poll(0)
print(steps, coap.stats()["exchanges_in_use"])

print("repetitions are recognised for as long as they may come, and not longer")
calls = []


def serving(**parameters):
    """Asks a server of its own, always the same."""
    server, wire = endpoint(**parameters)

    def handler(packet, ip, port):
        calls.append(packet.messageid)
        server.sendResponse(ip, port, packet.messageid, "x", 69, -1, packet.token)

    server.addIncomingRequestCallback("a", handler)

    def ask():
        wire.arriving.append(message("40 01 1234 b1 61"))
        server.poll(0)
        return wire.take()

    return ask


ask = serving()
print(ask() == ask(), len(calls))
ask = serving(max_latency=20, processing_delay=10, ack_timeout=10, ack_random_factor=1.0, max_retransmit=1)
ask()
time.sleep_ms(100)  # EXCHANGE_LIFETIME is 60 ms
ask()
print(len(calls))
