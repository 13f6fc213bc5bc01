# timeout: 300
# stderr: varies
# Each allocation of the modern layer fails in turn: MemoryError comes out, or what it hit ends; then all works again.
import microcoapy
from injection import HOST, PARAMETERS, SHORT_LIVED, Case, inject
from support import CLIENT, SERVER, settle

CLIENT_2 = ("10.0.0.3", 5683)


class Sink:
    def write(self, data):
        pass


class Source:
    def __init__(self):
        self.left = 3000

    def readinto(self, buffer):
        count = min(self.left, len(buffer))
        self.left -= count
        return count


class Construct(Case):
    """A new endpoint, which talks."""

    other = None

    def run(self):
        self.other = self.endpoint(CLIENT_2)
        self.keep(self.other.get(HOST + "plain"))
        settle(self.server, self.other)
        self.other.stop()

    def recover(self):
        if self.other is not None:
            self.other.stop()
            self.other = None
        # What is still sent to it goes nowhere.
        self.net.waiting.pop(CLIENT_2, None)


class Register(Case):
    def run(self):
        self.server.resource("new", rt="x", ct=50, understands=(2048,))(lambda request: "new")
        self.server.addIncomingRequestCallback("classic", lambda packet, ip, port: None)
        exchange = self.client.get(HOST + "new")
        self.finish(exchange)

    def recover(self):
        for path in ("new", "classic"):
            self.server.callbacks.pop(path, None)


class Get(Case):
    def __init__(self):
        super().__init__()

        @self.server.resource("get", etag=lambda request: b"tag")
        def get(request):
            self.runs.handled(request)
            return microcoapy.Response(69, "body", options=[(2050, b"x")], max_age=5)

    def run(self):
        query = self.runs.next()
        self.finish(self.client.get(HOST + "get" + query, accept=0, etag=b"other", options=[(2052, b"y")]))
        self.finish(self.client.get(HOST + "nosuch"))


class Raises(Case):
    def __init__(self):
        super().__init__()

        @self.server.resource("raises")
        def raises(request):
            self.runs.handled(request)
            raise microcoapy.CoapError(0x80, "a reason")

        @self.server.resource("breaks")
        def breaks(request):
            raise ValueError("breaks")

    def run(self):
        self.finish(self.client.get(HOST + "raises" + self.runs.next()))
        self.finish(self.client.get(HOST + "breaks"))


class Observe(Case):
    def __init__(self):
        super().__init__()
        self.observation = None
        self.told = 0
        self.value = self.server.resource("value", obs=True)(lambda request: "value")

    def tell(self, response):
        self.told += 1

    def run(self):
        self.observation = self.client.observe(HOST + "value", callback=self.tell)
        settle(self.server, self.client)
        self.value.notify()
        settle(self.server, self.client)
        self.observation.cancel()
        settle(self.server, self.client)
        self.observation = self.client.observe(HOST + "value")
        for _ in range(3):
            settle(self.server, self.client)
            self.value.notify()
        settle(self.server, self.client)
        for _ in range(3):
            self.observation.wait(0)
        self.observation.cancel()
        settle(self.server, self.client)

    def recover(self):
        if self.observation:
            self.observation.cancel()

    def nudge(self):
        # Who does not observe any more rejects a notification.
        if self.server.stats()["observers_in_use"]:
            self.value.notify()


class Stored(Case):
    """A resource that answers with a stored value."""

    def __init__(self):
        super().__init__()
        self.stored = self.server.resource("stored", value="first", obs=True)

    def run(self):
        self.finish(self.client.get(HOST + "stored"))
        self.stored.value = "second"
        self.finish(self.client.get(HOST + "stored"))


class Upload(Case):
    def __init__(self):
        super().__init__(**SHORT_LIVED)

        @self.server.resource("up", methods=("PUT",))
        def up(request):
            self.runs.handled(request)
            return "%d" % len(request.payload)

        @self.server.resource("into", methods=("PUT",), into=lambda request: Sink())
        def into(request):
            self.runs.handled(request)
            return "into"

    def run(self):
        self.finish(self.client.put(HOST + "up" + self.runs.next(), bytes(3000), progress=lambda done, total: None))
        self.finish(self.client.put(HOST + "into" + self.runs.next(), body=Source()))


class Download(Case):
    def __init__(self):
        super().__init__(**SHORT_LIVED)
        self.server.resource("bytes")(lambda request: bytes(3000))
        self.server.resource("stream")(lambda request: Source())
        self.server.resource("generator")(self.generator)

    def generator(self, request):
        for _ in range(3):
            yield bytes(900)

    def run(self):
        self.finish(self.client.get(HOST + "bytes"))
        self.finish(self.client.get(HOST + "stream", into=Sink(), progress=lambda done, total: None))
        self.finish(self.client.get(HOST + "generator"))


class Discover(Case):
    def __init__(self):
        super().__init__()
        for number in range(5):
            self.server.resource("resource/%d" % number, rt="type", title="a title of some length")(lambda request: "x")

    def run(self):
        self.discovery = self.client.discover(HOST)
        settle(self.server, self.client)
        # Without an answer next() would wait for one.
        if not self.client.stats()["exchanges_in_use"]:
            for link in self.discovery:
                link.target, link.attributes, link.uri

    def recover(self):
        self.discovery = None


class State(Case):
    def run(self):
        state = self.client.export_state()
        self.client.stats()
        other = microcoapy.Coap(state=state, **PARAMETERS)
        other.setCustomSocket(self.net.socket(CLIENT_2))
        other.stop()


class StopStart(Case):
    def run(self):
        self.keep(self.client.get(HOST + "plain"))
        self.client.stop()
        self.client.setCustomSocket(self.net.socket(CLIENT))
        self.server.stop()
        self.server.setCustomSocket(self.net.socket(SERVER))
        self.finish(self.client.get(HOST + "plain"))

    def recover(self):
        for coap, address in ((self.client, CLIENT), (self.server, SERVER)):
            if coap.sock is None:
                coap.setCustomSocket(self.net.socket(address))


class WithoutSocket(Case):
    """feed() and take()."""

    def __init__(self):
        super().__init__()
        self.one = microcoapy.Coap(**PARAMETERS)
        self.two = microcoapy.Coap(**PARAMETERS)
        self.two.resource("x")(lambda request: "x")

    def carry(self):
        for sender, receiver, address in ((self.one, self.two, CLIENT), (self.two, self.one, SERVER)):
            taken = sender.take()
            while taken is not None:
                receiver.feed(taken[0], address)
                taken = sender.take()

    def run(self):
        self.keep(self.one.get(HOST + "x"))
        self.carry()
        self.carry()
        self.one.next_timeout_ms()

    def recover(self):
        while not all(exchange.done() for exchange in self.exchanges):
            self.carry()
        while self.one.stats()["exchanges_in_use"] or self.two.stats()["requests_in_use"]:
            self.carry()


class TakenIn(Case):
    """A sending call takes in what has arrived, for poll()."""

    def __init__(self):
        super().__init__()

        @self.server.resource("get")
        def get(request):
            self.runs.handled(request)
            return "x"

        # For requests between the two in both directions.
        self.client.resource("get")(get)

    def run(self):
        for _ in range(2):
            self.keep(self.client.get(HOST + "get" + self.runs.next(), into=Sink()))
            self.keep(self.server.get("coap://10.0.0.1/get" + self.runs.next(), progress=lambda done, total: None))
        settle(self.server, self.client)


for make in (
    Construct, Register, Get, Raises, Observe, Stored, Upload, Download, Discover, State, StopStart, WithoutSocket, TakenIn,
):
    for count in (1, 1000000):
        inject(make, count)
