# An answer of the classic layer that is longer than a message: in blocks where there are any, else 5.00. Never silence.
# needs: block
import errno

import microcoapy
from support import SERVER, dotted, pair, settle

client, server, net = pair(max_message=128)
sent = []  # by sendResponse: 0 where there are no blocks
long = bytes(range(256)) * 2
later = []


def handler(payload, again=None):
    def answer(packet, ip, port):
        given = bytearray(payload) if again else payload
        sent.append(server.sendResponse(ip, port, packet.messageid, given, 69, 42, packet.token))
        if again:
            given[:] = again * len(given)  # it was taken as it was

    return answer


def keep(packet, ip, port):
    later.append((packet.messageid, ip, port, packet.token))


def too_long(packet, ip, port):
    answer = microcoapy.CoapPacket()
    answer.type, answer.method, answer.messageid, answer.token = 2, 69, packet.messageid, packet.token
    answer.addOption(2048, b"o" * 200)
    sent.append(server.sendPacket(ip, port, answer))
    return sent[-1]


def retry(packet, ip, port):
    # What can be no answer, and then one that can
    print("  sent:", too_long(packet, ip, port), server.sendResponse(ip, port, packet.messageid, "short", 69, 0) > 0)


server.addIncomingRequestCallback("bytes", handler(long))
server.addIncomingRequestCallback("array", handler(long, b"x"))
server.addIncomingRequestCallback("text", handler("\u00e9" * 256))
server.addIncomingRequestCallback("short", handler("short"))
server.addIncomingRequestCallback("later", keep)
server.addIncomingRequestCallback("retry", retry)
server.addIncomingRequestCallback("never", too_long)
expected = {"bytes": long, "array": long, "text": ("\u00e9" * 256).encode(), "later": long, "short": b"short", "retry": b"short"}


def ask(method, path):
    got = []
    client.responseCallback = lambda packet, sender: got.append((dotted(packet.code), packet.payload, packet.content_format))
    client.errorCallback = lambda error, sender: got.append((str(error), b"", None))
    method(SERVER[0], SERVER[1], path)
    if path == "later":
        settle(server, client)
        messageid, ip, port, token = later.pop()
        sent.append(server.sendResponse(ip, port, messageid, long, 69, 42, token))
    while not got:  # blocks are nothing that poll() tells of
        server.poll(-1)
        client.poll(-1)
    (code, payload, format), = got
    whole = code == "2.05" and payload == expected.get(path, payload)
    refused = code == "5.00"
    print(path, whole if sent[-1] or path == "retry" else refused)


for path in ("bytes", "array", "text", "later", "short"):
    ask(client.get, path)
    ask(client.getNonConf, path)
ask(client.get, "retry")
ask(client.get, "never")
ask(client.getNonConf, "never")
print(server.stats()["requests_in_use"], client.stats()["exchanges_in_use"])

# More long answers at once than there is room for: each request ends, the rest with an error.
client, server, net = pair(max_message=128, nstart=12)
server.addIncomingRequestCallback("bytes", handler(long))
got = []
client.responseCallback = lambda packet, sender: got.append(packet.payload == long)
client.errorCallback = lambda error, sender: got.append(error.errno)
count = 0
while count < 12 and client.get(SERVER[0], SERVER[1], "bytes"):
    count += 1
while client.stats()["exchanges_in_use"]:
    server.poll(-1)
    client.poll(-1)
settle(server, client)
print(len(got) == count, True in got, errno.ENOBUFS in got, set(got) <= {True, False, errno.ENOBUFS})
