# SPDX-License-Identifier: MIT
"""The ETSI descriptions of the CoRE link format with our client and two servers; checked on the wire."""

import coapmsg
import programs
from coapmsg import CON, GET
from description import has_code, has_format
from harness import cases
from links import CORE, RESOURCES, passing, targets
from setting import OurLoop, plugtest_server

FIND = """
links = []
async for link in coap.discover(%r, %s):
    links.append(link.target)
return sorted(links)
"""


def against():
    return cases(aiocoap=programs.aiocoap_site, microcoapy=plugtest_server)


def discover(site, attribute=None, value=None):
    """What our discover() displays, and what the server's payloads held."""
    s = OurLoop(site)
    keyword = "" if attribute is None else "%s=%r" % ("if_" if attribute == "if" else attribute, value)
    displayed = s.agent.run(FIND % (s.uri(""), keyword))
    payload = b""
    more = True
    while more:
        request = s.wire.request(CON, GET, CORE)
        query = [] if attribute is None else [("%s=%s" % (attribute, value)).encode()]
        assert request.values(coapmsg.URI_QUERY) == query, request
        response = has_code(s.wire.answer(request), "2.05")
        has_format(response, 40)
        payload += response.payload
        more = (response.uint(coapmsg.BLOCK2) or 0) & 8
    s.wire.nothing_more()
    # A server may leave the filter aside, as aiocoap 0.4.17 does with rt=*.
    wanted = targets(payload) if attribute is None else passing(payload, attribute, value)
    assert displayed == sorted(wanted), (displayed, payload)
    return displayed


@against()
def test_TD_COAP_LINK_01(site):
    assert set(RESOURCES) <= set(discover(site))


@against()
def test_TD_COAP_LINK_02(site):
    assert {"/type/1", "/type/3"} <= set(discover(site, "rt", "Type1")) <= {"/type/1", "/type/3", "/test"}


@against()
def test_TD_COAP_LINK_03(site):
    found = discover(site, "rt", "*")
    assert {"/type/1", "/type/2", "/type/3", "/type/4"} <= set(found)
    assert "/link1" not in found


@against()
def test_TD_COAP_LINK_04(site):
    assert set(discover(site, "rt", "Type2")) - {"/test"} == {"/type/1", "/type/2"}


@against()
def test_TD_COAP_LINK_05(site):
    assert discover(site, "if", "If*") == ["/if/1", "/if/2"]


@against()
def test_TD_COAP_LINK_06(site):
    found = discover(site, "sz", "*")
    assert found and not set(found) & {"/link1", "/type/1"}


@against()
def test_TD_COAP_LINK_07(site):
    assert discover(site, "href", "/link1") == ["/link1"]


@against()
def test_TD_COAP_LINK_08(site):
    assert discover(site, "href", "/link*") == ["/link1", "/link2", "/link3"]


@against()
def test_TD_COAP_LINK_09(site):
    s = OurLoop(site)
    code, core = s.ask("get", CORE)
    assert code == "2.05" and "/path" in targets(core), core
    code, entry = s.ask("get", "path")
    assert code == "2.05" and targets(entry) == ["/path/sub1", "/path/sub2"], entry
    response = [m for m in s.proxy.responses() if m.payload == entry][-1]
    has_format(response, 40)
    # the list of an entry is read as the one of the server
    parsed = s.agent.run("return [link.target for link in microcoapy.links((await coap.get(%r)).payload)]" % s.uri("path"))
    assert parsed == ["/path/sub1", "/path/sub2"]
    assert s.ask("get", "path/sub1") == ("2.05", b"/path/sub1")
