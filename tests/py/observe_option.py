# needs: block,observe
# Observe among the options of a request: an Exchange has one response all the same, and what comes after it is rejected.
import microcoapy
from support import finish, pair, settle

client, server, net = pair()
state = server.resource("state", value=b"1", obs=True)
long = server.resource("long", value=b"2" * 2000, obs=True)

exchange = client.get("coap://10.0.0.2/state", options=[(microcoapy.COAP_OPTION_NUMBER.COAP_OBSERVE, 0)])
response = finish(exchange, client, server)
print(response.payload, response.observe is None)
print("registered:", server.stats()["observers_in_use"], client.stats()["observations_in_use"])
state.value = b"3"
settle(server, client)
print("rejected:", server.stats()["observers_in_use"], exchange.wait().payload)

exchange = client.get("coap://10.0.0.2/long", options=[(6, b"")])
print(len(finish(exchange, client, server).payload))
long.value = b"4"
settle(server, client)
print(server.stats()["observers_in_use"], client.stats()["exchanges_in_use"], client.stats()["observations_in_use"])
