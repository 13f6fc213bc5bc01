# Each request method on the wire, byte by byte but for message id and drawn token.
import microcoapy
from support import Net

net = Net()


def wire(method, *arguments, **keywords):
    """Calls it on an object of its own (NSTART is 1, and boards have few slots) and shows what went out."""
    peer = net.socket(("10.0.0.2", 5683))
    coap = microcoapy.Coap()
    coap.setCustomSocket(net.socket(("10.0.0.1", 5683)))
    sent = getattr(coap, method)("10.0.0.2", 5683, *arguments, **keywords)
    if not peer.queue:
        print(method, arguments, keywords, sent, "nothing")
        return
    data, _ = peer.recvfrom(2000)
    length = data[0] & 15
    token = data[4 : 4 + length] if keywords.get("token") else "of %d bytes" % length
    print(method, arguments, keywords, sent == len(data), data[:2], token, data[4 + length :])


for method in ("get", "getNonConf", "delete", "deleteNonConf", "put", "putNonConf", "post", "postNonConf"):
    wire(method, "current/measure")
for token in (b"", b"a", b"12345678", None, "text", bytearray(b"arr")):
    wire("get", "a", token=token)
for url in ("", "/", "a", "/a", "a/", "a//b", "/a/b?x=1&y=2", "?q", "a?", "a?&", "a%20b", "%C3%A9", "\u00e9", "a?x=%26&y=%3D", "a%2Fb", ".", "..", "a/../b"):
    wire("get", url, token=None)
wire("get", "x" * 255, token=None)
wire("put", "a", b"body", "q=1", 0, token=None)
wire("put", "a?p=1", "body", "q=1&r=2", 50, token=None)
wire("put", "a", "", None, 60, token=None)
wire("post", "a", None, None, -1, None)
wire("postNonConf", "a", payload="x", query_option="k=v", content_format=42, token=b"t")
wire("send", "a", 0, 1, None, None, -1, None)
wire("send", "a", 1, 5, b"t", b"fetch", 60, "q")
wire("send", "", 0, 0, None, None, -1, None)
