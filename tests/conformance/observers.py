# SPDX-License-Identifier: MIT
"""Three clients that observe: libcoap's program, aiocoap, and raw datagrams.

`displayed(condition)` waits until it is true of the list of representations, (code, payload).
"""

import asyncio
import threading
import time

import aiocoap

import chance
import coapmsg
import net
import programs


class Display:
    """What is displayed, from any thread."""

    def __init__(self):
        self._seen = []
        self._changed = threading.Condition()

    def show(self, code, payload):
        with self._changed:
            self._seen.append((coapmsg.dotted(code), payload))
            self._changed.notify_all()

    def wait(self, condition):
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self._seen), net.PATIENCE), self._seen
            return list(self._seen)


class RawObserver:
    """Acknowledges what comes with its token, rejects everything else; repeats every second what is not answered."""

    def __init__(self, port, path, con=True):
        self.address = ("127.0.0.1", port)
        self.peer = net.RawPeer()
        self.token = chance.token()
        self.path = path
        self.display = Display()
        self._got = Display()
        self._tokens = {"rest": None, "get": None}
        self._unanswered = {}  # by message id: the request, and when to repeat it
        self._known = set()  # message ids of what has come
        self._body = b""
        self._etag = None
        self._lock = threading.Lock()
        self._closing = False
        self.ask(b"", con)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def ask(self, observe, con=True, token=None, options=()):
        options = list(options) if observe is None else [(coapmsg.OBSERVE, observe)]
        kind = coapmsg.CON if con else coapmsg.NON
        request = coapmsg.request(coapmsg.GET, self.path, kind, self.token if token is None else token, options)
        if observe == b"":
            self._known.clear()  # another server counts its message ids anew
        with self._lock:
            if con:
                self._unanswered[request.mid] = (request, time.monotonic() + 1)
        self.peer.send(request, self.address)

    def cancel(self):
        self.ask(b"\x01")

    def get(self):
        """Once, without observing."""
        self._tokens["get"] = chance.token()
        self.ask(None, token=self._tokens["get"])
        return self._got.wait(len)[0]

    def forget(self):
        """From now on nothing is known of the observation."""
        self.token = None

    def off(self):
        self._closing = True
        self._thread.join()
        self.peer.close()

    def _run(self):
        while not self._closing:
            got = self.peer.recv_bytes(0.1)
            if got:
                self._receive(coapmsg.decode(got[0]))
            now = time.monotonic()
            with self._lock:
                late = [request for request, at in self._unanswered.values() if at <= now]
                self._unanswered.update({request.mid: (request, now + 1) for request in late})
            for request in late:
                self.peer.send(request, self.address)

    def _receive(self, message):
        if message.mtype in (coapmsg.ACK, coapmsg.RST):
            with self._lock:
                self._unanswered.pop(message.mid, None)
        if message.is_empty:
            return
        wanted = message.token in (self.token, *self._tokens.values())
        if message.mtype == coapmsg.CON:
            self.peer.send(coapmsg.Message(coapmsg.ACK if wanted else coapmsg.RST, 0, message.mid), self.address)
        known = (message.mtype == coapmsg.ACK, message.mid)
        if not wanted or known in self._known:
            return
        self._known.add(known)
        if message.token == self._tokens["get"]:
            self._got.show(message.code, message.payload)
        else:
            self._part(message)

    def _part(self, message):
        """A representation, or the first block of one, or the next."""
        block = message.uint(coapmsg.BLOCK2) or 0
        if message.token == self.token:
            self._body, self._etag = b"", message.value(coapmsg.ETAG)
        elif block >> 4 << (block & 7) + 4 != len(self._body) or message.value(coapmsg.ETAG) != self._etag:
            return  # of another state than began last
        self._body += message.payload
        if block & 8:
            number = len(self._body) >> (block & 7) + 4
            self._tokens["rest"] = chance.token()
            self.ask(None, token=self._tokens["rest"], options=[(coapmsg.BLOCK2, coapmsg.uint(number << 4 | block & 7))])
        else:
            self.display.show(message.code, self._body)

    def displayed(self, condition):
        return self.display.wait(condition)


class AiocoapObserver:
    """Displays the latest: where several have come meanwhile, not each."""

    def __init__(self, port, path, con=True):
        self.display = Display()
        self._loop = asyncio.new_event_loop()
        self._uri = "coap://127.0.0.1:%d/%s" % (port, path)
        self._type = aiocoap.CON if con else aiocoap.NON
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._main(),), daemon=True)
        self._thread.start()

    def _show(self, message):
        self.display.show(int(message.code), message.payload)

    async def _main(self):
        self._context = await aiocoap.Context.create_client_context(transports=["udp6"])
        while True:
            pending = self._context.request(aiocoap.Message(code=aiocoap.GET, uri=self._uri, observe=0, _mtype=self._type))
            ended = self._loop.create_future()
            try:
                self._show(await pending.response)
                pending.observation.register_callback(self._show)
                pending.observation.register_errback(lambda error: ended.done() or ended.set_exception(error))
                await ended
            except aiocoap.error.ResourceChanged:
                pass  # between two blocks of a representation, which it gives up then: it registers again
            except aiocoap.error.Error:
                await asyncio.Event().wait()

    def get(self):
        async def ask():
            response = await self._context.request(aiocoap.Message(code=aiocoap.GET, uri=self._uri)).response
            return coapmsg.dotted(int(response.code)), response.payload

        return asyncio.run_coroutine_threadsafe(ask(), self._loop).result(net.PATIENCE)

    def displayed(self, condition):
        return self.display.wait(condition)


class LibcoapObserver:
    """Its output has a line for each representation; its codes are not displayed."""

    def __init__(self, port, path, con=True):
        options = [] if con else ["-N"]
        self.program = programs.Program(
            [programs.needs("coap-client-notls"), "-U", "-v", "3", "-w", "-s", "300", "-B", "310", *options]
            + ["coap://127.0.0.1:%d/%s" % (port, path)]
        )

    def off(self):
        self.program.kill()

    def displayed(self, condition):
        def displays():
            seen = [("2.05", line.encode()) for _, line in self.program.lines if line]
            return seen if condition(seen) else None

        return self.program.wait(displays, net.PATIENCE, "representation")


ALL = {"raw": RawObserver, "aiocoap": AiocoapObserver, "libcoap": LibcoapObserver}
PYTHON = {"raw": RawObserver, "aiocoap": AiocoapObserver}
