# heapsize: 40k
# A whole heap of 40 KB is enough for a client and a server, and stays enough.
import gc

import microcoapy
from growing import growth


class Wire:
    def __init__(self, address):
        self.address = address
        self.data = None

    def sendto(self, data, address):
        self.other.data = bytes(data)
        return len(data)

    def recvfrom(self, size):
        data, self.data = self.data, None
        return (data, self.address) if data else None

    def setblocking(self, flag):
        pass


# Two endpoints in one small heap: ask for less than the unix port's default, and for its large blocks while there is room.
gc.collect()
small = {"max_message": 256, "message_store": 512}
client = microcoapy.Coap(**small)
server = microcoapy.Coap(**small)
to_server, to_client = Wire(("10.0.0.1", 1)), Wire(("10.0.0.2", 2))
to_server.other, to_client.other = to_client, to_server
client.setCustomSocket(to_client)
server.setCustomSocket(to_server)
got = 0


def handler(packet, ip, port):
    server.sendResponse(ip, port, packet.messageid, packet.payload, 69, -1, packet.token)


def response(packet, sender):
    global got
    got += len(packet.payload) == 100


server.addIncomingRequestCallback("a", handler)
client.responseCallback = response


def exchanges():
    for _ in range(100):
        client.post("10.0.0.2", 2, "a", bytes(100))
        server.poll(0)
        client.poll(0)


grown = growth(exchanges)
print(grown, got, gc.mem_free() + gc.mem_alloc() <= 40 * 1024)
