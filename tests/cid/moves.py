# A client that gets another address, as behind a NAT that has forgotten it: RFC 9146. Run where mbedtls has connection ids.
import microcoapy
from dtls_net import IDENTITY, KEY, Middle, bound, client_of, kinds, ours, run, served, text, turn
from support import ports

server_port, port = ports(2)
senders = set()
value = ["0"]
server = served(server_port, microcoapy.Dtls(psks={IDENTITY: KEY}), amplification=3)


@server.resource("who")
def who(request):
    senders.add(request.sender)
    return str(len(senders))


@server.resource("value", obs=True)
def read(request):
    return value[0]


middle = Middle(port, server_port)
client = client_of(ours())
HOST = "coaps://127.0.0.1:%d/" % port
turns = (turn(server), middle.turn, turn(client))


def move():
    """The client has another address from now on; what is sent to the old one is lost."""
    middle.back.close()
    middle.back = bound()
    del middle.log[:]


def ask(path):
    return text(run(client.get(HOST + path), *turns))


print(ask("who"))
for _ in range(3):
    move()
    print(ask("who"), kinds(middle.log))

print("-- what is long is for who has shown where it is")
print(ask("long") == "x" * 5000)
move()
before = server.stats()["sent"]
print(ask("long") == "x" * 5000, server.stats()["sent"] - before)

print("-- an observation goes with it, when it has said something")
seen = []
observation = client.observe(HOST + "value", callback=lambda response: seen.append(response.text))


def notified(text):
    value[0] = text
    read.notify()
    while text not in seen:
        for one in turns:
            one()
    return seen[-1]


print(notified("1"))
move()
print(ask("who"), notified("2"), server.stats()["observers_in_use"])

print("-- an old record from elsewhere takes it nowhere, whether it is known or not")
stranger = bound()
middle.passes = lambda data, to_server: False
client.get(HOST + "who", non=True)
middle.turn()
middle.passes = lambda data, to_server: True
print(ask("who"))
for there, data in list(middle.log):
    if there:
        stranger.sendto(data, middle.server)
print(notified("3"), ask("who"))
middle.passes = lambda data, to_server: False
del middle.log[:]
client.get(HOST + "who", non=True)
middle.turn()
fresh = middle.log[0][1]
middle.passes = lambda data, to_server: True
stranger.sendto(fresh[:3] + b"\xff" * 8 + fresh[11:15] + b"\0\1\0" + fresh, middle.server)
turns[0]()
stranger.recvfrom(2000)  # it was the first with it
print(ask("who"))
try:
    print(stranger.recvfrom(2000))
except OSError:
    print("nothing")
print(kinds(middle.log))
client.stop()
server.stop()
