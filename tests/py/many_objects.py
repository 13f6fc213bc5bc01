# Many endpoints at once, collected when dropped; sockets are closed with them.
import gc

import microcoapy
from support import QUICK, Net

count = 20
net = Net()
coaps = []
got = []


def make(number):
    coap = microcoapy.Coap(max_message=128, message_store=512)
    coap.setCustomSocket(net.socket(("node", number)))
    coap.addIncomingRequestCallback(
        "ask", lambda p, ip, port: coap.sendResponse(ip, port, p.messageid, "node %d" % number, 69, -1, p.token)
    )
    coap.responseCallback = lambda packet, sender: got.append((number, sender[1], packet.payload))
    return coap


for number in range(count):
    coaps.append(make(number))
for number in range(count):
    for other in range(count):
        if other != number:
            coaps[number].get("node", other, "ask")
busy = True
while busy:
    busy = False
    for coap in coaps:
        busy |= coap.poll(0)
print(len(got), all(payload == b"node %d" % other for _, other, payload in got), len(set(got)))

coap = coaps = None
net = Net()
gc.collect()


def started():
    coap = microcoapy.Coap(max_message=128, message_store=512)
    coap.start(0)
    return coap


# far more sockets than a process or a device may have open, if they were not closed with their object
for number in range(100 if QUICK else 3000):
    try:
        coap = started()
    except OSError:  # a device has few
        coap = None
        gc.collect()
        coap = started()
    coap.getNonConf("127.0.0.1", 9, "a")
    if number % 50 == 0:
        coap = None
        gc.collect()
print("done")
