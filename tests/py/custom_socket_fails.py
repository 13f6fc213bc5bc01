# timeout: 120
# Each call of a custom socket's methods fails in turn, through exchanges of both layers: what is lost is sent again or
# ends with an error, each request is handled at most once, and afterwards everything works.
# needs: observe,block
import errno

import microcoapy
from growing import grown, heap
from support import CLIENT, SERVER, Net, NetSocket, settle

HOST = "coap://10.0.0.2/"
IP, PORT = SERVER
# The lifetimes are short: a NON that was lost, and a transfer that was given up, are soon forgotten.
PARAMETERS = {"ack_timeout": 10, "max_retransmit": 3, "nstart": 4, "max_latency": 1, "processing_delay": 1}


class Fault:
    """Lets the nth call from now on raise."""

    def __init__(self):
        self.left = -1
        self.hit = None

    def arm(self, n):
        self.left = n
        self.hit = None

    def call(self, name):
        if self.left == 0:
            self.hit = name
        self.left -= 1
        if self.left == -1:
            raise OSError(errno.EIO)


class Failing(NetSocket):
    def sendto(self, data, address):
        fault.call("sendto")
        return super().sendto(data, address)

    def recvfrom(self, size):
        fault.call("recvfrom")
        return super().recvfrom(size)

    def setblocking(self, flag):
        fault.call("setblocking")

    def isUnixCompatible(self):
        fault.call("isUnixCompatible")
        return True

    def close(self):
        fault.call("close")


class Asked(Failing):
    """Tells whether it is readable."""

    def ioctl(self, request, argument):
        fault.call("ioctl")
        return argument & (5 if self.queue else 4) if request == 3 else 0


def open_link(coap, address):
    """A new socket for the endpoint; until it is there."""
    while coap.sock is None:
        try:
            coap.setCustomSocket(kind(net, net.waiting.setdefault(address, []), address))
        except OSError:
            pass


class Value:
    """A request's number, and how often it was handled."""

    def __init__(self):
        self.number = 0
        self.handled = 0
        self.twice = 0

    def next(self):
        self.number += 1
        self.handled = 0
        return "?%d" % self.number

    def ran(self, query):
        if int(query) == self.number:
            self.handled += 1
            self.twice += self.handled == 2


def classic(packet, ip, port):
    value.ran(packet.query)
    server.sendResponse(ip, port, packet.messageid, "classic", 69, -1, packet.token)


def modern(request):
    value.ran(request.query)
    return request.payload or "modern"


def done(exchange):
    while not exchange.done():
        server.poll(0)
        client.poll(1)
    try:
        return exchange.wait()
    except OSError as error:
        failures.add(error.errno)


def sends():
    """Exchanges of both layers; nothing of it raises."""
    done(client.get(HOST + "modern" + value.next()))
    done(client.get(HOST + "modern" + value.next(), non=True))
    done(client.put(HOST + "modern" + value.next(), payload, block_size=32))
    done(client.get(HOST + "long", block_size=32))
    client.get(IP, PORT, "classic" + value.next())
    settle(server, client)
    client.postNonConf(IP, PORT, "classic" + value.next(), "payload")
    client.ping(IP, PORT)
    settle(server, client)


def observes():
    observation = client.observe(HOST + "observed", callback=lambda response: None)
    settle(server, client)
    observed.notify()
    settle(server, client)
    observation.cancel()
    settle(server, client)


def opens():
    for coap, address in ((client, CLIENT), (server, SERVER)):
        coap.stop()
        net.waiting[address].clear()
        open_link(coap, address)
    done(client.get(HOST + "modern" + value.next()))


def calm():
    """Until nothing is under way."""
    while True:
        used = [coap.stats()[name] for coap in (client, server) for name in IN_USE]
        if not any(used) and not any(net.waiting.values()):
            return
        if server.stats()["observers_in_use"]:
            observed.notify()
        server.poll(0)
        client.poll(1)


def each_call_fails(work):
    n = 0
    while True:
        fault.arm(n)
        work()
        hit = fault.hit
        fault.arm(-1)
        calm()
        if done(client.get(HOST + "modern" + value.next())).payload != b"modern":
            print("no answer after", hit, n)
        if hit is None:
            return
        hits.add(hit)
        n += 1


def size_after(work):
    """Bytes of the heap after a sweep: the least of several, with an exchange before each. What the endpoints keep of the
    last one, times and ids, may look like pointers to the collector."""
    each_call_fails(work)
    least = heap()
    for _ in range(5):
        done(client.get(HOST + "modern" + value.next()))
        calm()
        least = min(least, heap())
    return least


def growth(work):
    """Bytes by which the heap grows with each sweep. The first one does what is done once."""
    each_call_fails(work)
    sizes = [0] * 3
    for number in range(len(sizes)):
        sizes[number] = size_after(work)
    return grown(sizes)


IN_USE = (
    "exchanges_in_use", "transmissions_in_use", "requests_in_use", "bodies_in_use", "observations_in_use", "observers_in_use",
)
payload = bytes(100)
value = Value()
fault = Fault()
hits = set()
failures = set()
net = Net()
client = microcoapy.Coap(**PARAMETERS)
server = microcoapy.Coap(**PARAMETERS)
server.addIncomingRequestCallback("classic", classic)
client.responseCallback = client.errorCallback = lambda what, sender: None
server.resource("modern", methods=("GET", "PUT"))(modern)
server.resource("long")(lambda request: payload)
observed = server.resource("observed", obs=True)(lambda request: "observed")
for kind in (Failing, Asked):
    hits.clear()
    for coap, address in ((client, CLIENT), (server, SERVER)):
        coap.stop()
        open_link(coap, address)
    for work in (sends, observes, opens):
        print(kind.__name__, work.__name__, "heap grew by", growth(work))
    # Readiness is asked for when a timer is due, or while poll() waits: not at a certain call.
    print(sorted(hits - {"ioctl"}))
print("handled twice:", value.twice, "failures:", failures <= {errno.ETIMEDOUT, errno.EIO, errno.ECONNRESET})
