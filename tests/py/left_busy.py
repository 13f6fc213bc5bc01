# Ends in the middle of a request, a transfer and an observation, after one exchange that is complete. Boards are also
# reset softly at its end, and run it again.
# needs: block,observe
from support import finish, pair, settle

client, server, net = pair()
HOST = "coap://10.0.0.2/"
server.resource("x", methods=("GET", "PUT"), obs=True)(lambda request: "x")
print(finish(client.get(HOST + "x"), client, server).payload)
observation = client.observe(HOST + "x")
settle(server, client)
server.callbacks["x"].notify()
left = [client.get(HOST + "x"), client.put(HOST + "x", bytes(3000))]
server.poll(0)
print(client.stats()["exchanges_in_use"], server.stats()["observers_in_use"])
