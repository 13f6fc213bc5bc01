# SPDX-License-Identifier: MIT
"""The ETSI descriptions of DTLS with our client and three servers: libcoap's over OpenSSL and GnuTLS, and ours."""

import handshakes
from credentials import TLS
from handshakes import our_client
from harness import cases

OURS = handshakes.our_server
LIBCOAP = {"libcoap_" + tls: handshakes.libcoap_server(tls) for tls in TLS}
SERVERS = LIBCOAP | {"microcoapy": OURS}


@cases(**SERVERS)
def test_TD_COAP_DTLS_01(server):
    handshakes.succeeds(server, our_client)


@cases(**SERVERS)
def test_TD_COAP_DTLS_02(server):
    """OpenSSL's server is silent; GnuTLS' is, too, until it closes the connection five seconds later."""
    handshakes.fails(server, our_client, may_be_silent=server is not OURS)


@cases(**SERVERS)
def test_TD_COAP_DTLS_03(server):
    handshakes.survives_loss(server, our_client)
