# A custom socket: CoAP over something that is no UDP socket, as a modem driven by AT commands or a radio.
# Here the 'radio' is a list in memory, so that client and server run in one program: micropython custom_socket.py
import errno

import microcoapy

COAP_CONTENT = microcoapy.COAP_RESPONSE_CODE.COAP_CONTENT
COAP_NONE = microcoapy.COAP_CONTENT_FORMAT.COAP_NONE


class Radio:
    """Carries datagrams between stations."""

    def __init__(self):
        self.waiting = {}  # address -> [(bytes, address of the sender)]

    def station(self, address):
        self.waiting[address] = []
        return RadioSocket(self, address)


class RadioSocket:
    """What microcoapy needs of a socket: sendto, recvfrom and setblocking."""

    def __init__(self, radio, address):
        self.radio = radio
        self.address = address

    def sendto(self, data, address):
        print("  %s -> %s: %d bytes" % (self.address[0], address[0], len(data)))
        if address not in self.radio.waiting:
            raise OSError(errno.EHOSTUNREACH)
        # data is only valid during this call: keep a copy
        self.radio.waiting[address].append((bytes(data), self.address))
        return len(data)

    def recvfrom(self, size):
        waiting = self.radio.waiting[self.address]
        if not waiting:
            raise OSError(errno.EAGAIN)  # nothing there; returning None or b"" says the same
        data, sender = waiting.pop(0)
        return data[:size], sender

    def setblocking(self, flag):
        pass  # recvfrom never blocks

    def close(self):
        del self.radio.waiting[self.address]


def temperature(packet, station, port):
    server.sendResponse(station, port, packet.messageid, "21.5", COAP_CONTENT, COAP_NONE, packet.token)


def received(packet, sender):
    print("answer of %s: %s" % (sender[0], packet.payload.decode()))


radio = Radio()

server = microcoapy.Coap()
server.setCustomSocket(radio.station(("sensor", 5683)))
server.addIncomingRequestCallback("temperature", temperature)

client = microcoapy.Coap()
client.setCustomSocket(radio.station(("gateway", 5683)))
client.responseCallback = received

print("asking: %d bytes" % client.get("sensor", 5683, "temperature"))
server.poll(0)
client.poll(0)

server.stop()
client.stop()
