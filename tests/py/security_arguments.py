# needs: block,observe,discovery,modern,oscore
# SecurityContext: what it takes, what it shows, what it refuses.
import microcoapy
from support import pair, raised

SecurityContext = microcoapy.SecurityContext
IDS = {"sender_id": b"a", "recipient_id": b"b"}

print("-- the constructor")
for arguments, keywords in (
    ((), IDS),
    ((b"",), IDS),
    ((b"secret",), {}),
    ((b"secret",), {"sender_id": b"a"}),
    ((b"secret",), {"recipient_id": b"a"}),
    ((b"secret",), {"sender_id": b"a", "recipient_id": b"a"}),
    ((b"secret",), {"sender_id": b"12345678", "recipient_id": b"a"}),
    ((b"secret",), {"sender_id": b"a", "recipient_id": b"12345678"}),
    ((b"secret",), dict(IDS, id_context=bytes(17))),
    ((5,), IDS),
    ((b"secret", 5), IDS),
    ((b"secret",), {"sender_id": 1, "recipient_id": b"a"}),
    ((b"secret", b"salt", b"more"), IDS),
    ((b"secret",), dict(IDS, load=5, save=print)),
    ((b"secret",), dict(IDS, load=lambda: None)),
    ((b"secret",), dict(IDS, save=print)),
    ((b"secret",), dict(IDS, load=lambda: "5", save=print)),
    ((b"secret",), dict(IDS, load=lambda: 0, save=print)),
    ((b"secret",), dict(IDS, load=lambda: -1, save=print)),
    ((b"secret",), dict(IDS, load=lambda: 1 << 41, save=print)),
    ((b"secret",), dict(IDS, load=lambda: 1 // 0, save=print)),
    ((b"secret",), dict(IDS, load=lambda: None, save=lambda number: 1 // 0)),
    ((b"secret",), dict(IDS, other=1)),
):
    print(raised(SecurityContext, *arguments, **keywords))

print("-- what there is to see")
context = SecurityContext("secret", "salt", sender_id="", recipient_id=bytes(7), id_context=bytearray(16))
print(context, context.sender_id, context.recipient_id, context.id_context)
print(sorted(name for name in dir(context) if name[0] != "_"))
for name in ("secret", "salt", "key"):
    print(raised(getattr, context, name))
print(raised(setattr, context, "sender_id", b"x"), context.sender_id)
with context as same:
    print(same is context)
print(context.close())

print("-- where it is given")
client, server, net = pair()
HOST = "coap://10.0.0.2/x"
open_one = SecurityContext("secret", **IDS)
for security in (5, "a", True, [open_one], context):
    print(raised(client.get, HOST, security=security))
    print(raised(client.secure, security, "coap://10.0.0.2"))
    print(raised(server.resource, "x", security=security))
print(raised(client.secure, None), raised(client.secure, open_one, "nowhere"), raised(client.secure))
print(raised(server.resource, "x", security=[open_one, 5]))
print(raised(client.get, "coap://224.0.1.187/x", non=True, security=open_one))
print(raised(client.get, HOST, security=open_one, options=[(35, b"coap://node/x")]))
print(raised(client.get, HOST, security=None).startswith("returned <Exchange") or raised(client.get, HOST, security=None))

print("-- as many as there is room for")
many = 0
try:
    while many < 100:
        client.secure(SecurityContext("secret", sender_id=b"a", recipient_id=b"%d" % many))
        many += 1
except OSError as error:
    import errno

    print(errno.errorcode[error.errno], many >= 3)
open_one.close()
client.secure(SecurityContext("secret", sender_id=b"a", recipient_id=b"late"))

print("-- the end of the sequence")
last = 1 << 40
saved = []
for first in (last - 1, last):
    made = raised(SecurityContext, "s", sender_id=b"a", recipient_id=b"b", load=lambda: first, save=saved.append)
    print(made)
client.stop()
client, server, net = pair()
ending = SecurityContext("s", sender_id=b"a", recipient_id=b"b", load=lambda: last - 1, save=saved.append)
client.secure(ending, "coap://10.0.0.2")
print(raised(client.get, HOST).split()[0], raised(client.get, HOST), client.get("10.0.0.2", 5683, "x"))
print([number - last for number in saved])
