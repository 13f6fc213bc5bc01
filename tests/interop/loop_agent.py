# SPDX-License-Identifier: MIT
# Runs under build/micropython as agent.py does, but in an event loop, for what is awaited.
# Each line of standard input is the JSON of ["eval" | "exec" | "run", code]; "run" has the body of a coroutine
# function. The answer is "= repr" or "! exception". Tasks go on between and during the commands.
import asyncio
import json
import sys

import microcoapy


def event(kind, **fields):
    fields["kind"] = kind
    print("event", repr(fields))


def describe(message):
    """A Response or a Request as a dict."""
    return {
        "code": message.code,
        "type": message.type,
        "token": message.token,
        "payload": message.payload,
        "format": message.content_format,
        "etag": message.etag,
        "observe": message.observe,
        "options": [(o.number, bytes(o.buffer)) for o in message.options],
    }


def size(response):
    """A Response whose payload is long."""
    return response.code, len(response.payload), pattern(len(response.payload)) == response.payload


def pattern(length):
    """Bytes in which no block of a body is like its neighbours."""
    return bytes(i % 251 for i in range(length))


class Pattern:
    """A stream to read with the bytes of `pattern`, one to write that compares with them."""

    def __init__(self, length=0):
        self.length = length
        self.at = 0
        self.good = True

    def readinto(self, buffer):
        count = min(len(buffer), self.length - self.at)
        for i in range(self.at, self.at + count):
            buffer[i - self.at] = i % 251
        self.at += count
        return count

    def write(self, data):
        at = self.at
        for byte in data:
            if byte != at % 251:
                self.good = False
            at += 1
        self.at = at
        return len(data)


def sink(request):
    """For into= of a resource."""
    return Pattern()


def judge(sink):
    """What has been written to a Pattern."""
    return "%d %s" % (sink.at, sink.good)


async def outcome(exchange):
    """The code of the response, or the number of the OSError."""
    try:
        return (await exchange).code
    except OSError as error:
        return error.errno


async def found(host):
    """The targets that discover() finds."""
    targets = []
    async for link in coap.discover(host):
        targets.append(link.target)
    return targets


def serve(coap):
    return asyncio.create_task(coap.serve())


async def execute(kind, code, environment):
    if kind == "eval":
        return eval(code, environment)
    if kind == "exec":
        return exec(code, environment)
    exec("async def _run():\n" + "\n".join("    " + line for line in code.split("\n")), environment)
    return await environment["_run"]()


async def main(environment):
    commands = asyncio.StreamReader(sys.stdin)
    print("ready")
    while True:
        line = await commands.readline()
        if not line:
            return
        kind, code = json.loads(line)
        try:
            print("=", repr(await execute(kind, code, environment)))
        except (Exception, KeyboardInterrupt) as error:
            print("!", type(error).__name__, repr(error.args))


asyncio.run(main(globals()))
