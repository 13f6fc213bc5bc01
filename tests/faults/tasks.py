# timeout: 300
# stderr: varies
# Each allocation fails in turn while tasks wait for exchanges and handlers are coroutines; then a new event loop works.
import asyncio
import io

import faults
import microcoapy
from injection import HOST, PATIENCE_MS, SHORT_LIVED, Case, inject


class Readable(io.IOBase):
    """A socket in memory that tells readiness, as tasks want it."""

    def __init__(self, sock):
        self.sock = sock
        self.sendto = sock.sendto
        self.recvfrom = sock.recvfrom

    def ioctl(self, request, argument):
        if request == 3:  # MP_STREAM_POLL
            return argument & (5 if self.sock.queue else 4)
        return 0


class Poller:
    """asyncio's, but without faults in register(): there MicroPython 1.25 itself does not survive them."""

    def __init__(self, poller):
        self.poller = poller
        self.unregister = poller.unregister
        self.modify = poller.modify
        self.ipoll = poller.ipoll

    def register(self, stream, events):
        faults.hold(True)
        self.poller.register(stream, events)
        faults.hold(False)


class Tasks(Case):
    # A notification that answers 5.00 ends the observation; what fails in wait_for() itself may be told as cancelled.
    follows = Case.follows + (StopAsyncIteration, asyncio.CancelledError)
    # An endpoint keeps its tasks of the last event loop, with what they had got to.
    sweeps = 6

    def __init__(self):
        super().__init__(**SHORT_LIVED)

        @self.server.resource("slow")
        async def slow(request):
            self.runs.handled(request)
            await asyncio.sleep_ms(0)
            return "slow"

        @self.server.resource("fails")
        async def fails(request):
            await asyncio.sleep_ms(0)
            raise microcoapy.CoapError(0x80, "a reason")

        self.value = self.server.resource("value", obs=True)(lambda request: "value")

    def endpoint(self, address):
        coap = super().endpoint(address)
        coap.setCustomSocket(Readable(coap.sock))
        return coap

    def run(self):
        faults.hold(True)
        loop = asyncio.new_event_loop()
        # What an endpoint's own tasks raise would be printed.
        loop.set_exception_handler(lambda loop, context: None)
        queue = asyncio.core._io_queue
        queue.poller = Poller(queue.poller)
        faults.hold(False)
        asyncio.run(asyncio.wait_for_ms(self.main(), PATIENCE_MS))

    async def main(self):
        serving = asyncio.create_task(self.server.serve())
        await asyncio.gather(*[self.ask("slow" + self.runs.next()) for _ in range(2)])
        await self.ask("fails")
        observation = self.keep(self.client.observe(HOST + "value"))
        await observation.__anext__()
        self.value.notify()
        await observation.__anext__()
        observation.cancel()
        serving.cancel()
        await asyncio.sleep_ms(0)

    async def ask(self, path):
        await self.keep(self.client.get(HOST + path))

    def recover(self):
        # A coroutine is nothing for poll().
        asyncio.new_event_loop()
        asyncio.run(self.drain())

    async def drain(self):
        serving = [asyncio.create_task(coap.serve()) for coap in (self.server, self.client)]
        for exchange in self.exchanges:
            exchange.cancel()
        while not self.is_quiet():
            if self.server.stats()["observers_in_use"]:
                self.value.notify()
            await asyncio.sleep_ms(1)
        for task in serving:
            task.cancel()
        # They end.
        await asyncio.sleep_ms(0)


for count in (1, 3):
    inject(Tasks, count)
