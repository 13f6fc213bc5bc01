# needs: dtls,modern
# DTLS over a network that loses, repeats, joins and delays datagrams, and peers that lose their sessions.
import microcoapy
from dtls_net import IDENTITY, KEY, SERVER_HELLO_DONE, Chance, Middle, client_of, kinds, ours, run, served, text, turn
from support import QUICK, ports

server_port, port, other_port, last_port = ports(4)
SERVERS = microcoapy.Dtls(psks={IDENTITY: KEY}, sessions=16)
server = served(server_port, SERVERS)
serve = turn(server)


def uri(at, path="hello"):
    return "coaps://127.0.0.1:%d/%s" % (at, path)


class Line:
    """A client, and who stands between it and the server."""

    def __init__(self, at, passes=None, dtls=None, **parameters):
        self.middle = Middle(at, server_port, passes)
        self.client = client_of(dtls or ours(), **parameters)
        self.at = at

    def turn(self):
        self.client.poll(0)
        self.middle.turn()

    def get(self, path="hello"):
        return text(run(self.client.get(uri(self.at, path)), serve, self.turn))

    def close(self):
        self.client.stop()
        self.middle.turn()
        serve()
        self.middle.close()


def together(lines):
    """A request on each line, all at once."""
    exchanges = [line.client.get(uri(line.at)) for line in lines]
    turns = [serve] + [line.turn for line in lines]
    return [text(run(exchange, *turns)) for exchange in exchanges]


class Loses:
    """The first copy of the datagram with that number in that direction."""

    def __init__(self, number, to_server):
        self.number = number
        self.to_server = to_server
        self.count = 0

    def __call__(self, data, to_server):
        if to_server == self.to_server:
            self.count += 1
        return to_server != self.to_server or self.count != self.number + 1


print("-- each datagram of a handshake lost in turn")
line = Line(port)
print(line.get(), kinds(line.middle.log))
flights = [sum(1 for there, _ in line.middle.log if there == to_server) for to_server in (True, False)]
line.close()
losses = [Loses(n, there) for there, count in zip((True, False), flights) for n in range(count)]
free = 30000 + port % 10000
lines = [Line(free + n, loses) for n, loses in enumerate(losses)]
print(set(together(lines)))
print([loses.count > loses.number for loses in losses].count(False))
for line in lines:
    line.close()


class Network:
    """Loses one datagram of `one_in`, by a seed."""

    def __init__(self, seed, one_in):
        self.chance = Chance(seed)
        self.one_in = one_in
        self.lost = 0

    def __call__(self, data, to_server):
        lost = self.chance(self.one_in) == 0
        self.lost += lost
        return not lost


print("-- 20 % lost")
networks = [Network(seed, 5) for seed in range(1, 3 if QUICK else 9)]
lines = [Line(free + n, network, max_retransmit=8) for n, network in enumerate(networks)]
print(set(together(lines)), sum(network.lost for network in networks) > 0)
for line in lines:
    line.close()

print("-- every datagram twice, and old ones again")
line = Line(port)
middle = line.middle


def twice(data, to_server):
    (middle.back if to_server else middle.front).sendto(data, middle.server if to_server else middle.client)
    return True


middle.passes = twice
duplicates = server.stats()["duplicates"]
print(line.get(), line.get("long") == "x" * 5000)
for there, data in list(middle.log):
    (middle.back if there else middle.front).sendto(data, middle.server if there else middle.client)
    line.turn()
    serve()
    line.turn()
print(line.get(), server.stats()["duplicates"] - duplicates)

print("-- several records in one datagram")
held = []


def hold(data, to_server):
    if to_server and not held:
        held.append(data)
        return False
    if to_server and held[0]:
        middle.back.sendto(held[0] + data, middle.server)
        held[0] = b""
        return False
    return True


middle.passes = hold
one = line.client.get(uri(port), non=True)
line.turn()
other = line.client.get(uri(port, "long"), non=True)
print(text(run(one, serve, line.turn)), text(run(other, serve, line.turn)) == "x" * 5000, held)

print("-- a client that has restarted with the address it had")


def everything(data, to_server):
    return True


def nothing(data, to_server):
    return False


def restart(dtls, passes=everything, **parameters):
    """Another client in place of the line's; `passes`: what comes through of what the old one says at its end."""
    middle.passes = passes
    line.client.stop()
    middle.turn()
    serve()
    middle.passes = everything
    line.client = client_of(dtls, **parameters)
    del middle.log[:]


restart(ours(), nothing)
print(line.get(), SERVER_HELLO_DONE in kinds(middle.log))

print("-- what was given up during a handshake is not sent after it")
reached = []
server.resource("given up")(lambda request: reached.append(request.path) or "too late")
restart(ours(), nothing)
middle.passes = nothing
given_up = line.client.get(uri(port, "given%20up"), timeout=1)
print(text(run(given_up, serve, line.turn)))
wanted = line.client.get(uri(port))
middle.passes = everything
print(text(run(wanted, serve, line.turn)), reached)

print("-- a key is looked for each time, as it may have gone")
kept = ours()
for _ in range(2):
    restart(kept)
    print(line.get(), SERVER_HELLO_DONE in kinds(middle.log))

print("-- what is said in a client's name ends nothing")
SHORT_HELLO = b"\x16\xfe\xfd" + bytes(8) + b"\0\4\1\0\0\0"
CHANGE = b"\x14\xfe\xfd" + bytes(8) + b"\0\1\1"
ALERT = b"\x15\xfe\xfd" + bytes(8) + b"\0\2\2\x28"
del middle.log[:]
for spoofed in (SHORT_HELLO, CHANGE + SHORT_HELLO, SHORT_HELLO + CHANGE, ALERT, CHANGE, b"\x16", bytes(13), bytes(2000)):
    middle.back.sendto(spoofed, middle.server)
    serve()
    middle.front.sendto(spoofed, middle.client)
    line.turn()
print(line.get(), kinds(middle.log))

print("-- a server that has lost its sessions")
restart(kept, ack_timeout=400, max_retransmit=3)
print(line.get())
middle.passes = nothing
server.stop()
middle.turn()
server.start(server_port, dtls=SERVERS)
middle.passes = everything
print(line.get())
del middle.log[:]
print(line.get(), SERVER_HELLO_DONE in kinds(middle.log))
line.close()
server.stop()
