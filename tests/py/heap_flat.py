# timeout: 120
# 100,000 exchanges leave the heap where it was: CON and NON, with and without payload, answered and not.
import microcoapy
from growing import growth
from support import QUICK, message

# The warm-up, and three times as many as growth compares.
EXCHANGES = 100 if QUICK else 5500


class Wire:
    """One direction of a link that holds one datagram; makes no garbage but the datagram."""

    def __init__(self, address):
        self.address = address
        self.data = None
        self.other = None

    def sendto(self, data, address):
        self.other.data = data
        return len(data)

    def recvfrom(self, size):
        if self.data is None:
            return None
        data = self.data
        self.data = None
        return data, self.address

    def setblocking(self, flag):
        pass


answered = 0
handled = 0


def handler(packet, ip, port):
    global handled
    handled += 1
    server.sendResponse(ip, port, packet.messageid, packet.payload, 69, 0, packet.token)


def answer(packet, sender):
    global answered
    answered += 1


# The lifetimes are short (EXCHANGE_LIFETIME 3 ms), as a message id is not used again within them.
parameters = {"ack_timeout": 60000, "max_retransmit": 0, "max_latency": 1, "processing_delay": 1}
client = microcoapy.Coap(**parameters)
server = microcoapy.Coap(**parameters)
to_server, to_client = Wire(("10.0.0.1", 5683)), Wire(("10.0.0.2", 5683))
to_server.other, to_client.other = to_client, to_server
client.setCustomSocket(to_client)
server.setCustomSocket(to_server)
server.addIncomingRequestCallback("a", handler)
client.responseCallback = answer


sent = 0


def exchanges():
    global sent
    for number in range(EXCHANGES):
        if number & 3 == 0:
            n = client.get("10.0.0.2", 5683, "a?x=1")
        elif number & 3 == 1:
            n = client.post("10.0.0.2", 5683, "a", b"payload")
        elif number & 3 == 2:
            n = client.getNonConf("10.0.0.2", 5683, "a")
        else:
            n = client.get("10.0.0.2", 5683, "nosuch")
        sent += n > 0
        server.poll(0)
        client.poll(0)


print("heap grew by", growth(exchanges))
print("all sent", sent == 19 * EXCHANGES, "all answered", answered == sent, "handled", handled == sent * 3 // 4)
stats = client.stats()
print([stats[name] for name in ("exchanges_in_use", "transmissions_in_use", "requests_in_use", "timeouts", "malformed")])

# the heap stays flat when the answer never comes, too
lost = 0


def count_lost(error, sender):
    global lost
    lost += 1


client.errorCallback = count_lost
quiet = microcoapy.Coap(ack_timeout=1, max_retransmit=1, max_latency=1, processing_delay=1)
quiet.setCustomSocket(to_client)
quiet.errorCallback = count_lost


def unanswered():
    for _ in range(10):
        quiet.get("10.0.0.2", 5683, "a")
        to_server.data = None
        quiet.poll(60000)
        to_server.data = None


print("unanswered: heap grew by", growth(unanswered), "lost", lost)


def garbage():
    for number in range(100):
        to_server.data = message(number & 3, number & 255, number, b"", b"\xb1b\xd0")
        server.poll(0)
        to_client.data = None


print("garbage: heap grew by", growth(garbage))

kept = []
print("a leak is seen:", growth(lambda: kept.append(bytearray(1))) > 0)
