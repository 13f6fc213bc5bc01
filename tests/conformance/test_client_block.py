# SPDX-License-Identifier: MIT
"""The ETSI descriptions of block-wise transfer with our client and two servers; checked on the wire."""

import programs
from blocks import answered_in_blocks, downloaded, location, uploaded
from coapmsg import GET, POST, PUT
from harness import cases
from setting import OurLoop, plugtest_server


def against():
    return cases(aiocoap=programs.aiocoap_site, microcoapy=plugtest_server)


def pattern(length):
    return bytes(i % 251 for i in range(length))


def download(site, exponent=None):
    """With early negotiation of that exponent, or without."""
    s = OurLoop(site)
    displayed = s.ask("get", "large", *([] if exponent is None else ["block_size=%d" % (16 << exponent)]))
    body = downloaded(s.wire, GET, "large", early=exponent)
    s.wire.nothing_more()
    assert displayed == ("2.05", body) and len(body) == 3000


def upload(site, call, method, path, code):
    """In blocks of 64 bytes: (setting, what was sent, what was displayed, the last response)."""
    s = OurLoop(site)
    sent = pattern(2500)
    displayed = s.ask(call, path, repr(sent), "content_format=0", "block_size=64")
    body, response = uploaded(s.wire, method, path, 2, (code,))
    assert body == sent and displayed[0] == code, displayed
    return s, sent, displayed, response


@against()
def test_TD_COAP_BLOCK_01(site):
    download(site, 2)


@against()
def test_TD_COAP_BLOCK_02(site):
    download(site)


@against()
def test_TD_COAP_BLOCK_03(site):
    s, sent, _, _ = upload(site, "put", PUT, "large-update", "2.04")
    s.wire.nothing_more()
    assert s.ask("get", "large-update") == ("2.05", sent)


@against()
def test_TD_COAP_BLOCK_04(site):
    s, sent, _, response = upload(site, "post", POST, "large-create", "2.01")
    path = location(response, "large-create")
    assert s.ask("get", path) == ("2.05", sent)
    downloaded(s.wire, GET, path)


@against()
def test_TD_COAP_BLOCK_05(site):
    s, _, displayed, response = upload(site, "post", POST, "large-post", "2.04")
    assert displayed == ("2.04", answered_in_blocks(s.wire, POST, "large-post", response))
    s.wire.nothing_more()


@against()
def test_TD_COAP_BLOCK_06(site):
    download(site, 0)
