# needs: block,observe,discovery,modern,oscore
# Requests that OSCORE protects, RFC 8613, between two endpoints.
import microcoapy
from support import pair, raised, told

SECRET = b"\xd0\x0d" * 8
HOST = "coap://10.0.0.2/"


def contexts(client_id=b"c", server_id=b"s", secret=SECRET, **keywords):
    return (
        microcoapy.SecurityContext(secret, b"salt", sender_id=client_id, recipient_id=server_id, **keywords),
        microcoapy.SecurityContext(secret, b"salt", sender_id=server_id, recipient_id=client_id, **keywords),
    )


client, server, net = pair()
ours, theirs = contexts()
guest, guest_there = contexts(b"g", id_context=b"guests")
stranger, _ = contexts(b"stran")
wrong, _ = contexts(secret=b"another secret")


def settle(exchange):
    """The response, or what was raised."""
    for _ in range(200):
        server.poll(0)
        client.poll(0)
        if exchange.done():
            break
    try:
        return exchange.wait(0)
    except OSError as error:
        return told(error)


def name(security):
    return {ours: "ours", theirs: "theirs", guest: "guest", guest_there: "guest there", None: None}[security]


def show(exchange):
    r = settle(exchange)
    if isinstance(r, str):
        print(r)
    else:
        print("%d.%02d" % (r.code >> 5, r.code & 31), r.payload, name(r.security))


sent = []  # what others see, the first datagrams


class Tap:
    def __init__(self, sock):
        self.sock = sock

    def sendto(self, data, address):
        if len(sent) < 5:
            sent.append(bytes(data))
        return self.sock.sendto(data, address)

    def recvfrom(self, size):
        return self.sock.recvfrom(size)

    def setblocking(self, flag):
        pass


client.setCustomSocket(Tap(client.sock))


@server.resource("locked/door", methods=("GET", "PUT"), security=theirs)
def door(request):
    return "%s by %s" % (request.payload, name(request.security))


@server.resource("lobby", security=[theirs, guest_there])
def lobby(request):
    return "welcome " + str(name(request.security))


@server.resource("any", security=True)
def anyone(request):
    return "any " + str(name(request.security))


@server.resource("open")
def free(request):
    return "open to " + str(name(request.security))


print("-- who may what")
for path in ("locked/door", "lobby", "any", "open"):
    for security in (None, ours, guest, stranger, wrong):
        show(client.get(HOST + path, security=security))
print(any(b"door" in data or b"lobby" in data for data in sent[1:5]))

print("-- bound to the peer")
client.secure(ours, "coap://10.0.0.2")
show(client.put(HOST + "locked/door", b"open"))
show(client.get(HOST + "open", security=False))
show(client.get(HOST + "open", security=guest))
print(client.get("10.0.0.2", 5683, "locked/door") > 0)
answers = []
client.responseCallback = lambda packet, sender: answers.append((packet.method, packet.payload))
for _ in range(4):
    server.poll(0)
    client.poll(0)
print(answers)
client.responseCallback = None
print(sorted(settle(client.get(HOST + ".well-known/core")).text.split(",")))
client.secure(None, "coap://10.0.0.2")
show(client.get(HOST + "locked/door"))

print("-- observed")
state = [b"first"]


@server.resource("state", obs=True, security=theirs)
def current(request):
    return state[0]


observation = client.observe(HOST + "state", security=ours)


def rounds(count):
    for _ in range(count):
        server.poll(0)
        client.poll(0)


for text in (b"first", b"second", b"third"):
    state[0] = text
    if text != b"first":
        current.notify()
    rounds(6)
    r = observation.wait(0)
    print(r.payload, name(r.security))
observation.cancel()
rounds(6)
print(server.stats()["observers_in_use"])

print("-- 64 KB in blocks, up and down")


class Pattern:
    """A body that is not kept anywhere."""

    def __init__(self, length):
        self.left = length
        self.wrong = False

    def readinto(self, buffer):
        count = min(self.left, len(buffer))
        for i in range(count):
            buffer[i] = (self.left - i) % 251
        self.left -= count
        return count

    def write(self, data):
        for i, byte in enumerate(data):
            self.wrong = self.wrong or byte != (self.left - i) % 251
        self.left -= len(data)


@server.resource("large", methods=("GET", "PUT"), security=theirs, into=lambda request: Pattern(65536))
def large(request):
    if request.code == 1:
        return Pattern(65536)
    return "%d left, wrong: %s" % (request.body.left, request.body.wrong)


def run(exchange):
    while not exchange.done():
        rounds(1)
    return exchange.wait(0)


print(run(client.put(HOST + "large", body=Pattern(65536), security=ours)).text)
target = Pattern(65536)
print(run(client.get(HOST + "large", into=target, security=ours)).code, target.left, target.wrong)

print("-- closed")
pending = client.get(HOST + "locked/door", security=ours)
ours.close()
print(raised(client.get, HOST + "open", security=ours))
rounds(3)
print(raised(pending.wait, 0))
with guest as g:
    print(name(g))
print(raised(client.get, HOST + "open", security=guest))
print(ours, repr(theirs), theirs.sender_id, theirs.recipient_id, theirs.id_context, guest_there.id_context)
again, _ = contexts(b"c2")
theirs.close()
show(client.get(HOST + "locked/door"))

print("-- in the place of what is closed")
late, late_there = contexts(b"late", secret=b"a later secret")
server.get("coap://10.0.0.1/none", security=late_there)
response = settle(client.get(HOST + "locked/door", security=late))
print(response.code, response.payload, response.security is late)
