# SPDX-License-Identifier: MIT
# Runs under build/micropython: calls what the JSON in the file sys.argv[1] names with the arguments that the stub says,
# one of them wrong, and looks only at whether it is the parsing of arguments that fails. Prints a JSON list per
# function: its name, and what is not as the stub says.
import json
import sys

import microcoapy

BAD = object()  # what no argument may be
PARSING = (
    "takes",
    "missing",
    "at most",
    "argument required",
    "keyword arguments",
    "positional arguments",
)
# What takes more than the stub says: an exception has any arguments, and observe() could send a payload.
LOOSE = ("CoapError", "Coap.observe")


class Socket:
    def sendto(self, data, address):
        return len(data)

    def recvfrom(self, size):
        return None


SECURITY = microcoapy.SecurityContext(b"secret", sender_id=b"s", recipient_id=b"r")

GOOD = {
    "addr": "peer",
    "address": "host",
    "blocking": False,
    "buffer": b"",
    "cb": print,
    "class_": 2,
    "code": 69,
    "content_format": 0,
    "data": b"",
    "detail": 5,
    "dtls": None,
    "document": b"",
    "group": "224.0.1.187",
    "id_context": None,
    "load": None,
    "host": "127.0.0.1",
    "interface": None,
    "ip": "127.0.0.1",
    "messageid": 1,
    "method": 1,
    "number": 1,
    "observe_option": None,
    "packet": microcoapy.CoapPacket(),
    "path": "p",
    "payload": b"",
    "pollPeriodMs": 1,
    "peer": None,
    "port": 0,
    "query_option": None,
    "recipient_id": b"r",
    "request_packet": None,
    "salt": b"",
    "save": None,
    "secret": b"secret",
    "security": SECURITY,
    "sender_id": b"s",
    "sock": Socket(),
    "task": None,
    "tb": None,
    "tell": True,
    "text": "",
    "timeoutMs": 0,
    "timeout_ms": 0,
    "token": b"",
    "typ": None,
    "type": 0,
    "understands": (),
    "uri": "coap://127.0.0.1/x",
    "url": "a",
    "val": None,
    "value": None,
}


def made(name):
    """The function: of a new object, which nothing was done with."""
    if "." not in name:
        return getattr(microcoapy, name)
    kind, method = name.split(".")
    coap = microcoapy.Coap()
    instances = {
        "Coap": lambda: coap,
        "CoapPacket": microcoapy.CoapPacket,
        "CoapResponseCode": lambda: microcoapy.CoapResponseCode,
        "Exchange": lambda: coap.get(GOOD["uri"]),
        "SecurityContext": lambda: SECURITY,
        "SequenceFile": lambda: microcoapy.SequenceFile("nowhere/seq"),
        "Observation": lambda: coap.observe(GOOD["uri"]),
        "_Awaitable": coap.serve,
    }
    return getattr(instances[kind](), method)


def outcome(name, positional, keywords):
    """The text of the exception; "" if there was none."""
    try:
        made(name)(*positional, **keywords)
    except Exception as error:
        return "%s: %s" % (type(error).__name__, error)
    return ""


def is_parsing(text):
    return text.startswith("TypeError") and any(part in text for part in PARSING)


def check(name, only_positional, ordered, required, only_keywords, open_):
    """Yields what is not as the stub says."""
    names = only_positional + ordered
    good = [GOOD[argument] for argument in names]
    needed = {argument: GOOD[argument] for argument in names[len(only_positional) : required]}
    first = good[: len(only_positional)]
    for place, argument in enumerate(names):
        if argument in ordered:
            by_place = outcome(name, good[:place] + [BAD] + good[place + 1 : required], {})
            keywords = dict(needed)
            keywords[argument] = BAD
            by_name = outcome(name, first, keywords)
            if is_parsing(by_place) or by_name != by_place:
                yield "%s, by place: %s; by name: %s" % (argument, by_place, by_name)
        elif not is_parsing(outcome(name, good[:place], {argument: GOOD[argument] for argument in names[place:]})):
            yield "%s is taken by name, too" % argument
    for argument in only_keywords:
        keywords = dict(needed)
        keywords[argument] = BAD
        text = outcome(name, first, keywords)
        if is_parsing(text):
            yield "%s, by name: %s" % (argument, text)
    for count in (required, len(names)):
        text = outcome(name, good[:count], {})
        if is_parsing(text):
            yield "with %d arguments: %s" % (count, text)
    if required and name not in LOOSE and not is_parsing(outcome(name, good[: required - 1], {})):
        yield "%s is not required" % names[required - 1]
    keywords = dict(needed)
    keywords["unknown"] = BAD
    if is_parsing(outcome(name, first, keywords)) == open_:
        yield "an unknown keyword is %s" % ("refused" if open_ else "taken")
    if not open_ and name not in LOOSE and not is_parsing(outcome(name, good + [BAD], {})):
        yield "one argument more is taken"


# Values of the settings of a resource; True for the others.
SETTINGS = {"methods": "GET", "value": b"v", "min_interval": 1, "etag": b"e", "into": print, "max_body": 16, "understands": (1,)}
# GET /.well-known/core
LINKS = b"\x40\x01\x00\x01\xbb.well-known\x04core"


def link_attributes(keywords):
    coap = microcoapy.Coap()
    coap.resource("p", **keywords)(print)
    coap.feed(LINKS, "peer")
    payload = coap.take()[0].split(b"\xff", 1)
    return {name for link in microcoapy.links(payload[1]) for name in link.attributes} if len(payload) > 1 else set()


def check_settings(names):
    """A setting must not become an attribute of the link, as any other keyword does."""
    for name in names:
        if link_attributes({name: SETTINGS.get(name, True)}) - {"obs", "osc"}:
            yield "%s is no setting" % name
    if link_attributes({"unknown": True}) != {"unknown"}:
        yield "an unknown keyword is no attribute"


with open(sys.argv[1]) as file:
    wanted = json.load(file)
for name, signatures in wanted.items():
    wrong = []
    for given in signatures:
        arguments = [given[key] for key in ("only_positional", "ordered", "required", "only_keywords", "open")]
        wrong += check(name, *arguments)
        if name == "Coap.resource":
            wrong += check_settings(given["only_keywords"])
    print(json.dumps([name] + wrong))
