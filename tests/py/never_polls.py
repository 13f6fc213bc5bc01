# A program that sends and never polls: what has arrived is taken in before each message, so the next ones get their turn;
# what there is to report waits for poll(), the latest of it if nobody ever polls.
import microcoapy
from support import CLIENT, SERVER, pair, settle

client, server, net = pair()
got = []
client.responseCallback = lambda packet, sender: got.append(packet.payload)
client.errorCallback = lambda error, sender: got.append("error %d" % (error.errno != 0))
posted = []


def answer(packet, ip, port):
    posted.append(packet.payload)
    server.sendResponse(ip, port, packet.messageid, packet.payload, 68, -1, packet.token)


server.addIncomingRequestCallback("log", answer)


def post(number):
    sent = client.post(SERVER[0], SERVER[1], "log", b"%d" % number)
    settle(server)
    return sent > 0


numbers = [b"%d" % number for number in range(100)]
print(all([post(number) for number in range(100)]), posted == numbers)
print("told while sending:", got)
before = client.stats()["dropped"]
settle(client)
# At least eight are kept, the latest; the last answer comes with poll() itself.
print(len(got) >= 9, got == numbers[-len(got) :], before == 100 - len(got))

# Errors too: nothing of what is over keeps requests out.
got.clear()
for number in range(30):
    client.post("10.0.0.3", 5683, "gone", b"x")
    net.waiting.setdefault(("10.0.0.3", 5683), []).clear()
    request = client.get(SERVER[0], SERVER[1], "none")
    settle(server)
    if request == 0:
        print("kept out at", number)
        break
settle(client)
print(len(got) > 0)
client.stop()

# An event that runs the program is not lost either, and what comes behind it waits for it.
client, server, net = pair()
both = client
both.addIncomingRequestCallback("own", lambda packet, ip, port: print("handler:", packet.payload) or both.sendResponse(ip, port, packet.messageid, b"", 68, -1, packet.token))
both.responseCallback = lambda packet, sender: print("response:", packet.payload)
server.responseCallback = lambda packet, sender: print("answered:", packet.method)
server.addIncomingRequestCallback("log", answer)
server.put(CLIENT[0], CLIENT[1], "own", b"asked")
print(both.post(SERVER[0], SERVER[1], "log", b"sent") > 0, "and nothing was called")
settle(server, both)

# stop() forgets it.
both.post(SERVER[0], SERVER[1], "log", b"1")
settle(server)
both.post(SERVER[0], SERVER[1], "log", b"2")
both.stop()
print(both.poll(0), posted[-1])
