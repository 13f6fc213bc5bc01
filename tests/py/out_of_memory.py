# heapsize: 150k
# timeout: 60
# A heap that is full while poll runs: MemoryError comes out or a datagram is lost, nothing breaks, nothing leaks.
import gc

from growing import grown, heap
from support import QUICK, empty, fill, pair

ROUNDS = 60 if QUICK else 400
client, server, net = pair(ack_timeout=10, max_retransmit=10, max_latency=1, processing_delay=1, max_message=512, message_store=1024)
ended = 0
answered = 0
# Bytes of a response beside its request's; then the server needs more than the request gives back.
more = 0


def handler(packet, ip, port):
    server.sendResponse(ip, port, packet.messageid, packet.payload + bytes(more), 69, -1, packet.token)


def response(packet, sender):
    global ended, answered
    ended += 1
    answered += len(packet.payload) == 300 + more


def failed(error, sender):
    global ended
    ended += 1


server.addIncomingRequestCallback("a", handler)
client.responseCallback = response
client.errorCallback = failed


def full(free):
    """Fills the heap but for so many bytes, then polls; what raised MemoryError: 1 the server, 2 the client."""
    fill(filling, free)
    raised = 0
    try:
        server.poll(0)
    except MemoryError:
        raised |= 1
    try:
        client.poll(0)
    except MemoryError:
        raised |= 2
    empty(filling)
    return raised


filling = [None] * 1500
seen = 0
# Requests whose response came when there was no memory for its packet: MemoryError told of them.
untold = 0
once = True
sizes = [0] * (ROUNDS // 4 * 3)
for number in range(ROUNDS):
    gc.collect()
    ended = 0
    more = 150 * (number & 1)
    assert client.post("10.0.0.2", 5683, "a", b"x" * 300) > 0
    raised = full(number % 40 * 64)
    gc.collect()
    while client.stats()["exchanges_in_use"]:
        server.poll(0)
        client.poll(1)
    if ended == 0 and raised & 2:
        untold += 1
    elif ended != 1:
        once = False
    seen |= raised
    # The first quarter does what is done once.
    if number >= ROUNDS // 4:
        sizes[number - ROUNDS // 4] = heap()
print("each ended once:", once, "some answered:", answered > ROUNDS // 4, "MemoryError came out:", seen != 0, untold < ROUNDS // 4)
print("exchanges in use", client.stats()["exchanges_in_use"], "requests", server.stats()["requests_in_use"])
print("heap grew by", grown(sizes))
