# A bad argument raises TypeError or ValueError, and the text names the argument.
import microcoapy
from microcoapy import Coap, CoapPacket

HOST, PORT = "127.0.0.1", 5683
LONG = b"123456789"


def check(name, function, arguments, keywords={}, argument=None):
    try:
        result = function(*arguments, **keywords)
    except (TypeError, ValueError) as error:
        named = str(error).split(":")[0].replace("'", "").replace(",", "").split()
        print(name, arguments, keywords or "", type(error).__name__, "names" if argument in named else error, argument)
    except Exception as error:
        print(name, arguments, keywords or "", type(error).__name__, error)
    else:
        print(name, arguments, keywords or "", "returned", result)


coap = Coap()
coap.start(0)
for name in ("get", "getNonConf", "delete", "deleteNonConf", "put", "post", "putNonConf", "postNonConf"):
    method = getattr(coap, name)
    check(name, method, (), {}, "ip")
    check(name, method, (1, PORT, "a"), {}, "ip")
    check(name, method, (None, PORT, "a"), {}, "ip")
    check(name, method, (HOST, "5683", "a"), {}, "port")
    check(name, method, (HOST, -1, "a"), {}, "port")
    check(name, method, (HOST, 65536, "a"), {}, "port")
    check(name, method, (HOST, PORT, 1), {}, "url")
    check(name, method, (HOST, PORT, "a%2"), {}, "url")
    check(name, method, (HOST, PORT, "a?q=%zz"), {}, "url")
    check(name, method, (HOST, PORT, "a"), {"token": 5}, "token")
    check(name, method, (HOST, PORT, "a"), {"token": LONG}, "token")

for name in ("put", "post", "putNonConf", "postNonConf"):
    method = getattr(coap, name)
    check(name, method, (HOST, PORT, "a", 5), {}, "payload")
    check(name, method, (HOST, PORT, "a", ["x"]), {}, "payload")
    check(name, method, (HOST, PORT, "a", b"", 5), {}, "query_option")
    check(name, method, (HOST, PORT, "a", b"", "a%"), {}, "query_option")
    check(name, method, (HOST, PORT, "a", b"", None, "text"), {}, "content_format")
    check(name, method, (HOST, PORT, "a", b"", None, -2), {}, "content_format")
    check(name, method, (HOST, PORT, "a", b"", None, 65536), {}, "content_format")

for type_, code, argument in (
    (4, 1, "type"),
    (-1, 1, "type"),
    ("CON", 1, "type"),
    (2, 1, "type"),
    (3, 1, "type"),
    (0, 256, "method"),
    (0, -1, "method"),
    (0, None, "method"),
    (0, 32, "method"),
    (1, 0, "method"),
):
    check("send", coap.send, (HOST, PORT, "a", type_, code, b"", None, -1, None), {}, argument)

for messageid, payload, code, content_format, argument in (
    ("1", "x", 69, -1, "messageid"),
    (-1, "x", 69, -1, "messageid"),
    (65536, "x", 69, -1, "messageid"),
    (1, 5, 69, -1, "payload"),
    (1, "x", 256, -1, "method"),
    (1, "x", 69, 65536, "content_format"),
):
    check("sendResponse", coap.sendResponse, (HOST, PORT, messageid, payload, code, content_format, b""), {}, argument)

check("sendPacket", coap.sendPacket, (HOST, PORT, 5), {}, "packet")
check("sendPacket", coap.sendPacket, (HOST, PORT, None), {}, "packet")
check("sendEx", coap.sendEx, (HOST, PORT, "a", None), {}, "packet")
check("addIncomingRequestCallback", coap.addIncomingRequestCallback, (5, print), {}, "url")
check("addIncomingRequestCallback", coap.addIncomingRequestCallback, (None, print), {}, "url")
check("addIncomingRequestCallback", coap.addIncomingRequestCallback, ("a%2", print), {}, "url")
check("addIncomingRequestCallback", coap.addIncomingRequestCallback, ("a", 5), {}, "cb")
check("addIncomingRequestCallback", coap.addIncomingRequestCallback, ("a", None), {}, "cb")
check("poll", coap.poll, ("soon",), {}, "timeoutMs")
check("setCustomSocket", coap.setCustomSocket, (Coap(),), {}, "sock")
check("start", coap.start, (-1,), {}, "port")
check("start", coap.start, (65536,), {}, "port")
check("start", coap.start, ("5683",), {}, "port")
coap.stop()

for arguments, keywords, argument in (
    (("5683",), {}, "port"),
    ((-1,), {}, "port"),
    ((65536,), {}, "port"),
    ((), {"ack_timeout": 0}, "ack_timeout"),
    ((), {"ack_timeout": -1}, "ack_timeout"),
    ((), {"ack_timeout": "1"}, "ack_timeout"),
    ((), {"ack_random_factor": 0.99}, "ack_random_factor"),
    ((), {"ack_random_factor": "1"}, "ack_random_factor"),
    ((), {"ack_random_factor": float("inf")}, "ack_random_factor"),
    ((), {"ack_random_factor": float("nan")}, "ack_random_factor"),
    ((), {"max_retransmit": -1}, "max_retransmit"),
    ((), {"max_retransmit": 1000}, "max_retransmit"),
    ((), {"nstart": 0}, "nstart"),
    ((), {"max_latency": -1}, "max_latency"),
    ((), {"processing_delay": -1}, "processing_delay"),
    ((), {"default_leisure": -1}, "default_leisure"),
    ((), {"probing_rate": 0}, "probing_rate"),
    ((), {"max_message": 1}, "max_message"),
    ((), {"max_message": 70000}, "max_message"),
    ((), {"message_store": 1}, "message_store"),
):
    check("Coap", Coap, arguments, keywords, argument)

for name, value in (
    ("responseCallback", 5),
    ("resposeCallback", 5),
    ("errorCallback", "print"),
    ("callbacks", 5),
    ("port", "x"),
    ("port", 70000),
):
    try:
        setattr(coap, name, value)
    except (TypeError, ValueError) as error:
        print(name, value, type(error).__name__, "names it" if name in str(error) else error)

packet = CoapPacket()
for name, arguments, argument in (
    ("addOption", (-1, b""), "number"),
    ("addOption", (65536, b""), "number"),
    ("addOption", ("11", b""), "number"),
    ("addOption", (11, 5), "payload"),
    ("setUriPath", (5,), "url"),
    ("setUriHost", (5,), "address"),
):
    check(name, getattr(packet, name), arguments, {}, argument)

# What can be no host, no path and no resource
coap.start(0)
for method in (coap.get, coap.put, coap.deleteNonConf):
    for host in ("a\0b", "a b", "a/b", "a?b", "a#b", "a@b", "\x7f"):
        check("request", method, (host, 5683, "a"), {}, "ip")
    check("request", method, ("127.0.0.1", 5683, "a#b"), {}, "url")
    check("request", method, ("127.0.0.1", 5683, "a?b#c"), {}, "url")
check("request", coap.post, ("127.0.0.1", 5683, "a", b"", "q#r"), {}, "query_option")
for path in ("q?x=1", "a#b", "?", "a/b?"):
    check("addIncomingRequestCallback", coap.addIncomingRequestCallback, (path, print), {}, "url")
    if hasattr(coap, "resource"):
        check("resource", coap.resource(path), (print,), {}, "path")
    else:
        print("resource (<function>,)  ValueError names path")
for arguments in ((1, b"x"), (4, b"x")):
    check("send", coap.send, ("127.0.0.1", 5683, "a", 0, arguments[0], b"", arguments[1]), {}, "payload")
