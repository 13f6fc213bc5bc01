# What the tests of this folder share; no test itself.
import time

import faults
import microcoapy
from growing import heap
from support import CLIENT, SERVER, Net, settle

HOST = "coap://10.0.0.2/"
# What was lost is soon given up. But EXCHANGE_LIFETIME is minutes: what waits for its end will be found to be stuck.
PARAMETERS = {"ack_timeout": 4, "max_retransmit": 5, "nstart": 4, "message_store": 4096}
# Transfers that the other side has abandoned are forgotten at its end. What is repeated later is a new request.
SHORT_LIVED = {"max_latency": 1, "processing_delay": 1}
SHORT_LIFETIME_MS = 4 * 31 + 3
PATIENCE_MS = 30000
IN_USE = (
    "exchanges_in_use", "transmissions_in_use", "requests_in_use", "bodies_in_use", "observations_in_use", "observers_in_use",
)


class Runs:
    """How often the handler ran for each request, which has its number as query."""

    def __init__(self):
        self.number = 0
        self.count = {}

    def next(self):
        self.number += 1
        return "?%d" % self.number

    def handled(self, request):
        number = int(request.query)
        self.count[number] = self.count.get(number, 0) + 1

    def most(self):
        most = max(self.count.values()) if self.count else 0
        self.count.clear()
        return most


class Case:
    """A client, a server and what is wrong with them."""

    # What could not be sent or received for want of memory is an OSError, as ever.
    follows = (MemoryError, OSError)
    host = HOST

    # How often all allocations fail in turn, to see whether that leaves something behind.
    sweeps = 3

    def __init__(self, **parameters):
        self.parameters = dict(PARAMETERS, **parameters)
        self.started = time.ticks_ms()
        self.net = Net()
        self.runs = Runs()
        self.wrong = []
        self.exchanges = []
        self.client = self.endpoint(CLIENT)
        self.server = self.endpoint(SERVER)
        self.server.resource("plain")(lambda request: "plain")

    def endpoint(self, address):
        coap = microcoapy.Coap(**self.parameters)
        coap.setCustomSocket(self.net.socket(address))
        return coap

    def keep(self, exchange):
        """The exchange, which has to end."""
        self.exchanges.append(exchange)
        return exchange

    def is_quiet(self):
        client, server = self.client.stats(), self.server.stats()
        in_use = any(client[name] + server[name] for name in IN_USE)
        return not in_use and not any(self.net.waiting.values()) and all(exchange.done() for exchange in self.exchanges)

    def calm(self, told):
        """Until nothing is under way any more."""
        started = time.ticks_ms()
        while not self.is_quiet():
            self.nudge()
            self.server.poll(0)
            self.client.poll(1)
            if time.ticks_diff(time.ticks_ms(), started) > PATIENCE_MS:
                used = [name for name in IN_USE if self.client.stats()[name] or self.server.stats()[name]]
                raise AssertionError("stuck after %s: %s" % (told, used))

    def finish(self, exchange):
        self.keep(exchange)
        settle(self.server, self.client)
        return exchange.wait(0) if exchange.done() else None

    def check(self, told):
        """After a fault: all ends, once, and the next exchange works."""
        self.recover()
        self.calm(told)
        del self.exchanges[:]
        most = self.runs.most()
        is_late = "max_latency" in self.parameters and time.ticks_diff(time.ticks_ms(), self.started) >= SHORT_LIFETIME_MS
        if most > 1 and not is_late:
            self.wrong.append("handled %d times after %s" % (most, told))
        exchange = self.client.get(self.host + "plain")
        while not exchange.done():
            self.server.poll(0)
            self.client.poll(1)
        try:
            if exchange.wait().payload != b"plain":
                self.wrong.append("another answer after " + told)
        except Exception as error:
            self.wrong.append("%r after %s" % (error, told))

    def recover(self):
        """What a program does after a MemoryError; the case's own."""

    def nudge(self):
        """What it does until all is quiet."""


def attempt(case, n, count):
    """Runs the case while allocations fail from the nth on. False: it was through before."""
    told = None
    case.started = time.ticks_ms()
    faults.fail(n, count)
    try:
        case.run()
    except BaseException as error:
        told = error
    failed = faults.stop()
    if told is not None and not (failed and isinstance(told, case.follows)):
        case.wrong.append("%r of allocation %d" % (told, n))
    case.check("allocation %d" % n)
    return failed != 0


def sweep(case, count):
    """Each allocation fails in turn, with the count - 1 that follow it; the least size of the heap meanwhile."""
    n = 0
    least = heap()
    while attempt(case, n, count):
        least = min(least, heap())
        n += 1
    if n == 0:
        case.wrong.append("no allocation")
    return least


def inject(make, count=1):
    """Prints what went wrong, and by how much each sweep has left the heap larger than the one before."""
    case = make()
    # What is done once.
    for _ in range(3):
        case.run()
        case.check("nothing")
    # What one failed allocation may leave, several in a row may leave too.
    sizes = [0] * (case.sweeps if count == 1 else 1)
    for number in range(len(sizes)):
        sizes[number] = sweep(case, count)
    # Each sweep leaves it; what the collector keeps by chance comes and goes.
    grew = max(0, min([b - a for a, b in zip(sizes, sizes[1:])] or [0]))
    print(make.__name__, "one" if count == 1 else "many", "wrong:", case.wrong[:5], "heap grew by", grew)
