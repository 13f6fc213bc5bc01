# needs: modern,oscore
# The messages of RFC 8613 appendix C, byte for byte, as an endpoint sends and takes them; message ids are its own.
from binascii import hexlify, unhexlify

import microcoapy

SECRET = "0102030405060708090a0b0c0d0e0f10"
SALT = "9e7ca92223786340"
ID_CONTEXT = "37cbf3210017a2d3"


class Wire:
    def __init__(self):
        self.sent = []
        self.waiting = []

    def sendto(self, data, address):
        self.sent.append(bytes(data))
        return len(data)

    def recvfrom(self, size):
        return (self.waiting.pop(0), ("localhost", 5683)) if self.waiting else None

    def setblocking(self, flag):
        pass


def endpoint():
    coap = microcoapy.Coap()
    wire = Wire()
    coap.setCustomSocket(wire)
    return coap, wire


def context(client_id, server_id, salt, id_context, is_client):
    """The client's first sequence number is 20."""
    ids = (client_id, server_id) if is_client else (server_id, client_id)
    keywords = {"load": lambda: 20, "save": lambda number: None} if is_client else {}
    return microcoapy.SecurityContext(
        unhexlify(SECRET),
        unhexlify(salt),
        sender_id=unhexlify(ids[0]),
        recipient_id=unhexlify(ids[1]),
        id_context=None if id_context is None else unhexlify(id_context),
        **keywords
    )


def same(made, expected):
    """But for the message id."""
    return made[:2] + expected[2:4] + made[4:] == expected or hexlify(made)


def request(section, protected, *which):
    """Makes a request, and answers the one of the RFC: the client, its wire, the exchange; the server's answer."""
    protected = unhexlify(protected)
    coap, wire = endpoint()
    security = context(*which, is_client=True)
    exchange = coap.get("coap://localhost/tv1", security=security, token=protected[4:8])
    print(section, "request sent:", same(wire.sent[0], protected))

    server, server_wire = endpoint()
    theirs = context(*which, is_client=False)

    @server.resource("tv1", security=theirs)
    def answer(request):
        print(section, "request received:", request.security is theirs, request.code == 1, request.path)
        return b"Hello World!"

    server_wire.waiting.append(protected)
    server.poll(0)
    return coap, wire, exchange, server_wire.sent[0]


def response(section, protected, coap, wire, exchange):
    protected = unhexlify(protected)
    wire.waiting.append(protected[:2] + wire.sent[0][2:4] + protected[4:])
    coap.poll(0)
    r = exchange.wait(0)
    print(section, "response received:", r.code == 0x45, r.payload)


C4 = "44025d1f00003974396c6f63616c686f7374620914ff612f1092f1776f1c1668b3825e"
C5 = "440271c30000b932396c6f63616c686f737463091400ff4ed339a5a379b0b8bc731fffb0"
C6 = "44022f8eef9bbf7a396c6f63616c686f73746b19140837cbf3210017a2d3ff72cd7273fd331ac45cffbe55c3"
C7 = "64445d1f0000397490ffdbaad1e9a7e7b2a813d3c31524378303cdafae119106"
C8 = "64445d1f00003974920100ff4d4c13669384b67354b2b6175ff4b8658c666a6cf88e"

request("C.5", C5, "00", "01", "", None)
request("C.6", C6, "", "01", SALT, ID_CONTEXT)
coap, wire, exchange, answer = request("C.4", C4, "", "01", SALT, None)
print("C.7 response sent:", same(answer, unhexlify(C7)), answer[2:4] == unhexlify(C7)[2:4])
response("C.7", C7, coap, wire, exchange)
coap, wire, exchange, _ = request("C.4", C4, "", "01", SALT, None)
response("C.8", C8, coap, wire, exchange)
