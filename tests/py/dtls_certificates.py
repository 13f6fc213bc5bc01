# needs: dtls,modern
# DTLS with certificates, RFC 7252 section 9.1.3.3: what a client checks of a server, and a server of a client.
import binascii

import microcoapy
from dtls_net import IDENTITY, KEY, SERVER_HELLO_DONE, Middle, client_of, kinds, ours, run, served, text, turn
from support import ports, raised

FOLDER = "../certificates/"


def read(name):
    with open(FOLDER + name) as file:
        return file.read()


def der(text):
    return binascii.a2b_base64("".join(line for line in text.split("\n") if "-----" not in line))


AUTHORITY = read("authority.pem")
PORTS = ports(2)


def own(name):
    return {"cert": read(name + ".pem"), "key": read(name + ".key")}


def show(what, exchange, *turns):
    print(what, text(run(exchange, *turns)))


def ask(what, server, client, host="localhost"):
    show(what, client.get("coaps://%s:%d/hello" % (host, PORTS[0])), turn(server, client))


print("-- a server's certificate")
client = client_of(microcoapy.Dtls(ca=AUTHORITY))
for name in ("server", "expired", "elsewhere", "unknown", "address"):
    server = served(PORTS[0], microcoapy.Dtls(**own(name)))
    ask("%s, its name:" % name, server, client)
    if name != "server":  # which names its address too, but mbedtls 2 does not see that
        ask("%s, its address:" % name, server, client, "127.0.0.1")
    ask("%s, its name:" % name, server, client)
    server.stop()
    while client.poll(0):
        pass
ask_stranger = client_of(microcoapy.Dtls(ca=read("stranger.pem")))
server = served(PORTS[0], microcoapy.Dtls(**own("server")))
ask("another authority:", server, ask_stranger)
ask("either authority:", server, client_of(microcoapy.Dtls(ca=read("stranger.pem") + AUTHORITY)))
ask("as DER:", server, client_of(microcoapy.Dtls(ca=der(AUTHORITY))))
print(raised(client_of(microcoapy.Dtls(**own("client"))).get, "coaps://localhost/"))
server.stop()

print("-- a session is resumed, for the name that it was made for")
server = served(PORTS[0], microcoapy.Dtls(**own("server")))
middle = Middle(PORTS[1], PORTS[0])
kept = microcoapy.Dtls(ca=AUTHORITY)
for host in ("localhost", "localhost", "127.0.0.1", "localhost"):
    one = client_of(kept)
    del middle.log[:]
    uri = "coaps://%s:%d/hello" % (host, PORTS[1])
    if host != "127.0.0.1":
        show(host, one.get(uri), turn(server, one), middle.turn)
    else:
        run(one.get(uri), turn(server, one), middle.turn)
    print("whole" if SERVER_HELLO_DONE in kinds(middle.log) else "resumed")
    one.stop()
    middle.turn()
    server.poll(0)
middle.close()
server.stop()

print("-- a server asks no client whose certificate is not one of a server")
asked = []
server = served(PORTS[0], microcoapy.Dtls(ca=AUTHORITY, psks={IDENTITY: KEY}, **own("server")))
server.resource("who")(lambda request: asked.append(request.sender) or b"")
for dtls in (microcoapy.Dtls(ca=AUTHORITY, **own("client")), ours()):
    one = client_of(dtls)
    print(run(one.get("coaps://localhost:%d/who" % PORTS[0]), turn(server, one)).ok)
    print(raised(server.get, "coaps://%s:%d/" % asked[-1]))
    ask("still there:", server, one)
    one.stop()
    server.poll(0)
server.stop()

print("-- a client's certificate")
server = served(PORTS[0], microcoapy.Dtls(ca=AUTHORITY, cert=der(read("server.pem")), key=der(read("server.key"))))
ask("none:", server, client)
for name in ("client", "unknown", "expired"):
    ask("%s:" % name, server, client_of(microcoapy.Dtls(ca=AUTHORITY, **own(name))))
server.stop()

print("-- keys and certificates at once")
server = served(PORTS[0], microcoapy.Dtls(psks={IDENTITY: KEY}, **own("server")))
ask("certificate:", server, client)
ask("key:", server, client_of(ours()))
ask("either:", server, client_of(microcoapy.Dtls(psk_identity=IDENTITY, psk=KEY, ca=AUTHORITY)))
server.stop()

print("-- what belongs together")
for keywords in (
    {"cert": read("server.pem")},
    {"key": read("server.key")},
    {"cert": read("server.pem"), "key": "no key"},
    {"cert": read("server.pem"), "key": read("client.pem")},
    {"ca": AUTHORITY[:-100]},
    {"cert": 5, "key": 5},
):
    print(raised(microcoapy.Dtls, **keywords))
