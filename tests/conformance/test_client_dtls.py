# SPDX-License-Identifier: MIT
"""The ETSI descriptions of DTLS with our client and three servers: libcoap's over OpenSSL and GnuTLS, and ours."""

import handshakes
from credentials import TLS
from harness import cases

PARTS = 3

OURS = handshakes.our_server
LIBCOAP = {"libcoap_" + tls: handshakes.libcoap_server(tls) for tls in TLS}
SERVERS = LIBCOAP | {"microcoapy": OURS}
CLIENT = handshakes.our_client()
# Gives up after half a minute, where a server says nothing.
HASTY = handshakes.our_client("ack_timeout=1500, max_retransmit=3")


@cases(**SERVERS)
def test_TD_COAP_DTLS_01(server):
    handshakes.succeeds(server, CLIENT)


@cases(**SERVERS)
def test_TD_COAP_DTLS_02(server):
    """OpenSSL's server is silent; GnuTLS' is, too, until it closes the connection five seconds later."""
    handshakes.fails(server, HASTY, may_be_silent=server is not OURS)


@cases(**SERVERS)
def test_TD_COAP_DTLS_03(server):
    """libcoap's server over GnuTLS sends its last flight again only when the client's has come again three times: so many
    records are in it, and it seems to read one of each datagram."""
    handshakes.survives_loss(server, CLIENT)
