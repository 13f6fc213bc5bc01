# SPDX-License-Identifier: MIT
"""The ETSI descriptions of block-wise transfer with our server and other clients; checked on the wire."""

import clients
import coapmsg
from blocks import answered_in_blocks, downloaded, location, uploaded
from coapmsg import GET, POST, PUT
from harness import cases
from setting import OurServer

TEXT = (coapmsg.CONTENT_FORMAT, b"")


def against():
    return cases(**clients.ALL)


def text(length):
    """Something to send that a command line can hold."""
    return "".join("%-31d\n" % number for number in range(length // 32 + 1))[:length].encode()


def download(peer, exponent=None):
    """With early negotiation of that exponent, or without."""
    s = OurServer(peer)
    displayed = s.client.ask(GET, "large", block=exponent)
    body = downloaded(s.wire, GET, "large", early=exponent)
    assert displayed == ("2.05", body) and len(body) == 3000


def upload(peer, method, path, code):
    """In blocks of 64 bytes: (setting, what was sent, what was displayed, the last response)."""
    s = OurServer(peer)
    sent = text(2500)
    displayed = s.client.ask(method, path, payload=sent, options=[TEXT], block=2)
    body, response = uploaded(s.wire, method, path, 2, (code,))
    assert body == sent and displayed[0] == code, displayed
    return s, sent, displayed, response


@against()
def test_TD_COAP_BLOCK_01(peer):
    download(peer, 2)


@against()
def test_TD_COAP_BLOCK_02(peer):
    download(peer)


@against()
def test_TD_COAP_BLOCK_03(peer):
    s, sent, displayed, response = upload(peer, PUT, "large-update", "2.04")
    assert displayed[1] == response.payload
    assert clients.Raw(s.proxy.port).ask(GET, "large-update") == ("2.05", sent)


@against()
def test_TD_COAP_BLOCK_04(peer):
    s, sent, displayed, response = upload(peer, POST, "large-create", "2.01")
    assert displayed[1] == response.payload
    assert s.client.ask(GET, location(response, "large-create")) == ("2.05", sent)


@against()
def test_TD_COAP_BLOCK_05(peer):
    s, _, displayed, response = upload(peer, POST, "large-post", "2.04")
    assert displayed == ("2.04", answered_in_blocks(s.wire, POST, "large-post", response))


@against()
def test_TD_COAP_BLOCK_06(peer):
    download(peer, 0)
