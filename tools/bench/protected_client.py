# SPDX-License-Identifier: MIT
# Runs under build/micropython: our client, behind OSCORE. Usage: protected_client.py URI
# Each line of standard input, a number of GETs, is answered by "done".
import sys

import microcoapy
from secret import CLIENT, SALT, SECRET, SERVER
from work import SMALL

uri = sys.argv[1]
coap = microcoapy.Coap()
coap.start(0)
server = microcoapy.SecurityContext(SECRET, SALT, sender_id=CLIENT, recipient_id=SERVER)
print("ready")
for line in sys.stdin:
    for _ in range(int(line)):
        r = coap.get(uri, security=server).wait()
        assert r.payload == SMALL and r.security is server
    print("done")
