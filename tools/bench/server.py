# SPDX-License-Identifier: MIT
# Runs under build/micropython: our server. Usage: server.py PORT poll|asyncio|stored RESOURCES
import sys

import microcoapy
from work import PATH, SIZE, SMALL

coap = microcoapy.Coap(int(sys.argv[1]))
kept = b""


@coap.resource(PATH, methods=("GET", "PUT"), max_body=SIZE)
def data(request):
    global kept
    if request.code == microcoapy.COAP_METHOD.COAP_GET:
        return kept
    kept = request.payload


for number in range(1, int(sys.argv[3])):
    coap.resource("sensors/%d" % number)(lambda request: None)
if sys.argv[2] == "stored":
    coap.resource(PATH, value=SMALL)
coap.start()
print("ready")
if sys.argv[2] == "asyncio":
    coap.run()
else:
    while True:
        coap.loop()
