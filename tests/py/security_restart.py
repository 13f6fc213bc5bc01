# needs: block,observe,discovery,modern,oscore
# What of a security context outlives a restart, RFC 8613 appendix B.1: no sequence number is used twice, and a request
# from before the restart is not taken again.
import errno

import microcoapy
from support import CLIENT, SERVER, Net

class Store:
    """A number that outlives the endpoints."""

    def __init__(self):
        self.number = None
        self.works = True

    def load(self):
        return self.number

    def save(self, number):
        if not self.works:
            raise OSError(errno.EIO)
        self.number = number


SECRET = b"\x5e" * 16


def context(is_client, store):
    ids = (b"c", b"s") if is_client else (b"s", b"c")
    return microcoapy.SecurityContext(
        SECRET, sender_id=ids[0], recipient_id=ids[1], load=store.load, save=store.save
    )


class Endpoints:
    """Both sides; what each sends, and what the server's handler is asked."""

    def __init__(self):
        self.net = Net()
        self.sent = []
        self.asked = []
        self.side = {}
        self.stores = {True: Store(), False: Store()}
        for is_client in (True, False):
            self.switch_on(is_client)

    def switch_on(self, is_client):
        coap = microcoapy.Coap()
        coap.setCustomSocket(self.net.socket(CLIENT if is_client else SERVER))
        security = context(is_client, self.stores[is_client])
        self.side[is_client] = coap, security
        if not is_client:
            coap.resource("x", security=security, methods=("GET", "PUT"))(self.handler)

    def handler(self, request):
        self.asked.append(request.payload)
        return "done"

    def poll(self):
        for is_client in (True, False):
            for _ in range(3):
                self.side[is_client][0].poll(0)

    def request(self, payload):
        client, security = self.side[True]
        exchange = client.put("coap://10.0.0.2/x", payload, security=security)
        queue = self.net.waiting[SERVER]
        self.sent.append(queue[-1])
        for _ in range(8):
            self.poll()
        return exchange.wait(0)


def piv(datagram):
    """The Partial IV of a request."""
    at = 4 + (datagram[0] & 15)
    number = 0
    while datagram[at] != 0xFF:
        number += datagram[at] >> 4
        length = datagram[at] & 15
        if number == 9:
            value = datagram[at + 1 : at + 1 + length]
            return int.from_bytes(value[1 : 1 + (value[0] & 7)], "big")
        at += 1 + length


print("-- restarts")
ends = Endpoints()
used = []
for restart in range(4):
    for _ in range(3):
        print(ends.request(b"%d" % restart).text, end=" ")
        used.append(piv(ends.sent[-1][0]))
    ends.switch_on(True)
print(len(used) == len(set(used)), used == sorted(used))
print(len(ends.asked))

old = ends.sent[-1]
ends.switch_on(False)
ends.net.waiting[SERVER].append(old)
before = len(ends.asked)
for _ in range(4):
    ends.poll()
print("replayed after a restart:", len(ends.asked) - before)
print(ends.request(b"fresh").text, len(ends.asked) - before)
ends.net.waiting[SERVER].append(old)
for _ in range(4):
    ends.poll()
print("and after that:", len(ends.asked) - before)

print("-- where it cannot be stored")
ends.stores[True].works = False
outcomes = []
for _ in range(200):
    try:
        outcomes.append(ends.request(b"x").code)
        used.append(piv(ends.sent[-1][0]))
    except OSError as error:
        outcomes.append(errno.errorcode[error.errno])
print(sorted(set(str(outcome) for outcome in outcomes)), ends.stores[True].number - 1 == max(used))
ends.stores[True].works = True
print(ends.request(b"again").text, len(used) == len(set(used)))
