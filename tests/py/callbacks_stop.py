# Callbacks call stop, and start again.
import microcoapy
from support import SERVER, Net, pair, ports, raised, settle, show, told

IP, PORT = SERVER


def title(text):
    print("--", text)


title("stop in a request handler, custom socket")
client, server, net = pair()


def stopping(packet, ip, port):
    print("handler")
    server.stop()
    print(server.sock, server.sendResponse(ip, port, packet.messageid, "x", 69, -1, packet.token))


server.addIncomingRequestCallback("stop", stopping)
client.get(IP, PORT, "stop")
print(server.poll(0), server.poll(0), server.loop(False), raised(server.poll, 50))

title("stop after the answer")
client, server, net = pair()
client.responseCallback = lambda packet, sender: print(show(packet))


def answer_and_stop(packet, ip, port):
    server.sendResponse(ip, port, packet.messageid, "bye", 69, -1, packet.token)
    server.stop()


server.addIncomingRequestCallback("stop", answer_and_stop)
client.get(IP, PORT, "stop")
print(server.poll(0), client.poll(0))

title("stop in the response callback")
client, server, net = pair()
server.addIncomingRequestCallback("a", lambda p, ip, port: server.sendResponse(ip, port, p.messageid, "x", 69, -1, p.token))
client.responseCallback = lambda packet, sender: client.stop()
client.get(IP, PORT, "a")
server.poll(0)
print(client.poll(0), client.sock, client.get(IP, PORT, "a"), client.poll(0))

title("stop and start in callbacks, real sockets")
one, two = ports(2)
server = microcoapy.Coap()
client = microcoapy.Coap()
restarts = 0


def restart(packet, ip, port):
    global restarts
    restarts += 1
    server.stop()
    server.start(one)


def plain(packet, ip, port):
    server.sendResponse(ip, port, packet.messageid, "served after %d restarts" % restarts, 69, -1, packet.token)


server.addIncomingRequestCallback("restart", restart)
server.addIncomingRequestCallback("plain", plain)
server.start(one)
client.start(two)
responses = []


def response(packet, sender):
    responses.append(packet.payload)
    client.stop()
    client.start(two)


client.responseCallback = response
for url in ("plain", "restart", "plain"):
    print(client.getNonConf("127.0.0.1", one, url) > 0, server.poll(60000))
    if url == "plain":
        print(client.poll(60000), responses)
    else:
        client.stop()
        client.start(two)
client.stop()
server.stop()

title("stop in the error callback")
client, server, net = pair(ack_timeout=1, max_retransmit=0)
errors = []


def stop_at_error(error, sender):
    errors.append((told(error), sender))
    client.stop()


client.errorCallback = stop_at_error
for port in range(5683, 5686):
    net.waiting[(IP, port)] = []
    client.get(IP, port, "a")
print(client.poll(60000), errors, client.sock)
print(client.poll(0), errors)

title("another custom socket in a callback")
client, server, net = pair()
other = Net()
other.socket(SERVER)


def switch(packet, sender):
    print(show(packet))
    client.setCustomSocket(other.socket(("other", 1)))


server.addIncomingRequestCallback("a", lambda p, ip, port: server.sendResponse(ip, port, p.messageid, "x", 69, -1, p.token))
client.responseCallback = switch
client.get(IP, PORT, "a")
settle(server, client)
print(client.get(IP, PORT, "a") > 0, len(other.waiting[SERVER]), len(net.waiting[SERVER]))

title("an object dropped while its callback runs")


def last():
    client, server, net = pair()
    server.addIncomingRequestCallback("a", lambda p, ip, port: server.sendResponse(ip, port, p.messageid, "x", 69, -1, p.token))
    client.responseCallback = lambda packet, sender: print(show(packet))
    client.get(IP, PORT, "a")
    settle(server, client)


last()
import gc

gc.collect()
print("done")
