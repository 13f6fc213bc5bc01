# timeout: 300
# stderr: varies
# Each allocation of the classic layer fails in turn: MemoryError comes out, or what it hit is lost; then all works again.
import microcoapy
from injection import SHORT_LIVED, Case, inject
from support import CLIENT, SERVER, settle

IP, PORT = SERVER


class Classic(Case):
    def __init__(self, **parameters):
        super().__init__(**parameters)
        self.late = []
        for name in ("echo", "long"):
            self.server.addIncomingRequestCallback(name, getattr(self, name))
        self.client.responseCallback = self.told
        self.client.errorCallback = self.told

    def told(self, what, sender):
        what.token if isinstance(what, microcoapy.CoapPacket) else what.errno

    def answer(self, packet, ip, port, payload):
        self.server.sendResponse(ip, port, packet.messageid, payload, 69, 0, packet.token)

    def echo(self, packet, ip, port):
        self.runs.handled(packet)
        self.answer(packet, ip, port, packet.payload)

    def long(self, packet, ip, port):
        self.answer(packet, ip, port, bytes(3000))

    def later(self, packet, ip, port):
        self.late.append((packet, ip, port))


class Requests(Classic):
    def run(self):
        self.client.get(IP, PORT, "echo" + self.runs.next())
        settle(self.server, self.client)
        self.client.post(IP, PORT, "echo" + self.runs.next(), "payload", None, 50, "token")
        settle(self.server, self.client)
        self.client.get(IP, PORT, "nosuch")
        self.client.ping(IP, PORT)
        settle(self.server, self.client)


class NonConfirmable(Classic):
    """What is lost is given up after NON_LIFETIME alone."""

    def __init__(self):
        super().__init__(**SHORT_LIVED)

    def run(self):
        self.client.putNonConf(IP, PORT, "echo" + self.runs.next(), b"payload")
        settle(self.server, self.client)


class Packets(Classic):
    def run(self):
        packet = microcoapy.CoapPacket()
        packet.method = 1
        packet.token = "token"
        packet.addOption(2048, "value")
        packet.setUriPath("echo")
        self.client.sendEx(IP, PORT, "echo" + self.runs.next(), packet)
        settle(self.server, self.client)
        repr(packet)


class Late(Classic):
    """Answers after the handler's return."""

    def __init__(self):
        super().__init__()
        self.server.addIncomingRequestCallback("later", self.later)

    def run(self):
        self.client.get(IP, PORT, "later" + self.runs.next())
        settle(self.server, self.client)
        self.answer_all()

    def answer_all(self):
        while self.late:
            self.answer(*self.late[-1], "late")
            self.late.pop()
        settle(self.server, self.client)

    def nudge(self):
        # A request that its handler got, but could not keep, has been answered with 5.00.
        self.answer_all()


class Long(Classic):
    """A response in blocks."""

    def __init__(self):
        super().__init__(**SHORT_LIVED)

    def run(self):
        self.client.get(IP, PORT, "long")
        settle(self.server, self.client)


class Observed(Classic):
    def __init__(self):
        super().__init__()
        self.value = self.server.resource("value", obs=True)(lambda request: "value")

    def run(self):
        self.client.get(IP, PORT, "value", "token", 0)
        settle(self.server, self.client)
        self.value.notify()
        settle(self.server, self.client)
        self.end()

    def end(self):
        self.client.get(IP, PORT, "value", "token", 1)
        settle(self.server, self.client)

    def nudge(self):
        if self.server.stats()["observers_in_use"] or self.client.stats()["observations_in_use"]:
            self.end()


class TakenIn(Classic):
    """A sending call takes in what has arrived, for poll()."""

    def __init__(self):
        super().__init__()
        self.client.addIncomingRequestCallback("echo", self.echo_back)

    def echo_back(self, packet, ip, port):
        self.runs.handled(packet)
        self.client.sendResponse(ip, port, packet.messageid, "x", 69, 0, packet.token)

    def run(self):
        for _ in range(3):
            self.client.get(IP, PORT, "echo" + self.runs.next())
            self.server.get(CLIENT[0], CLIENT[1], "echo" + self.runs.next())
        settle(self.server, self.client)


for make in (Requests, NonConfirmable, Packets, Late, Long, Observed, TakenIn):
    for count in (1, 1000000):
        inject(make, count)
