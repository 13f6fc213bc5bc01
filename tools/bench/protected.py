# SPDX-License-Identifier: MIT
"""Small GETs that OSCORE protects, one after the other; the other side is always ours."""

import contextlib
import tempfile

import net
from processes import AIOCOAP, POLL, command, script, spent
from work import PATH

SERVED, ASKED = "server: a protected small GET", "client: a protected small GET"
ROWS = dict.fromkeys((SERVED, ASKED), "µs per request")
WARM_UP = 100


def start(side, name, place, folder):
    """folder: where aiocoap keeps its context."""
    if name == POLL:
        return script("protected_%s.py" % side, place)
    return script("aiocoap_protected.py", side, place, folder)


def measure(count, add):
    for measured_server, measured_client in ((POLL, POLL), (AIOCOAP, POLL), (POLL, AIOCOAP)):
        port = net.free_port()
        uri = "coap://127.0.0.1:%d/%s" % (port, PATH)
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            server = stack.enter_context(start("server", measured_server, port, folder))
            client = stack.enter_context(start("client", measured_client, uri, folder))
            command(client, str(WARM_UP))
            for row, name, program in ((SERVED, measured_server, server), (ASKED, measured_client, client)):
                # Of aiocoap only what is aiocoap's, and ours with ours.
                if name != POLL or measured_server == measured_client:
                    add(row, name, spent(program, count, command, client, str(count)))
