# SPDX-License-Identifier: MIT
# Arguments by the name that microcoapy.pyi gives them: mostly such as get past the first check, so that what is behind it
# is reached, and else anything.
import hostile
from hostile import EDGES, GOOD_URIS, HOSTS, SMALL, TEXTS, URIS, URLS, anything, body, callable_of, target

TIMES = (0, 1, 2, None, 3)


def etags(world, chance):
    return chance.one((b"tag", "tag", None, [b"a", b"b"], (b"", b"12345678"), [], b"123456789", [5]))


def options(world, chance):
    return chance.one((None, [], [(2048, b"x")], ((65000, 5), (11, "x")), [(1, b"")], [(9, b"")], [(70000, b"")], [(6, 0)], [(23, 6), (27, 14)], [5], [(1,)]))


def numbers(world, chance):
    return chance.one(((), (1,), [1, 5], (9, 65001), (23, 27), (1, 2, 3, 4, 5), None, [70000], (-1,), ["x"]))


def token(world, chance):
    return chance.one((b"", None, b"tok1", b"tok2", "text", b"12345678", b"123456789"))


def resume(world, chance):
    return chance.one((None, (0, None), (64, b"tag"), (1024, "tag"), (-1, None), (65, b""), (64,), 5, world.object(chance)))


def flag(world, chance):
    return chance.one((True, False, 0, 1, None, "x"))


def callback(world, chance):
    return None if chance.percent(10) else callable_of(world, chance.fork())


def of(*values):
    return lambda world, chance: chance.one(values)


number = of(*SMALL + EDGES)
formats = of(-1, 0, 40, 42, 60, 65535, 65536, None)
BY_NAME = {
    "accept": formats,
    "addr": lambda world, chance: world.address(chance),
    "address": of(*HOSTS),
    "amplification": of(0, 1, 3, 255, 256, None),
    "blocking": flag,
    "block_size": of(16, 64, 1024, None, 15, 17, 1025, 0),
    "body": body,
    "buffer": body,
    "callback": callback,
    "cb": callback,
    "code": of(None, 69, 65, 128, 132, 160, 0, 1, 255, 256),
    "content_format": formats,
    "data": lambda world, chance: world.datagram(chance),
    "document": of(*TEXTS),
    "etag": etags,
    "handler": callback,
    "host": lambda world, chance: chance.one((chance.one(URIS), chance.one(HOSTS), (chance.one(HOSTS), 5683))),
    "if_match": etags,
    "if_none_match": flag,
    "interface": of(None, "127.0.0.1", "x", 5),
    "into": lambda world, chance: target(world, chance.fork()),
    "ip": of(*HOSTS),
    "location": of("/a/b?c=d", "", "?x", "a%2", None),
    "max_age": of(0, 60, 1 << 32, -1, None),
    "max_body": of(0, 1, 16, 100, 1000, 4096, None),
    "max_message": of(64, 128, 256, 1152, 1, 0, 65536, None),
    "message": lambda world, chance: world.object(chance),
    "message_store": of(256, 1024, 4096, 0, 1, None),
    "method": of("GET", "PUT", "FETCH", "iPATCH", "x", 0, 1, 2, 5, 7, 31, 32, 69, 132),
    "methods": of("GET", ("GET", "PUT"), ["POST", 7], 5, 31, 32, (), "x"),
    "min_interval": of(0, 1, 100, 1 << 32, -1),
    "no_response": of(0, 2, 8, 16, 26, 255, 256, None),
    "options": options,
    "packet": lambda world, chance: world.packet(chance),
    "path": of(*URLS),
    "payload": body,
    "port": of(5683, 5683, 1, 0, 65535, 65536, -1),
    "progress": callback,
    "query_option": of(None, "a=1&b", "", b"x", "a%", "q" * 300),
    "resume": resume,
    "sock": lambda world, chance: world.socket(chance),
    "state": lambda world, chance: world.state(chance),
    "text": of(*TEXTS),
    "timeout": of(0, 1, 0.5, 1e-9, -1, float("nan"), float("inf"), 1 << 40, None),
    "timeoutMs": of(0, -1, 1, 2),
    "timeout_ms": of(*TIMES),
    "token": token,
    "understands": numbers,
    "uri": lambda world, chance: chance.one(URIS[:GOOD_URIS] if chance.percent(70) else URIS),
    "url": of(*URLS),
    "value": lambda world, chance: body(world, chance),
}
PARAMETERS = (
    "ack_timeout ack_random_factor max_retransmit nstart default_leisure probing_rate max_latency processing_delay"
    " max_message message_store max_body amplification state"
)
REQUEST = (
    "body into progress resume block_size timeout non token options content_format accept etag if_match if_none_match"
    " no_response understands"
)
RESOURCE = "methods value obs non min_interval etag into max_body fresh hidden understands rt ct if_ anything"
CLASSIC_GET = "ip port url token observe_option understands"
CLASSIC_PUT = "ip port url payload query_option content_format token understands"
# (by place, by name) of what there is; of what is not here, any arguments are given.
SIGNATURES = {
    "Coap": (("port",), PARAMETERS),
    "CoapError": (("code text",), ""),
    "CoapOption": (("number buffer",), ""),
    "Response": (("code payload content_format",), "etag max_age location options"),
    "links": (("document address",), ""),
    "encode": (("number number",), ""),
    "decode": (("number",), ""),
    "addOption": (("number payload",), ""),
    "setUriHost": (("address",), ""),
    "setUriPath": (("url",), ""),
    "setObserve": (("number",), ""),
    "wait": (("timeout_ms",), ""),
    "start": (("port",), ""),
    "setCustomSocket": (("sock",), ""),
    "poll": (("timeoutMs timeout_ms",), ""),
    "loop": (("blocking",), ""),
    "join": (("ip interface",), ""),
    "feed": (("data addr",), ""),
    "request": (("method uri payload",), REQUEST),
    "observe": (("uri",), "callback timeout non token options understands accept etag block_size"),
    "discover": (("host",), "timeout_ms rt if_ ct"),
    "resource": (("path",), RESOURCE),
    "addIncomingRequestCallback": (("url cb understands",), "understands"),
    "send": (("ip port url number method token payload content_format query_option understands",), "understands"),
    "ping": (("ip port",), ""),
    "sendEx": (("ip port url packet understands",), ""),
    "sendPacket": (("ip port packet understands",), ""),
    "sendResponse": (("ip port number payload code content_format token packet",), "request_packet"),
}
for method in ("get", "delete", "put", "post", "fetch", "patch", "ipatch"):
    classic = CLASSIC_GET if method in ("get", "delete") else CLASSIC_PUT
    SIGNATURES[method] = (("uri payload", "uri", classic) if method in ("get", "delete", "put", "post") else ("uri payload",), REQUEST)
    SIGNATURES[method + "NonConf"] = ((classic,), "understands")
KEYWORDS = (REQUEST + " " + RESOURCE + " " + PARAMETERS + " unknown uri payload port").split()
# Arguments by place that are left out, mostly, if they come after so many.
COMMON = 3


def argument(world, chance, name):
    if chance.percent(10):
        return anything(world, chance)
    return BY_NAME.get(name, number)(world, chance)


def by_place(world, chance, shapes):
    names = chance.one(shapes).split()
    count = len(names)
    if chance.percent(60):
        count = min(count, COMMON)
    if chance.percent(8):
        count = chance.below(len(names) + 2)
    return [argument(world, chance, name) for name in (names + ["unknown"])[:count]]


def by_name(world, chance, names):
    found = {}
    while names and chance.percent(35):
        name = chance.one(names)
        found[name] = argument(world, chance, name)
    if chance.percent(4):
        name = chance.one(KEYWORDS)
        found[name] = argument(world, chance, name)
    return found


def arguments(world, chance, name):
    """Positional and named arguments for a function of that name."""
    if name not in SIGNATURES or chance.percent(4):
        return hostile.sequence(world, chance, 0), {}
    shapes, names = SIGNATURES[name]
    return by_place(world, chance, shapes), by_name(world, chance, names.split())
