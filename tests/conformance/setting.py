# SPDX-License-Identifier: MIT
"""What a description is run with: a server, the recording proxy, a client asking through it."""

import os

import coapmsg
import net
import programs
from description import Wire, has_etag

EXAMPLE = os.path.join(programs.ROOT, "examples", "plugtest_server.py")


def plugtest_server(port=None, period=5000, ack_timeout=2000):
    """examples/plugtest_server.py, milliseconds: (program, port)."""
    port = port or net.free_port()
    server = programs.Program([programs.INTERPRETER, EXAMPLE, str(port), str(period), str(ack_timeout)])
    server.wait_line("listens")
    return server, port


class OurServer:
    """Plugtest server and another client."""

    def __init__(self, peer, rule=None, **parameters):
        self.server, port = plugtest_server(**parameters)
        self.proxy = net.Proxy(port, rule)
        self.wire = Wire(self.proxy, piggybacked=True)
        self.client = peer(self.proxy.port)

    def get(self, path):
        return self.client.ask(coapmsg.GET, path)

    def ask(self, method, path, options=(), payload=b"", content_format=None):
        """A request with options; what its user is shown: (code, payload)."""
        options = list(options)
        if content_format is not None:
            options.append((coapmsg.CONTENT_FORMAT, coapmsg.uint(content_format)))
        return self.client.ask(method, path, options=options, payload=payload)

    def etag_displayed(self, response):
        """Clients show no options."""
        return has_etag(response)

    def server_displays(self, text):
        self.server.wait_line(text)

    def restart(self, **parameters):
        """The server loses what it knows."""
        self.server.kill()
        self.server.close()
        self.server, _ = plugtest_server(self.proxy.server[1], **parameters)


class OurClient:
    """A server and our client, in the classic layer."""

    def __init__(self, site, rule=None, parameters=""):
        self.server, port = site()
        self.proxy = net.Proxy(port, rule)
        self.wire = Wire(self.proxy)
        self.agent = programs.client(parameters)
        self.where = "'127.0.0.1', %d" % self.proxy.port
        self.answers = 0

    def call(self, method, path, *arguments):
        """Calls a classic method; what responseCallback got: (code, payload)."""
        extra = "".join(", " + a for a in arguments)
        return self._answered("coap.%s(%s, %r%s)" % (method, self.where, path, extra))

    def get(self, path):
        return self.call("get", path)

    def ask(self, method, path, options=(), payload=b"", content_format=-1):
        """Sends a CoapPacket with options through sendEx; what responseCallback got: (code, payload)."""
        self.agent.exec(
            "packet = microcoapy.CoapPacket()\n"
            "packet.method, packet.payload, packet.content_format = %d, %r, %d\n"
            "for number, value in %r: packet.addOption(number, value)\n" % (method, payload, content_format, list(options))
        )
        return self._answered("coap.sendEx(%s, %r, packet)" % (self.where, path))

    def etag_displayed(self, response):
        return dict(self.agent.of("response")[-1]["options"])[coapmsg.ETAG]

    def _answered(self, call):
        assert self.agent.eval(call) > 0, call
        self.answers += 1
        event = self.agent.poll_for(self.answers)[-1]
        assert not self.agent.of("error"), self.agent.events
        return coapmsg.dotted(event["code"]), event["payload"]

    def server_displays(self, text):
        self.server.wait_line(text)


class OurLoop:
    """A server and our client, in the modern layer."""

    def __init__(self, site, rule=None, parameters="", port=0):
        self.server, self.port = site()
        self.proxy = net.Proxy(self.port, rule)
        self.wire = Wire(self.proxy)
        self.parameters = parameters
        self.start(port)

    def start(self, port=0):
        """Switches the client on, at that port or any."""
        self.agent = programs.LoopAgent("coap = microcoapy.Coap(%s)\ncoap.start(%d)" % (self.parameters, port))

    def uri(self, path):
        return "coap://127.0.0.1:%d/%s" % (self.proxy.port, path)

    def ask(self, call, path, *arguments):
        """Awaits coap.CALL(uri, ...); (code, payload)."""
        extra = "".join(", " + a for a in arguments)
        response = self.agent.run("return describe(await coap.%s(%r%s))" % (call, self.uri(path), extra))
        return coapmsg.dotted(response["code"]), response["payload"]

    def observe(self, path, *arguments):
        extra = "".join(", " + a for a in arguments)
        self.agent.exec("observation = coap.observe(%r%s, callback=lambda r: event('displayed', **describe(r)))" % (self.uri(path), extra))

    def displayed(self, count=1):
        """What it displays: (code, payload) of the first `count` at least."""
        events = self.agent.wait_events("displayed", count)
        return [(coapmsg.dotted(e["code"]), e["payload"]) for e in events]
