# SPDX-License-Identifier: MIT
# Runs under build/micropython: executes what the test sends, so that a test is written in one place.
# Each line of standard input is the JSON of ["eval" | "exec", code]; the answer is "= repr" or "! exception".
# Whatever a callback has to tell comes as "event repr" whenever it happens.
import json
import select
import sys

import microcoapy

stdin = select.poll()
stdin.register(sys.stdin, select.POLLIN)


def event(kind, **fields):
    fields["kind"] = kind
    print("event", repr(fields))


def describe(packet):
    return {
        "type": packet.type,
        "code": packet.method,
        "mid": packet.messageid,
        "token": bytes(packet.token) if packet.token is not None else None,
        "payload": packet.payload,
        "format": packet.content_format,
        "query": packet.query,
        "options": [(o.number, bytes(o.buffer)) for o in packet.options],
    }


def new(*args, **parameters):
    """A Coap object that reports every callback as an event."""
    coap = microcoapy.Coap(*args, **parameters)
    coap.responseCallback = lambda packet, sender: event("response", sender=sender, **describe(packet))
    coap.errorCallback = lambda error, sender: event("error", errno=error.errno, sender=sender)
    return coap


def resource(coap, path, payload="ok", code=69, content_format=-1, then=None, understands=()):
    """Registers a resource that reports each run of its handler and answers; `then` runs after."""

    def handler(packet, ip, port):
        event("request", path=path, sender=(ip, port), **describe(packet))
        if code is not None:
            body = payload(packet) if callable(payload) else payload
            coap.sendResponse(ip, port, packet.messageid, body, code, content_format, packet.token)
        if then is not None:
            then(packet, ip, port)

    coap.addIncomingRequestCallback(path, handler, understands=understands)


def commanded():
    return bool(stdin.poll(0))


def serve(*coaps):
    """Serves until the test sends its next command."""
    while not commanded():
        for coap in coaps:
            coap.poll(20 if len(coaps) == 1 else 5)


def main(environment):
    print("ready")
    while True:
        line = sys.stdin.readline()
        if not line:
            return
        kind, code = json.loads(line)
        try:
            if kind == "eval":
                print("=", repr(eval(code, environment)))
            else:
                exec(code, environment)
                print("= None")
        except (Exception, KeyboardInterrupt) as error:
            print("!", type(error).__name__, repr(error.args))


main(globals())
