# A server and a client on real sockets in one interpreter.
import microcoapy
from support import ports, show

one, two = ports(2)
server = microcoapy.Coap()
client = microcoapy.Coap(two)
led = "off"


def measure(packet, ip, port):
    print("request", show(packet), ip, port == two, packet.query)
    server.sendResponse(ip, port, packet.messageid, "222", 69, 0, packet.token)


def turn(packet, ip, port):
    global led
    led = packet.payload.decode()
    server.sendResponse(ip, port, packet.messageid, None, 68, -1, packet.token)


server.addIncomingRequestCallback("current/measure", measure)
server.addIncomingRequestCallback("led/turnOn", turn)
client.responseCallback = lambda packet, sender: print("response", show(packet), sender[0], sender[1] == one)
client.errorCallback = lambda error, sender: print("error", error, sender)
server.start(one)
client.start()

print(client.get("127.0.0.1", one, "current/measure"))
print(server.poll(60000), client.poll(60000))
print(client.getNonConf("127.0.0.1", one, "current/measure?unit=A"))
print(server.poll(60000), client.poll(60000))
print(client.put("127.0.0.1", one, "led/turnOn", "on", "who=me", 0))
print(server.poll(60000), client.poll(60000), led)
print(client.post("127.0.0.1", one, "led/turnOn", b"off"))
print(server.poll(60000), client.poll(60000), led)
print(client.delete("127.0.0.1", one, "nosuch"))
print(server.poll(0), client.poll(60000))
print(client.get("localhost", one, "current/measure"))
print(server.poll(60000), client.poll(60000))
print(client.poll(0), server.poll(0), client.loop(False))

# the stopped server: nothing answers, nobody hangs
server.stop()
print(client.poll(50))
client.stop()
print(client.poll(50), client.loop(False), client.get("127.0.0.1", one, "x"))
