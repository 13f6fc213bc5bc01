# A server in a thread of its own, a client in the main thread.
import _thread

import microcoapy
from support import ports

one, two = ports(2)
ROUNDS = 200
ready = _thread.allocate_lock()
ready.acquire()
stopped = _thread.allocate_lock()
stopped.acquire()
handled = 0
running = True


def serve():
    global handled, running

    def handler(packet, ip, port):
        global handled
        handled += 1
        server.sendResponse(ip, port, packet.messageid, packet.payload, 69, -1, packet.token)

    def last(packet, ip, port):
        global running
        running = False
        server.sendResponse(ip, port, packet.messageid, "bye", 69, -1, packet.token)

    server = microcoapy.Coap()
    server.addIncomingRequestCallback("echo", handler)
    server.addIncomingRequestCallback("stop", last)
    server.start(one)
    ready.release()
    while running:
        server.poll(1000)
    server.stop()
    stopped.release()


_thread.start_new_thread(serve, ())
ready.acquire()
got = []
client = microcoapy.Coap()
client.responseCallback = lambda packet, sender: got.append(packet.payload)
client.start(two)
for number in range(ROUNDS):
    client.post("127.0.0.1", one, "echo", "number %d" % number)
    while len(got) <= number:
        client.poll(60000)
print(got == [b"number %d" % number for number in range(ROUNDS)], handled)
client.get("127.0.0.1", one, "stop")
while len(got) == ROUNDS:
    client.poll(60000)
print(got[-1])
stopped.acquire()
client.stop()
