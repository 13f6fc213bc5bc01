# A program that sees to Block options itself, RFC 7959: in a request by giving them, in a handler by understanding them.
# needs: block
import microcoapy
from support import SERVER, dotted, finish, pair, settle

client, server, net = pair(nstart=4)
HOST = "coap://10.0.0.2/"
BLOCK2, BLOCK1 = 23, 27
SZX = 2  # blocks of 64 bytes
BODY = bytes(range(200))


def block(number, more):
    value = number << 4 | more << 3 | SZX
    return bytes([value]) if value < 256 else bytes([value >> 8, value & 255])


def block_of(message, number):
    for option in message.options:
        if option.number == number:
            value = 0
            for byte in option.buffer:
                value = value << 8 | byte
            return value >> 4, value >> 3 & 1
    return None


@server.resource("long", methods=("GET", "PUT"))
def long(request):
    print("  handler:", dotted(request.code), len(request.payload), request.payload == BODY)
    return BODY if request.code == 1 else None


print("-- a client asks for each block")
got = b""
for number in range(4):
    r = finish(client.get(HOST + "long", options=[(BLOCK2, block(number, 0))]), client, server)
    print(dotted(r.code), block_of(r, BLOCK2), len(r.payload))
    got += r.payload
print(got == BODY)

print("-- and in the classic layer")
answers = []
client.responseCallback = lambda packet, sender: answers.append(packet)
packet = microcoapy.CoapPacket()
packet.method = 1
packet.addOption(BLOCK2, block(1, 0))
client.sendEx(SERVER[0], SERVER[1], "long", packet)
settle(server, client)
print(len(answers), block_of(answers[0], BLOCK2), answers[0].payload == BODY[64:128])

print("-- a client sends each block")
for number in range(4):
    part = BODY[64 * number : 64 * number + 64]
    more = number < 3
    r = finish(client.put(HOST + "long", part, options=[(BLOCK1, block(number, more))]), client, server)
    print(dotted(r.code), block_of(r, BLOCK1))

print("-- a handler takes each block")
taken = []


@server.resource("takes", methods=("PUT",), understands=(BLOCK1,))
def takes(request):
    number, more = block_of(request, BLOCK1)
    taken.append(request.payload)
    return microcoapy.Response(0x5F if more else 0x44, options=[(BLOCK1, block(number, more))])


r = finish(client.put(HOST + "takes", body=BODY, block_size=64), client, server)
print(dotted(r.code), len(taken), b"".join(taken) == BODY)

print("-- a handler gives each block")
asked = []


@server.resource("gives", understands=(BLOCK2,))
def gives(request):
    number, _ = block_of(request, BLOCK2) or (0, 0)
    asked.append(number)
    more = 64 * (number + 1) < len(BODY)
    return microcoapy.Response(69, BODY[64 * number : 64 * number + 64], options=[(BLOCK2, block(number, more))])


r = finish(client.get(HOST + "gives"), client, server)
print(dotted(r.code), asked, r.payload == BODY)
print(client.stats()["bodies_in_use"])
