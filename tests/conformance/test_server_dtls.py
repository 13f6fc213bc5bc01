# SPDX-License-Identifier: MIT
"""The ETSI descriptions of DTLS with our server and libcoap's clients over OpenSSL and GnuTLS."""

import handshakes
from credentials import TLS
from handshakes import our_server
from harness import cases

CLIENTS = {"libcoap_" + tls: handshakes.libcoap_client(tls) for tls in TLS}


@cases(**CLIENTS)
def test_TD_COAP_DTLS_01(client):
    handshakes.succeeds(our_server, client)


@cases(**CLIENTS)
def test_TD_COAP_DTLS_02(client):
    handshakes.fails(our_server, client)


@cases(**CLIENTS)
def test_TD_COAP_DTLS_03(client):
    handshakes.survives_loss(our_server, client)
