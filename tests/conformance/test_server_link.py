# SPDX-License-Identifier: MIT
"""The ETSI descriptions of the CoRE link format with our server and other clients; checked on the wire."""

import clients
from coapmsg import CON, GET, URI_QUERY
from description import has_format
from harness import cases
from links import CORE, RESOURCES, targets
from setting import OurServer


def against():
    return cases(**clients.ALL)


def discover(peer, query=None):
    """The targets that the client displays."""
    s = OurServer(peer)
    code, payload = s.client.ask(GET, CORE, query=[query] if query else ())
    assert code == "2.05", code
    for message in s.proxy.requests():
        assert message.mtype == CON and message.path == CORE, message
        assert message.values(URI_QUERY) == ([query.encode()] if query else []), message
    for message in s.proxy.responses():
        has_format(message, 40)
    return targets(payload)


@against()
def test_TD_COAP_LINK_01(peer):
    found = discover(peer)
    assert set(RESOURCES) <= set(found) and len(found) == len(set(found))


@against()
def test_TD_COAP_LINK_02(peer):
    assert sorted(discover(peer, "rt=Type1")) == ["/test", "/type/1", "/type/3"]


@against()
def test_TD_COAP_LINK_03(peer):
    found = discover(peer, "rt=*")
    assert {"/type/1", "/type/2", "/type/3", "/type/4"} <= set(found) and "/link1" not in found


@against()
def test_TD_COAP_LINK_04(peer):
    assert sorted(discover(peer, "rt=Type2")) == ["/test", "/type/1", "/type/2"]


@against()
def test_TD_COAP_LINK_05(peer):
    assert sorted(discover(peer, "if=If*")) == ["/if/1", "/if/2"]


@against()
def test_TD_COAP_LINK_06(peer):
    assert sorted(discover(peer, "sz=*")) == ["/large", "/large-update"]


@against()
def test_TD_COAP_LINK_07(peer):
    assert discover(peer, "href=/link1") == ["/link1"]


@against()
def test_TD_COAP_LINK_08(peer):
    assert sorted(discover(peer, "href=/link*")) == ["/link1", "/link2", "/link3"]


@against()
def test_TD_COAP_LINK_09(peer):
    s = OurServer(peer)
    code, core = s.client.ask(GET, CORE)
    assert code == "2.05" and "/path" in targets(core), core
    code, entry = s.client.ask(GET, "path")
    assert code == "2.05" and targets(entry) == ["/path/sub1", "/path/sub2"], entry
    has_format(s.proxy.responses()[-1], 40)
    assert s.client.ask(GET, "path/sub1") == ("2.05", b"/path/sub1")
