# coap.resource(path, value=...): stored bytes, served and validated by their ETag without a function.
# needs: observe,block,discovery
import microcoapy
from support import dotted, finish, pair, raised, settle

client, server, net = pair(nstart=4)
HOST = "coap://10.0.0.2/"


def ask(method, path, payload=None, **keywords):
    r = finish(client.request(method, HOST + path, payload, **keywords), client, server)
    print(method, path, "->", dotted(r.code), r.payload[:20], len(r.payload), r.content_format)
    return r


print("-- what may be stored")
for name, value in (("bytes", b"abc"), ("str", "caf\u00e9"), ("array", bytearray(b"array")), ("empty", b""), ("long", b"0123456789" * 150)):
    server.resource(name, value=value)
    r = ask("GET", name)
    print("  etag:", len(r.etag), ask("GET", name, etag=r.etag).etag == r.etag)
given = bytearray(b"before")
stored = server.resource("copied", value=given)
given[:] = b"after!"
ask("GET", "copied")
print(raised(server.resource, "none", value=None), raised(server.resource, "int", value=5))
ask("GET", "int")

print("-- methods, formats, attributes")
ask("PUT", "bytes", b"x")
server.resource("json", value="{}", ct=50, rt="state")
ask("GET", "json")
ask("GET", "json", accept=0)
r = ask("GET", "bytes")
ask("GET", "bytes", if_match=r.etag)
ask("GET", "bytes", if_match=b"other")
print(finish(client.get(HOST + ".well-known/core?rt=state"), client, server).payload)

print("-- a new value")
value = server.resource("value", value=b"1", obs=True)
print(value, value.value, value.path, value.etag == ask("GET", "value").etag)
first = value.etag
observation = client.observe(HOST + "value")
settle(client, server)
print(observation.wait(0).payload)
value.value = b"2"
settle(client, server)
r = observation.wait(0)
print(r.payload, r.etag == value.etag, value.etag != first, value.value)
print(raised(setattr, value, "value", None), raised(setattr, value, "value", 5), value.value)
ask("GET", "value", etag=first)
observation.cancel()
settle(client, server)

print("-- a function for the other methods")


@server.resource("both", value=b"1", methods=("GET", "PUT", "DELETE"))
def both(request):
    print("  runs for", request.code)
    if request.code == 3:
        both.value = request.payload
        return None
    return 66


ask("GET", "both")
ask("PUT", "both", b"changed")
ask("GET", "both")
ask("DELETE", "both")
half = server.resource("half", value=b"1", methods=("GET", "PUT"))
ask("PUT", "half", b"no function")
plain = server.resource("plain")(lambda request: "says")
print(raised(lambda: plain.value), raised(setattr, plain, "value", b"1"))
ask("GET", "plain")
del server.callbacks["bytes"]
ask("GET", "bytes")

print("-- an ETag beside a value")
own = server.resource("own", etag=b"tag", value=b"1").etag
print(own == server.resource("turned", value=b"1", etag=b"tag").etag != b"tag")
