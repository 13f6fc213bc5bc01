# Handlers of the modern layer: what they get, what their result means, which answers come by themselves.
# needs: observe,block,discovery
import microcoapy
from support import dotted, finish, pair, raised

client, server, net = pair(nstart=4)
HOST = "coap://10.0.0.2/"


def ask(method, path, payload=None, **keywords):
    r = finish(client.request(method, HOST + path, payload, **keywords), client, server)
    print(method, path, "->", dotted(r.code), r.payload, *[v for v in (r.content_format, r.etag, r.location) if v is not None])
    return r


print("-- results")
results = {
    "bytes": lambda: b"bytes",
    "str": lambda: "caf\u00e9",
    "none": lambda: None,
    "bytearray": lambda: bytearray(b"array"),
    "memoryview": lambda: memoryview(b"view"),
    "code": lambda: (68, "changed"),
    "format": lambda: (69, "{}", 50),
    "response": lambda: microcoapy.Response(69, "r", 0, etag=b"e", max_age=1),
    "nocode": lambda: microcoapy.Response(payload="default code"),
    "empty": lambda: microcoapy.Response(),
    "location": lambda: microcoapy.Response(65, location="a/b"),
    "int": lambda: 5,
    "long": lambda: (1, 2, 3, 4),
    "badcode": lambda: (600, "x"),
    "request": lambda: (1, "a request code"),
    "badformat": lambda: (69, "x", "y"),
    "badpayload": lambda: (69, 5),
}


@server.resource("result", methods=("GET", "POST", "PUT", "DELETE", "FETCH", "PATCH", "iPATCH"))
def result(request):
    return results[request.query]()


for name in sorted(results):
    ask("GET", "result?" + name)
for method in ("POST", "PUT", "DELETE", "FETCH", "PATCH", "iPATCH"):
    ask(method, "result?str", b"body" if method != "DELETE" else None)
for method in ("POST", "PUT", "DELETE", "FETCH", "PATCH", "iPATCH"):
    ask(method, "result?none", b"body" if method != "DELETE" else None)

print("-- requests")


@server.resource("/seen/%20/x", methods=("GET", "PUT"), understands=(1, 5))
def seen(request):
    print(" ", request, dotted(request.code), request.path, repr(request.query), request.payload, request.text, request.content_format)
    print(" ", request.accept, request.etags, request.if_match, request.if_none_match, request.observe, request.sender)
    print(" ", [(o.number, bytes(o.buffer)) for o in request.options if o.number > 300], request.type, len(request.token))


ask("GET", "seen/%20/x?a=1&b=2", accept=0, etag=[b"1", b"2"], options=[(2048, b"o")])
ask("PUT", "seen/%20/x", "caf\u00e9", content_format=0, if_none_match=True, non=True)
ask("PUT", "seen/%20/x", b"x", if_match=[b"1", b""])

print("-- no handler, wrong method, wrong format")
ask("GET", "none")
ask("PUT", "seen/x", b"")
ask("POST", "seen/%20/x", b"")


@server.resource("json", ct=50)
def json(request):
    return "{}"


ask("GET", "json")
ask("GET", "json", accept=50)
ask("GET", "json", accept=0)


@server.resource("either")
def either(request):
    if request.accept not in (None, 0, 60):
        raise microcoapy.CoapError(0x86)
    return (69, "text", 0) if request.accept != 60 else (69, b"\xa0", 60)


ask("GET", "either")
ask("GET", "either", accept=60)
ask("GET", "either", accept=41)

print("-- errors")


@server.resource("fails", methods=("GET", "PUT"))
def fails(request):
    if request.query == "coap":
        raise microcoapy.CoapError(0xA3, "pump broken")
    if request.query == "bare":
        raise microcoapy.CoapError(0x80)
    if request.query == "silly":
        raise microcoapy.CoapError("text only")
    raise RuntimeError("secret")


ask("GET", "fails?coap")
ask("GET", "fails?coap", accept=257)
ask("GET", "fails?bare")
ask("GET", "fails?silly")
ask("GET", "fails")
ask("GET", "json")
error = microcoapy.CoapError(0x84, "gone")
print(isinstance(error, Exception), error.args)

print("-- validation and conditions")
version = 1


def tag(request):
    return b"%d" % version if version else None


@server.resource("state", methods=("GET", "PUT", "DELETE"), etag=tag)
def state(request):
    global version
    if request.code == 1:
        return "state %d" % version
    version = 0 if request.code == 4 else version + 1
    return (68 if request.code == 3 else 66, "")


ask("GET", "state")
ask("GET", "state", etag=b"1")
ask("GET", "state", etag=[b"9", b"1"])
ask("GET", "state", etag=b"9")
ask("PUT", "state", b"x", if_match=b"9")
ask("PUT", "state", b"x", if_match=b"1")
ask("PUT", "state", b"x", if_match=b"")
ask("PUT", "state", b"x", if_none_match=True)
ask("GET", "state")
ask("DELETE", "state")
ask("PUT", "state", b"x", if_match=b"")
ask("PUT", "state", b"x", if_none_match=True)


@server.resource("fixed", etag=b"v7")
def fixed(request):
    return "fixed"


ask("GET", "fixed")
ask("GET", "fixed", etag=b"v7")
fixed.etag = b"v8"
ask("GET", "fixed", etag=b"v7")

print("-- the resource object")
print(fixed, fixed.path, fixed.etag, fixed(None), raised(lambda: fixed.nonsense))
print(raised(server.resource, 5), "|", raised(server.resource, "x", methods="BREW"), "|", raised(server.resource, "x", methods=()))
print(raised(server.resource("x"), 5), "|", raised(server.resource, "x", into=5), "|", raised(server.resource, "x", max_body=0))
print(raised(server.resource, "x", min_interval=-1), "|", raised(server.resource("x")))
print(sorted(key for key in server.callbacks))
del server.callbacks["fixed"]
ask("GET", "fixed")


@server.resource("json")
def again(request):
    return "another"


ask("GET", "json")
server.addIncomingRequestCallback("json", lambda packet, ip, port: server.sendResponse(ip, port, packet.messageid, "classic", 69, -1, packet.token))
ask("GET", "json")

print("-- links")
server.callbacks = {}
server.resource("a", rt="t", obs=True, title="x \"y\"", sz=10)(lambda r: "")
server.resource("b", if_="sensor core", ct=(0, 50), flag=True, no=False, none=None)(lambda r: "")
server.resource("c", hidden=True)(lambda r: "")
r = ask("GET", ".well-known/core?href=/a")
print(sorted(r.text.split(";")))
r = ask("GET", ".well-known/core?if=sensor")
print(sorted(r.text.split(";")))
ask("GET", ".well-known/core?rt=none")
ask("GET", ".well-known/core?href=/c")
ask("POST", ".well-known/core", b"")
ask("GET", ".well-known/core?href=/c", accept=0)
ask("GET", "c")
