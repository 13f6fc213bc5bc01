# SPDX-License-Identifier: MIT
"""Three clients to test our server with: libcoap's program, aiocoap, and raw datagrams.

Each `ask` makes one request and returns what its user gets to see: (code, payload).
"""

import asyncio
import re
import time

import aiocoap
from aiocoap.numbers.codes import Code

import coapmsg
import net
import programs

METHODS = {coapmsg.GET: "get", coapmsg.POST: "post", coapmsg.PUT: "put", coapmsg.DELETE: "delete"}


class Raw:
    """Retransmits a CON every two seconds; acknowledges a separate response."""

    def __init__(self, port):
        self.address = ("127.0.0.1", port)
        self.peer = net.RawPeer()

    def ask(self, method, path, con=True, query=(), payload=b"", options=(), token=None, block=None):
        options = list(options) + [(coapmsg.URI_QUERY, part.encode()) for part in query]

        def exchange(*more, part=payload):
            request = coapmsg.request(method, path, coapmsg.CON if con else coapmsg.NON, token, options + list(more), part)
            return self._exchange(request)

        size = None if block is None else 16 << block
        if size and len(payload) > size:
            for start in range(0, len(payload), size):
                more = start + size < len(payload)
                value = coapmsg.uint(start // size << 4 | more << 3 | block)
                response = exchange((coapmsg.BLOCK1, value), part=payload[start : start + size])
        elif size:
            response = exchange((coapmsg.BLOCK2, coapmsg.uint(block)))
        else:
            response = exchange()
        body = response.payload
        while (response.uint(coapmsg.BLOCK2) or 0) & 8:
            exponent = response.uint(coapmsg.BLOCK2) & 7
            number = len(body) >> exponent + 4
            response = exchange((coapmsg.BLOCK2, coapmsg.uint(number << 4 | exponent)), part=b"")
            body += response.payload
        return response.dotted, body

    def _exchange(self, request):
        acknowledged = request.mtype == coapmsg.NON
        self.peer.send(request, self.address)
        deadline = time.monotonic() + net.PATIENCE
        while time.monotonic() < deadline:
            got = self.peer.recv_bytes(2)
            if got is None:
                if not acknowledged:
                    self.peer.send(request, self.address)
                continue
            message = coapmsg.decode(got[0])
            if message.is_empty:
                acknowledged |= message.mid == request.mid
                continue
            if message.mtype == coapmsg.CON:
                self.peer.send(coapmsg.Message(coapmsg.ACK, 0, message.mid), self.address)
            if message.token == request.token:
                return message
        raise AssertionError("no response to %r" % request)

    def linger(self, until):
        """Acknowledges what still comes until `until` is true."""
        deadline = time.monotonic() + net.PATIENCE
        while time.monotonic() < deadline:
            if until():
                return
            got = self.peer.recv_bytes(0.1)
            if got and got[0][0] >> 4 == 4:
                self.peer.send(coapmsg.Message(coapmsg.ACK, 0, coapmsg.decode(got[0]).mid), self.address)
        raise AssertionError("time is up")


class Aiocoap:
    """Set up for each request; message ids and tokens are its own."""

    def __init__(self, port):
        self.uri = "coap://127.0.0.1:%d/" % port

    def ask(self, method, path, con=True, query=(), payload=b"", options=(), until=None, block=None):
        request = aiocoap.Message(
            code=Code(method),
            payload=payload,
            uri=self.uri + path + ("?" + "&".join(query) if query else ""),
            _mtype=aiocoap.CON if con else aiocoap.NON,
        )
        for number, value in options:
            request.opt.add_option(aiocoap.numbers.optionnumbers.OptionNumber(number).create_option(decode=value))
        if block is not None:
            request.remote.maximum_block_size_exp = block
            if not payload:
                request.opt.block2 = (0, False, block)
        response = asyncio.run(self._ask(request, until))
        return coapmsg.dotted(int(response.code)), response.payload

    @staticmethod
    async def _ask(request, until):
        context = await aiocoap.Context.create_client_context(transports=["udp6"])
        try:
            response = await asyncio.wait_for(context.request(request).response, net.PATIENCE)
            while until is not None and not until():
                await asyncio.sleep(0.1)
            return response
        finally:
            await context.shutdown()


class Libcoap:
    """coap-client-notls; its log tells the code."""

    def __init__(self, port):
        self.uri = "coap://127.0.0.1:%d/" % port

    def ask(self, method, path, con=True, query=(), payload=b"", options=(), block=None):
        arguments = ["-m", METHODS[method], "-U"]
        if not con:
            arguments.append("-N")
        if payload:
            arguments += ["-e", payload.decode()]
        if block is not None:
            arguments += ["-b", str(16 << block)]
        for number, value in options:
            if number == coapmsg.CONTENT_FORMAT:
                arguments += ["-t", str(int.from_bytes(value, "big"))]
            elif number == coapmsg.ACCEPT:
                arguments += ["-A", str(int.from_bytes(value, "big"))]
            else:
                arguments += ["-O", "%d,%s" % (number, "0x" + value.hex() if value else "")]
        received, log = programs.libcoap_fetch(self.uri + path + ("?" + "&".join(query) if query else ""), *arguments)
        codes = re.findall(r"process incoming (\d\.\d\d) response", log)
        assert codes, log
        return codes[-1], received


ALL = {"raw": Raw, "aiocoap": Aiocoap, "libcoap": Libcoap}
