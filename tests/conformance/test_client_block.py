# SPDX-License-Identifier: MIT
"""The ETSI descriptions of block-wise transfer with our client and two servers; checked on the wire."""

import programs
from blocks import block_of, downloaded, location, uploaded
from coapmsg import BLOCK2, GET, POST, PUT
from harness import cases
from setting import OurLoop, plugtest_server


def against():
    return cases(aiocoap=programs.aiocoap_site, microcoapy=plugtest_server)


def pattern(length):
    return bytes(i % 251 for i in range(length))


def early_negotiation(site, exponent):
    s = OurLoop(site)
    code, displayed = s.ask("get", "large", "block_size=%d" % (16 << exponent))
    body = downloaded(s.wire, GET, "large", early=exponent)
    s.wire.nothing_more()
    assert (code, displayed) == ("2.05", body) and len(body) == 3000


@against()
def test_TD_COAP_BLOCK_01(site):
    early_negotiation(site, 2)


@against()
def test_TD_COAP_BLOCK_02(site):
    s = OurLoop(site)
    code, displayed = s.ask("get", "large")
    body = downloaded(s.wire, GET, "large")
    s.wire.nothing_more()
    assert (code, displayed) == ("2.05", body) and len(body) == 3000


@against()
def test_TD_COAP_BLOCK_03(site):
    s = OurLoop(site)
    sent = pattern(2500)
    code, _ = s.ask("put", "large-update", repr(sent), "content_format=0", "block_size=64")
    body, response = uploaded(s.wire, PUT, "large-update", 2)
    s.wire.nothing_more()
    assert (code, body) == ("2.04", sent)
    assert s.ask("get", "large-update") == ("2.05", sent)


@against()
def test_TD_COAP_BLOCK_04(site):
    s = OurLoop(site)
    sent = pattern(2500)
    code, _ = s.ask("post", "large-create", repr(sent), "content_format=0", "block_size=64")
    body, response = uploaded(s.wire, POST, "large-create", 2, ("2.01",))
    assert (code, body) == ("2.01", sent)
    path = location(response)
    assert path[0] == "large-create" and len(path) == 2, response
    assert s.ask("get", "/".join(path)) == ("2.05", sent)
    downloaded(s.wire, GET, "/".join(path))


@against()
def test_TD_COAP_BLOCK_05(site):
    s = OurLoop(site)
    sent = pattern(2500)
    code, displayed = s.ask("post", "large-post", repr(sent), "content_format=0", "block_size=64")
    body, response = uploaded(s.wire, POST, "large-post", 2)
    assert block_of(response, BLOCK2)[:2] == (0, 1), response
    answer = downloaded(s.wire, POST, "large-post", "2.04", first=response)
    s.wire.nothing_more()
    assert body == sent
    assert (code, displayed) == ("2.04", answer) and answer.startswith(b"2500 bytes came")


@against()
def test_TD_COAP_BLOCK_06(site):
    early_negotiation(site, 0)
