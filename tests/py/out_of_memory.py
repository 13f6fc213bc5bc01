# heapsize: 150k
# timeout: 60
# A heap that is full while poll runs: MemoryError comes out or a datagram is lost, nothing breaks, nothing leaks.
import gc

from support import QUICK, pair

ROUNDS = 60 if QUICK else 400
client, server, net = pair(ack_timeout=3, max_retransmit=3, max_latency=1, processing_delay=1, max_message=512, message_store=1024)
ended = 0
answered = 0


def handler(packet, ip, port):
    server.sendResponse(ip, port, packet.messageid, packet.payload, 69, -1, packet.token)


def response(packet, sender):
    global ended, answered
    ended += 1
    answered += len(packet.payload) == 300


def failed(error, sender):
    global ended
    ended += 1


server.addIncomingRequestCallback("a", handler)
client.responseCallback = response
client.errorCallback = failed


def full(free):
    """Fills the heap but for a few blocks, then polls; what raised MemoryError: 1 the server, 2 the client."""
    kept = None
    size = 4096
    while size >= 16:
        try:
            while True:
                kept = [kept, bytearray(size)]
        except MemoryError:
            pass
        size //= 2
    while free and kept:
        kept = kept[0]
        free -= 1
    raised = 0
    try:
        server.poll(0)
    except MemoryError:
        raised |= 1
    try:
        client.poll(0)
    except MemoryError:
        raised |= 2
    return raised


def used():
    gc.collect()
    return gc.mem_alloc()


seen = 0
for number in range(ROUNDS):
    gc.collect()
    assert client.post("10.0.0.2", 5683, "a", b"x" * 300) > 0
    seen |= full(number % 40)
    gc.collect()
    while ended <= number:
        server.poll(0)
        client.poll(1)
    if number == ROUNDS // 2:
        before = used()
print("each ended once:", ended == ROUNDS, "some answered:", answered > ROUNDS // 2, "MemoryError came out:", seen != 0)
print("exchanges in use", client.stats()["exchanges_in_use"], "requests", server.stats()["requests_in_use"])
print("heap", used() - before <= 64)
