import microcoapy
import time

_SERVER_IP = "127.0.0.1"
_SERVER_PORT = 5683  # default CoAP port

count = 0


def onMessage(packet, sender):
    global count
    count += 1
    print("Message received:", packet.toString(), ", from: ", sender)
    print("Message payload: ", packet.payload.decode("unicode_escape"))


client = microcoapy.Coap()
client.debug = False
client.discardRetransmissions = True
client.resposeCallback = onMessage
client.start(0)

bytesTransferred = client.get(_SERVER_IP, _SERVER_PORT, "current/measure")
print("[GET] Sent bytes: ", bytesTransferred)
client.poll(60000)

bytesTransferred = client.put(
    _SERVER_IP, _SERVER_PORT, "led/turnOn", "test", "authorization=1234567", microcoapy.COAP_CONTENT_FORMAT.COAP_TEXT_PLAIN
)
print("[PUT] Sent bytes: ", bytesTransferred)
client.poll(60000)

bytesTransferred = client.post(
    _SERVER_IP, _SERVER_PORT, "/led/turnOn", "test", None, microcoapy.COAP_CONTENT_FORMAT.COAP_TEXT_PLAIN
)
print("[POST] Sent bytes: ", bytesTransferred)
if client.poll(60000, 100):
    print("message received")
else:
    print("no message received")

client.getNonConf(_SERVER_IP, _SERVER_PORT, "current/measure", bytearray([1, 2, 3]))
start_time = time.ticks_ms()
while time.ticks_diff(time.ticks_ms(), start_time) < 60000 and count < 4:
    client.poll(60000)

client.get(_SERVER_IP, _SERVER_PORT, "not/there")
while not client.loop(False):
    time.sleep_ms(10)

client.stop()
print("messages:", count)
