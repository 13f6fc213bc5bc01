# needs: modern,discovery,oscore
# secure() with a name: what goes to it is protected, whatever address it has; so is what goes to the address that it had.
import socket
import sys

import microcoapy
from support import ports, raised

(PORT,) = ports(1)
HOST = "coap://%s:%d" % ("%s", PORT)
addresses = {"lamp": "127.0.0.1", "other": "127.0.0.2"}


class Resolver:
    """The module `socket` of the system, but for the addresses of names."""

    AF_INET, SOCK_DGRAM = socket.AF_INET, socket.SOCK_DGRAM

    @staticmethod
    def getaddrinfo(host, port, *args):
        return socket.getaddrinfo(addresses.get(host.lower(), host), port, *args)


context = microcoapy.SecurityContext("secret", sender_id=b"c", recipient_id=b"s")
coap = microcoapy.Coap(nstart=20)
coap.start(0)
peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
peer.bind(socket.getaddrinfo("0.0.0.0", PORT)[0][-1])
sys.modules["socket"] = Resolver


def seen():
    """What others see of the datagram that was sent."""
    data = peer.recv(200)
    return "open" if b"door" in data or b"core" in data else "protected"


def ask():
    for host in ("lamp", "LAMP", "other", "127.0.0.1"):
        coap.get((HOST + "/door") % host)
        print(host, seen())
    coap.get("Lamp", PORT, "door")
    print("classic", seen())
    coap.discover(HOST % "lamp")
    print("discover", seen())


print("-- nothing bound")
ask()
print("-- bound")
coap.secure(context, HOST % "Lamp")
ask()
print("-- moved")
addresses["lamp"] = "127.0.0.3"
ask()
print("-- released")
coap.secure(None, HOST % "lamp")
ask()
print("-- closed")
coap.secure(context, HOST % "lamp")
context.close()
print(raised(coap.get, HOST % "lamp" + "/door"), raised(coap.get, "Lamp", PORT, "door"))
coap.stop()
peer.close()
