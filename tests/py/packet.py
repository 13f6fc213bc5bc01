# CoapPacket and CoapOption as a program sees and builds them.
import microcoapy
from microcoapy import COAP_OPTION_NUMBER, COAP_TYPE, CoapOption, CoapPacket
from support import Net

packet = CoapPacket()
for name in ("version", "type", "method", "token", "payload", "messageid", "content_format", "query", "options"):
    print(name, getattr(packet, name))
print(packet.toString())
print(str(packet) == packet.toString())

packet.type = COAP_TYPE.COAP_NONCON
packet.method = 0x45
packet.messageid = 4711
packet.payload = b"\x00text"
packet.token = b"tok"
packet.content_format = 50
packet.query = "a=1"
print(packet.toString())
print(packet.token, packet.content_format, packet.query)
for type_ in range(4):
    packet.type = type_
    print(packet.toString())

# options keep their order; values may be text or bytes-like, and are bytes afterwards
packet.addOption(COAP_OPTION_NUMBER.COAP_ACCEPT, b"\x32")
packet.addOption(COAP_OPTION_NUMBER.COAP_E_TAG, bytearray(b"tag"))
packet.addOption(65000, memoryview(b"view"))
packet.addOption(COAP_OPTION_NUMBER.COAP_IF_NONE_MATCH, b"")
packet.setUriHost("host")
packet.setUriPath("/first//last")
print([(option.number, option.buffer) for option in packet.options])
print(all(type(option.buffer) in (bytes, bytearray) for option in packet.options))

# more than microCoAPy's ten
packet = CoapPacket()
for number in range(40):
    packet.addOption(2000 + number, b"x")
print(len(packet.options))

option = CoapOption(17, b"\x00")
print(option.number, option.buffer)

# each packet has options of its own
print(CoapPacket().options == [], CoapPacket().options is CoapPacket().options)

# what a built packet looks like on the wire: options sorted, content format in its shortest form
net = Net()
coap = microcoapy.Coap()
sock = net.socket(("a", 1))
peer = net.socket(*[("b", port) for port in range(10)])
coap.setCustomSocket(sock)
packet = CoapPacket()
packet.method = 3
packet.token = b"\xaa\xbb"
packet.addOption(COAP_OPTION_NUMBER.COAP_ACCEPT, b"\x32")
packet.addOption(COAP_OPTION_NUMBER.COAP_E_TAG, b"tag")
packet.addOption(COAP_OPTION_NUMBER.COAP_E_TAG, b"two")
packet.content_format = 0
packet.payload = "p\u00e9"
sent = coap.sendEx("b", 2, "path/to?x=1&y=2", packet)
wire = peer.recvfrom(1000)[0]
print(sent == len(wire), packet.messageid == wire[2] << 8 | wire[3])
print(wire[:2], wire[4:])

# the query attribute is one string, split at '&'; 300 bytes of value need the long form of length
packet = CoapPacket()
packet.type = COAP_TYPE.COAP_NONCON
packet.token = None
packet.query = "a=1&b=2"
packet.addOption(65000, b"l" * 300)
coap.sendEx("b", 3, "", packet)  # another peer: NSTART is 1
wire = peer.recvfrom(1000)[0]
print(wire[:2], wire[4:18], len(wire))

# content formats in 0, 1 and 2 bytes
for port, content_format in enumerate((0, 1, 255, 256, 65535)):
    coap = microcoapy.Coap()  # boards have few slots for requests
    coap.setCustomSocket(sock)
    coap.putNonConf("b", 4 + port, "", b"", None, content_format, None)
    print(content_format, peer.recvfrom(1000)[0][4:])
