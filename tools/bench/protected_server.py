# SPDX-License-Identifier: MIT
# Runs under build/micropython: our server, behind OSCORE. Usage: protected_server.py PORT
import sys

import microcoapy
from secret import CLIENT, SALT, SECRET, SERVER
from work import PATH, SMALL

coap = microcoapy.Coap(int(sys.argv[1]))
client = microcoapy.SecurityContext(SECRET, SALT, sender_id=SERVER, recipient_id=CLIENT)


@coap.resource(PATH, security=client)
def data(request):
    return SMALL


coap.start()
print("ready")
while True:
    coap.loop()
