# needs: dtls,modern
# timeout: 120
# ClientHellos from addresses that are not the sender's, and whatever else has no session: the heap stays as it is, and who has
# a key is served all the while.
import microcoapy
from dtls_net import IDENTITY, KEY, Chance, address, bound, client_of, kinds, ours, received, run, served, text, turn
from growing import growth
from support import QUICK, ports

COUNT = 20 if QUICK else 300
SESSIONS = 2
SEED = 20261129
port, listener_port = ports(2)
server = served(port, microcoapy.Dtls(psks={IDENTITY: KEY}, sessions=SESSIONS))
client = client_of(ours())
serve = turn(server)
HOST = "coaps://127.0.0.1:%d/" % port
target = address(port)


def hello():
    return text(run(client.get(HOST + "hello"), turn(server, client)))


def first_flight(dtls):
    """The ClientHello of a client."""
    listener = bound(listener_port)
    one = client_of(dtls)
    one.get("coaps://127.0.0.1:%d/" % listener_port)
    data = received(listener)[0]
    one.stop()
    listener.close()
    return data


def answers(data, sock):
    """What the server sends to who sends this."""
    sock.sendto(data, target)
    server.poll(0)
    found = []
    while True:
        got = received(sock)
        if not got:
            return found
        found.append(got[0])


HELLO = first_flight(ours())
chance = Chance(SEED)
print("seed", SEED)
strangers = [bound() for _ in range(COUNT)]


def altered(data):
    """With other random bytes: another client's."""
    return data[:30] + bytes([chance(256) for _ in range(8)]) + data[38:]


def spoofed():
    for sock in strangers:
        (data,) = answers(altered(HELLO), sock)
        assert kinds([(False, data)]) == [3] and len(data) <= len(HELLO), data  # a cookie


def with_a_wrong_cookie():
    for sock in strangers:
        cookie = answers(HELLO, sock)[0]
        at = 25 + 34 + 1 + 1  # behind record, handshake, version, random, session id and the cookie's length
        wrong = bytes([chance(256) for _ in range(32)])
        length = len(HELLO) - 13 + 32
        data = bytearray(HELLO[: at - 1] + b"\x20" + wrong + HELLO[at:])
        data[11:13] = bytes([length >> 8, length & 255])
        data[14:17] = data[22:25] = bytes([0, (length - 12) >> 8, (length - 12) & 255])
        (answer,) = answers(bytes(data), sock)
        assert kinds([(False, answer)]) == [3], answer


def garbage():
    for sock in strangers:
        data = bytearray(HELLO)
        for _ in range(1 + chance(8)):
            data[chance(len(data))] = chance(256)
        answers(bytes(data[: 1 + chance(len(data))]), sock)
        answers(bytes([20 + chance(6), 254, 253, 0, chance(2)]) + bytes([chance(256) for _ in range(chance(60))]), sock)
    hello()


def resident():
    """KiB of the process's heap, where mbedtls has its memory; 0 where that is not known, or a tool keeps what is freed."""
    try:
        with open("/proc/self/smaps") as file:
            for line in file:
                if line.endswith("[heap]\n"):
                    file.readline()
                    while not line.startswith("Rss:"):
                        line = file.readline()
                    return 0 if QUICK else int(line.split()[1])
    except OSError:
        pass
    return 0


print(hello())
for flood in (spoofed, with_a_wrong_cookie, garbage):
    flood()
    before = resident()
    print(flood.__name__, growth(flood, 2), resident() - before < 16, hello())

print("-- clients without the key take no session from one that has it")
wrong = microcoapy.Dtls(psk_identity=IDENTITY, psk=b"wrong")
for _ in range(4 * SESSIONS):
    one = client_of(wrong)
    exchange = one.get(HOST + "hello")
    while not exchange.done():
        one.poll(0)
        server.poll(0)
    one.stop()
# Nor do those that leave their handshakes unfinished.
idle = [client_of(wrong) for _ in range(4 * SESSIONS)]
for one in idle:
    one.get(HOST + "hello")
    for _ in range(3):
        server.poll(0)
        one.poll(0)
    server.poll(0)
exchange = client.get(HOST + "hello")
rounds = 0
while not exchange.done():
    server.poll(0)
    client.poll(0)
    rounds += 1
print(exchange.wait(0).text, rounds < 10)

print("-- nor does one that comes while they are at it wait for them")
other = client_of(ours())
print(text(run(other.get(HOST + "hello"), turn(server, other))))
for coap in idle + [client, other, server]:
    coap.stop()

print("-- nor for a handshake of the server's own, with nobody")
server = served(port, ours(sessions=1))
clients = [client_of(ours()) for _ in range(2)]
for number, one in enumerate(clients):
    print(text(run(one.get(HOST + "hello"), turn(server, one))))
    server.get("coaps://127.0.0.1:%d/" % (listener_port + number))
server.stop()
