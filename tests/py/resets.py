# RSTs: each is reported before what comes after it, and makes room at once.
import microcoapy
from support import Scripted, message


def reset(request):
    data, address = request
    return message(3, 0, data[2] << 8 | data[3]), address


def answer(request):
    data, address = request
    return message(2, 0x45, data[2] << 8 | data[3], data[4 : 4 + (data[0] & 15)]), address


def fill(coap, network):
    """Sends requests to peers of their own until there is no room; how many went out."""
    count = 0
    while count < 1000 and coap.get("10.0.%d.%d" % (network, count), 5683, "x"):
        count += 1
    return count


coap = microcoapy.Coap()
sock = Scripted()
coap.setCustomSocket(sock)
first = fill(coap, 0)
requests, sock.sent = sock.sent, []
events = []
again = []


def response(packet, sender):
    events.append("response")
    again.append(fill(coap, 1))


coap.responseCallback = response
coap.errorCallback = lambda error, sender: events.append("reset")
sock.script = [reset(request) for request in requests[:-1]] + [answer(requests[-1])]
while coap.poll(-1):
    pass
print("all room is there again:", again == [first], "in order:", events == ["reset"] * (first - 1) + ["response"])

# the same without anybody who is told of them
coap.errorCallback = None
requests = sock.sent
sock.script = [reset(request) for request in requests[:-1]] + [answer(requests[-1])]
events, again, sock.sent = [], [], []
while coap.poll(-1):
    pass
print("all room is there again:", again == [first], events)
