import microcoapy.microcoapy as microcoapy
import utime as time

_SERVER_PORT = 5683  # default CoAP port

client = microcoapy.Coap()
client.debug = False


def measureCurrent(packet, senderIp, senderPort):
    print("Measure-current request received:", packet.toString(), ", from: ", senderIp, ":", senderPort)
    client.sendResponse(
        senderIp,
        senderPort,
        packet.messageid,
        "222",
        microcoapy.COAP_RESPONSE_CODE.COAP_CONTENT,
        microcoapy.COAP_CONTENT_FORMAT.COAP_NONE,
        packet.token,
    )


def turnOnLed(packet, senderIp, senderPort):
    print("Turn-on-led request received:", packet, ", from: ", senderIp, ":", senderPort)
    code = microcoapy.COAP_RESPONSE_CODE.COAP_CHANGED
    if packet.method == microcoapy.COAP_METHOD.COAP_POST:
        code = microcoapy.COAP_RESPONSE_CODE.COAP_SERVICE_UNAVALIABLE
    client.sendResponse(
        senderIp, senderPort, packet.messageid, None, code, microcoapy.COAP_CONTENT_FORMAT.COAP_NONE, packet.token
    )


client.addIncomingRequestCallback("led/turnOn", turnOnLed)
client.addIncomingRequestCallback("current/measure", measureCurrent)

client.start(_SERVER_PORT)
print("started")

# wait for incoming request for 10 minutes
timeoutMs = 600000
start_time = time.ticks_ms()
while time.ticks_diff(time.ticks_ms(), start_time) < timeoutMs:
    client.poll(60000)

client.stop()
