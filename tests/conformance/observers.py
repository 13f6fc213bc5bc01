# SPDX-License-Identifier: MIT
"""Three clients that observe: libcoap's program, aiocoap, and raw datagrams.

`displayed(count)` waits for that many representations, (code, payload).
"""

import asyncio
import re
import threading

import aiocoap

import coapmsg
import net
import programs


class RawObserver:
    """Acknowledges what comes with its token, rejects everything else."""

    def __init__(self, port, path, con=True, own_port=0, register=True, cancelled=False):
        self.address = ("127.0.0.1", port)
        self.peer = net.RawPeer(port=own_port)
        self.token = b"obs1"
        self.path = path
        self.seen = []
        self.bodies = {}
        self._changed = threading.Condition()
        self._closing = False
        if register:
            self.ask(b"", con)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def ask(self, observe, con=True, token=None):
        options = [] if observe is None else [(coapmsg.OBSERVE, observe)]
        token = self.token if token is None else token
        kind = coapmsg.CON if con else coapmsg.NON
        self.peer.send(coapmsg.request(coapmsg.GET, self.path, kind, token, options), self.address)

    def cancel(self):
        self.ask(b"\x01")

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

    def _receive(self, message):
        if message.is_empty:
            return
        known = self.token is not None and message.token in (self.token, b"rest", b"get2")
        if message.mtype == coapmsg.CON:
            kind = coapmsg.ACK if known else coapmsg.RST
            self.peer.send(coapmsg.Message(kind, 0, message.mid), self.address)
        if not known:
            return
        block = message.uint(coapmsg.BLOCK2) or 0
        body = (self.bodies.get(b"rest", b"") if message.token == b"rest" else b"") + message.payload
        self.bodies[b"rest"] = body
        if block & 8:
            number = len(body) >> (block & 7) + 4
            option = (coapmsg.BLOCK2, coapmsg.uint(number << 4 | block & 7))
            rest = coapmsg.request(coapmsg.GET, self.path, token=b"rest", options=[option])
            self.peer.send(rest, self.address)
            return
        with self._changed:
            self.seen.append((message.dotted, body))
            self._changed.notify_all()

    def displayed(self, count=1, timeout=60):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.seen) >= count, timeout), self.seen
            return list(self.seen)


class AiocoapObserver:
    def __init__(self, port, path, con=True):
        self.seen = []
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._request = aiocoap.Message(
            code=aiocoap.GET, uri="coap://127.0.0.1:%d/%s" % (port, path), observe=0, _mtype=aiocoap.CON if con else aiocoap.NON
        )
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._main(),), daemon=True)
        self._thread.start()

    def _show(self, message):
        with self._changed:
            self.seen.append((coapmsg.dotted(int(message.code)), message.payload))
            self._changed.notify_all()

    async def _main(self):
        self._end = asyncio.Event()
        self._context = await aiocoap.Context.create_client_context(transports=["udp6"])
        pending = self._context.request(self._request)
        self._show(await pending.response)
        pending.observation.register_callback(self._show)
        pending.observation.register_errback(lambda error: None)
        await self._end.wait()
        pending.observation.cancel()
        await asyncio.sleep(0.1)
        await self._context.shutdown()

    def get(self, path):
        async def ask():
            uri = re.sub("/[^/]*$", "/" + path, self._request.get_request_uri())
            response = await self._context.request(aiocoap.Message(code=aiocoap.GET, uri=uri)).response
            return coapmsg.dotted(int(response.code)), response.payload

        return asyncio.run_coroutine_threadsafe(ask(), self._loop).result(30)

    def cancel(self):
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    off = cancel

    def displayed(self, count=1, timeout=60):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.seen) >= count, timeout), self.seen
            return list(self.seen)


class LibcoapObserver:
    """Its output has a line for each representation; its codes are not displayed."""

    def __init__(self, port, path, con=True):
        options = [] if con else ["-N"]
        self.program = programs.Program(
            [programs.needs("coap-client-notls"), "-U", "-v", "3", "-w", "-s", "100", "-B", "110", *options]
            + ["coap://127.0.0.1:%d/%s" % (port, path)]
        )

    def off(self):
        self.program.kill()

    def displayed(self, count=1, timeout=60):
        def condition():
            lines = [line for _, line in self.program.lines if line]
            return lines if len(lines) >= count else None

        lines = self.program.wait(condition, timeout, "%d representations" % count)
        return [("2.05", line.encode()) for line in lines]


ALL = {"raw": RawObserver, "aiocoap": AiocoapObserver, "libcoap": LibcoapObserver}
PYTHON = {"raw": RawObserver, "aiocoap": AiocoapObserver}
