# A CoAP client: asks server.py for its measured value and switches its LED.
# On a board connect to the network first; here: micropython client.py [host [port]]
import sys

import microcoapy

host = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
port = int(sys.argv[2]) if len(sys.argv) > 2 else 5683

answers = 0


def received(packet, sender):
    global answers
    answers += 1
    print("answer:", packet.toString(), "from", sender)


def failed(error, sender):
    print("no answer from", sender, "-", error)


client = microcoapy.Coap()
client.responseCallback = received
client.errorCallback = failed
client.start(0)  # any free port

sent = client.get(host, port, "current/measure")
print("GET current/measure:", sent, "bytes sent")
client.poll(10000)

sent = client.put(host, port, "led/turnOn", "on", None, microcoapy.COAP_CONTENT_FORMAT.COAP_TEXT_PLAIN)
print("PUT led/turnOn:", sent, "bytes sent")
client.poll(10000)

sent = client.post(host, port, "led/turnOn", "toggle")
print("POST led/turnOn:", sent, "bytes sent")
client.poll(10000)

client.stop()
sys.exit(0 if answers == 3 else 1)
