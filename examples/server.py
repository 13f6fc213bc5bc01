# A CoAP server: a measured value to GET, an LED to PUT and POST.
# On a board connect to the network first; here: micropython server.py [port]
import sys

import microcoapy
from microcoapy import COAP_CONTENT_FORMAT, COAP_METHOD, COAP_RESPONSE_CODE

port = int(sys.argv[1]) if len(sys.argv) > 1 else 5683

led = False


def measure_current(packet, ip, port):
    print("request for current/measure:", packet.toString(), "from", ip, port)
    if packet.method != COAP_METHOD.COAP_GET:
        answer(packet, ip, port, None, COAP_RESPONSE_CODE.COAP_METHOD_NOT_ALLOWED)
        return
    answer(packet, ip, port, "222", COAP_RESPONSE_CODE.COAP_CONTENT)


def turn_on_led(packet, ip, port):
    global led
    print("request for led/turnOn:", packet.toString(), "from", ip, port)
    if packet.method == COAP_METHOD.COAP_PUT:  # the payload says what to do
        led = packet.payload != b"off"
        answer(packet, ip, port, None, COAP_RESPONSE_CODE.COAP_CHANGED)
    elif packet.method == COAP_METHOD.COAP_POST:  # toggles
        led = not led
        answer(packet, ip, port, "led is " + ("on" if led else "off"), COAP_RESPONSE_CODE.COAP_CHANGED)
    else:
        answer(packet, ip, port, None, COAP_RESPONSE_CODE.COAP_METHOD_NOT_ALLOWED)


def answer(packet, ip, port, payload, code):
    content_format = COAP_CONTENT_FORMAT.COAP_TEXT_PLAIN if payload else COAP_CONTENT_FORMAT.COAP_NONE
    server.sendResponse(ip, port, packet.messageid, payload, code, content_format, packet.token)


server = microcoapy.Coap()
server.addIncomingRequestCallback("current/measure", measure_current)
server.addIncomingRequestCallback("led/turnOn", turn_on_led)
server.start(port)
print("server listens on port", port)

try:
    while True:
        server.poll(60000)  # returns after each message it has handled
except KeyboardInterrupt:
    server.stop()
