# SPDX-License-Identifier: MIT
# Runs under build/micropython: an endpoint with nothing to do. Usage: idle.py PASSES
import sys

import microcoapy
from work import PATH

coap = microcoapy.Coap()
coap.addIncomingRequestCallback(PATH, print)
coap.start(0)
print("ready")
for _ in range(int(sys.argv[1])):
    coap.poll(-1)
