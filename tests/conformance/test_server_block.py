# SPDX-License-Identifier: MIT
"""The ETSI descriptions of block-wise transfer with our server and other clients; checked on the wire."""

import clients
import coapmsg
from blocks import block_of, downloaded, location, uploaded
from coapmsg import BLOCK2, GET, POST, PUT
from harness import cases
from setting import OurServer

TEXT = (coapmsg.CONTENT_FORMAT, b"")


def against():
    return cases(**clients.ALL)


def text(length):
    """Something to send that a command line can hold."""
    return "".join("%-31d\n" % number for number in range(length // 32 + 1))[:length].encode()


def early_negotiation(peer, exponent):
    s = OurServer(peer)
    displayed = s.client.ask(GET, "large", block=exponent)
    body = downloaded(s.wire, GET, "large", early=exponent)
    assert displayed == ("2.05", body) and len(body) == 3000


@against()
def test_TD_COAP_BLOCK_01(peer):
    early_negotiation(peer, 2)


@against()
def test_TD_COAP_BLOCK_02(peer):
    s = OurServer(peer)
    displayed = s.client.ask(GET, "large")
    body = downloaded(s.wire, GET, "large")
    assert displayed == ("2.05", body) and len(body) == 3000


@against()
def test_TD_COAP_BLOCK_03(peer):
    s = OurServer(peer)
    sent = text(2500)
    displayed = s.client.ask(PUT, "large-update", payload=sent, options=[TEXT], block=2)
    body, response = uploaded(s.wire, PUT, "large-update", 2)
    assert body == sent and displayed == ("2.04", response.payload)
    assert clients.Raw(s.proxy.port).ask(GET, "large-update") == ("2.05", sent)


@against()
def test_TD_COAP_BLOCK_04(peer):
    s = OurServer(peer)
    sent = text(2500)
    displayed = s.client.ask(POST, "large-create", payload=sent, options=[TEXT], block=2)
    body, response = uploaded(s.wire, POST, "large-create", 2, ("2.01",))
    assert body == sent and displayed == ("2.01", response.payload)
    path = location(response)
    assert path[0] == "large-create" and len(path) == 2, response
    assert s.client.ask(GET, "/".join(path)) == ("2.05", sent)


@against()
def test_TD_COAP_BLOCK_05(peer):
    s = OurServer(peer)
    sent = text(2500)
    displayed = s.client.ask(POST, "large-post", payload=sent, options=[TEXT], block=2)
    body, response = uploaded(s.wire, POST, "large-post", 2)
    assert block_of(response, BLOCK2)[:2] == (0, 1), response
    answer = downloaded(s.wire, POST, "large-post", "2.04", first=response)
    assert body == sent
    assert displayed == ("2.04", answer) and answer.startswith(b"2500 bytes came")


@against()
def test_TD_COAP_BLOCK_06(peer):
    early_negotiation(peer, 0)
