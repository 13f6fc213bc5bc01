# SPDX-License-Identifier: MIT
# Runs under build/micropython: a server whose resource is observed; a POST changes it. Usage: observed.py PORT
import sys

import microcoapy
from work import PATH, SMALL

coap = microcoapy.Coap(int(sys.argv[1]))


@coap.resource(PATH, methods=("GET", "POST"), obs=True)
def data(request):
    if request.code == microcoapy.COAP_METHOD.COAP_GET:
        return SMALL
    data.notify()


coap.start()
print("ready")
while True:
    coap.loop()
