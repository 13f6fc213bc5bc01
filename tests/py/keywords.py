# The parameters may be given by the names that API and microCoAPy give them.
import microcoapy
from support import SERVER, pair, settle

IP, PORT = SERVER
client, server, net = pair()
server.addIncomingRequestCallback(
    url="a",
    cb=lambda p, ip, port: server.sendResponse(
        ip=ip, port=port, messageid=p.messageid, payload=p.payload, method=69, content_format=50, token=p.token
    ),
)
client.responseCallback = lambda packet, sender: print("  ", packet.payload, packet.content_format)


def done(sent):
    print(sent > 0)
    settle(server, client)


done(client.get(ip=IP, port=PORT, url="a", token=b"t"))
done(client.getNonConf(IP, PORT, url="a"))
done(client.delete(ip=IP, port=PORT, url="a", token=b""))
done(client.deleteNonConf(IP, PORT, "a", token=b"x"))
for method in (client.put, client.post, client.putNonConf, client.postNonConf):
    done(method(ip=IP, port=PORT, url="a", payload=b"body", query_option="q", content_format=0, token=b"t"))
    done(method(IP, PORT, "a", content_format=0))
done(client.send(ip=IP, port=PORT, url="a", type=0, method=2, token=None, payload="p", content_format=-1, query_option=None))
done(client.sendEx(ip=IP, port=PORT, url="a", packet=microcoapy.CoapPacket()))
packet = microcoapy.CoapPacket()
packet.setUriPath("a")
packet.addOption(17, b"")
done(client.sendPacket(ip=IP, port=PORT, packet=packet))
print(client.poll(timeoutMs=0), client.poll(timeoutMs=1, pollPeriodMs=1), client.loop(blocking=False))
print(microcoapy.Coap(port=1).port)
coap = microcoapy.Coap()
coap.start(port=0)
coap.stop()
