# The attributes of a Coap object: defaults, assignment, what start and stop make of them.
import microcoapy
from support import ports, raised

port, other, _, _ = ports(4)

coap = microcoapy.Coap()
for name in (
    "port",
    "sock",
    "callbacks",
    "isServer",
    "responseCallback",
    "resposeCallback",
    "errorCallback",
    "discardRetransmissions",
    "debug",
):
    print(name, getattr(coap, name))
print(coap.state == coap.TRANSMISSION_STATE.STATE_IDLE)
print(sorted(coap.stats().items()))

# the old spelling is the same attribute
coap.resposeCallback = print
print(coap.responseCallback is print)
coap.responseCallback = max
print(coap.resposeCallback is max)
coap.responseCallback = None
print(coap.resposeCallback)

coap.debug = True
coap.discardRetransmissions = True
print(coap.debug, coap.discardRetransmissions)
coap.debug = False

coap.addIncomingRequestCallback("/a/b", len)
coap.addIncomingRequestCallback("c", max)
coap.addIncomingRequestCallback("", min)
print(coap.isServer, sorted(coap.callbacks))

# start and stop may come twice
coap.start(port)
print(coap.port == port, coap.sock is not None)
sock = coap.sock
coap.start(port)
print(coap.sock is not None)
coap.stop()
print(coap.sock)
coap.stop()
print(coap.sock, coap.port == port)

# the constructor's port is start's default; start(0) takes any
coap = microcoapy.Coap(other)
coap.start()
print(coap.port == other)
print(raised(microcoapy.Coap(other).start))
coap.stop()
coap.start(0)
print(coap.port != 0)
coap.stop()

# a program may hang its own on an instance
print(raised(getattr, coap, "own"), hasattr(coap, "own"))
coap.own = [1]
coap.own.append(2)
coap.poll = lambda: "its own poll"
print(coap.own, coap.poll(), coap.get is not None)
del coap.own, coap.poll
print(hasattr(coap, "own"), coap.poll(-1))
print(raised(delattr, coap, "own"), raised(delattr, coap, "port"))
print(hasattr(microcoapy.Coap(), "own"))
packet = microcoapy.CoapPacket()
packet.tries = 3
print(packet.tries, hasattr(microcoapy.CoapPacket(), "tries"))
