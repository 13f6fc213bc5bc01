# export_state() and Coap(state=...): what is refused, and that nothing is lost on the way.
# needs: observe
import microcoapy
from support import raised, start

coap = microcoapy.Coap()
coap.resource("value", obs=True)(lambda request: "1")
start(coap, 0)
state = coap.export_state()
print(type(state), len(state) < 32)
print(microcoapy.Coap(state=state).export_state() == state)
print(microcoapy.Coap(state=None).export_state() != state)
print(microcoapy.Coap(state=memoryview(state)).export_state() == state)
for wrong in (b"", state[:-1], state + b"\0", bytes([state[0] ^ 1]) + state[1:], 5, "text"):
    print(raised(microcoapy.Coap, state=wrong))
coap.stop()

# with observers and observations
server = microcoapy.Coap()
server.resource("value", obs=True)(lambda request: "1")
for number in range(3):
    registration = b"\x51\x01\x00" + bytes([number, 65 + number]) + b"\x60\x55value"
    server.feed(registration, ("10.0.0.%d" % number, 5683))
while server.take():
    pass
for number in range(2):
    server.observe("coap://10.0.1.%d/x" % number)
print(server.stats()["observers_in_use"], server.stats()["observations_in_use"])
state = server.export_state()
woken = microcoapy.Coap(state=state)
print(woken.export_state() == state, len(state) < 200)
print(woken.stats()["observers_in_use"], woken.stats()["observations_in_use"])
woken.resource("value", obs=True)(lambda request: "2").notify()
# a socket of any kind comes after the state
told = []
while True:
    datagram = woken.take()
    if datagram is None:
        break
    told.append((datagram[0][-1:], datagram[0][4:5], datagram[1]))
print(sorted(told))
woken.stop()
print(woken.stats()["observers_in_use"], woken.stats()["observations_in_use"])
