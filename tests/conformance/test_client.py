# SPDX-License-Identifier: MIT
"""The ETSI descriptions with our client and two servers: aiocoap's site and our plugtest server; checked on the wire."""

import coapmsg
import exchanges
import programs
from coapmsg import ACK, CON, GET, NON, POST, PUT, RST
from description import check_empty_ack, drop_first, is_ack, is_request, is_response
from harness import cases
from setting import OurClient as Setting
from setting import plugtest_server


def aiocoap_site():
    return programs.aiocoap_site()


def our_site():
    """With an ACK_TIMEOUT shorter than our client's in these tests: an Empty ACK comes in time."""
    return plugtest_server(ack_timeout=400)


SITES = {"aiocoap": aiocoap_site, "microcoapy": our_site}


def against():
    return cases(**SITES)


@against()
def test_TD_COAP_CORE_01(site):
    s = Setting(site)
    exchanges.got(s, s.call("get", "test"))


@against()
def test_TD_COAP_CORE_02(site):
    s = Setting(site)
    exchanges.deleted(s, s.call("delete", "test"))


def sends_text(site, call, method, mtype=CON):
    s = Setting(site)
    exchanges.changed(s, s.call(call, "test", "'new'", "None", "0"), method, mtype)


@against()
def test_TD_COAP_CORE_03(site):
    sends_text(site, "put", PUT)


@against()
def test_TD_COAP_CORE_04(site):
    sends_text(site, "post", POST)


@against()
def test_TD_COAP_CORE_05(site):
    s = Setting(site)
    exchanges.got(s, s.call("getNonConf", "test"), mtype=NON)


@against()
def test_TD_COAP_CORE_06(site):
    s = Setting(site)
    exchanges.deleted(s, s.call("deleteNonConf", "test"), NON)


@against()
def test_TD_COAP_CORE_07(site):
    sends_text(site, "putNonConf", PUT, NON)


@against()
def test_TD_COAP_CORE_08(site):
    sends_text(site, "postNonConf", POST, NON)


@against()
def test_TD_COAP_CORE_09(site):
    s = Setting(site)
    exchanges.got_separately(s, s.call("get", "separate"))


@against()
def test_TD_COAP_CORE_10(site):
    for token in ("b't'", "b'12345678'", "b''"):  # b'': the client chooses
        s = Setting(site)
        request, _ = exchanges.got(s, s.call("get", "test", token))
        assert 1 <= len(request.token) <= 8, request


@against()
def test_TD_COAP_CORE_11(site):
    s = Setting(site)
    request = exchanges.got_separately(s, s.call("get", "separate", "b'token'"))
    assert request.token == b"token", request


@against()
def test_TD_COAP_CORE_12(site):
    s = Setting(site)
    request, _ = exchanges.got(s, s.call("get", "test", "None"))
    assert request.token == b"", request


@against()
def test_TD_COAP_CORE_13(site):
    s = Setting(site)
    request, _ = exchanges.got(s, s.call("get", "seg1/seg2/seg3"), None)
    assert request.values(coapmsg.URI_PATH) == [b"seg1", b"seg2", b"seg3"], request


@against()
def test_TD_COAP_CORE_14(site):
    s = Setting(site)
    request, response = exchanges.got(s, s.call("get", "query?first=1&second=2&third=3"), "query")
    assert request.values(coapmsg.URI_QUERY) == [b"first=1", b"second=2", b"third=3"], request
    assert b"first=1&second=2&third=3" in response.payload


def over(s):
    """The exchange has ended with one response, and nothing is sent again."""
    stats = s.agent.stats()
    assert (stats["exchanges_in_use"], stats["transmissions_in_use"]) == (0, 0), stats
    assert len(s.agent.of("response")) == 1, s.agent.events


@against()
def test_TD_COAP_CORE_15(site):
    for to_server, kind in ((True, is_request), (False, is_response)):
        s = Setting(site, drop_first(to_server, kind), "ack_timeout=1000")
        displayed = s.call("get", "test")
        requests = [d.data for d in s.proxy.records if d.to_server and d.message.is_request]
        assert len(requests) >= 2 and len(set(requests)) == 1, s.proxy.records
        exchanges.got(s, displayed)
        over(s)
        s.server.close()
        s.agent.close()


class LostAcknowledgement:
    """A rule: no Empty ACK of the server arrives, and nothing else before the request has been repeated."""

    def __init__(self):
        self.requests = 0

    def __call__(self, datagram):
        if datagram.to_server:
            self.requests += datagram.message.is_request
            return [0]
        return [] if self.requests < 2 or datagram.message.is_empty else [0]


@cases(
    aiocoap_request=(aiocoap_site, True, is_request),
    aiocoap_request_ack=(aiocoap_site, False, is_ack),
    aiocoap_response=(aiocoap_site, False, is_response),
    aiocoap_response_ack=(aiocoap_site, True, is_ack),
    microcoapy_request=(our_site, True, is_request),
    microcoapy_request_ack=(our_site, False, is_ack),
    microcoapy_response=(our_site, False, is_response),
    microcoapy_response_ack=(our_site, True, is_ack),
)
def test_TD_COAP_CORE_16(case):
    site, to_server, kind = case
    rule = LostAcknowledgement() if (to_server, kind) == (False, is_ack) else drop_first(to_server, kind)
    s = Setting(site, rule, "ack_timeout=1000")
    displayed = s.call("get", "separate")
    lost_ack = (to_server, kind) == (True, is_ack)
    if lost_ack:  # the response comes again and is acknowledged again
        s.agent.serve()
    # Our program may know the response before the proxy has seen our ACK of it.
    s.proxy.wait_for(lambda records: [d for d in records if d.to_server and is_ack(d.message)][lost_ack:])
    requests, responses = exchanges.copies(s, displayed)
    acks = [d for d in s.proxy.records if d.to_server and d.message.mtype == ACK]
    assert acks, s.proxy.records
    for ack in acks:
        check_empty_ack(ack, responses[0].message)
    if (to_server, kind) in ((True, is_request), (False, is_ack)):
        assert len(requests) >= 2, s.proxy.records
    else:
        assert len(responses) >= 2 and len({d.data for d in responses}) == 1, s.proxy.records
    over(s)  # also the response stops the retransmission


@against()
def test_TD_COAP_CORE_17(site):
    s = Setting(site)
    exchanges.got(s, s.call("getNonConf", "separate"), "separate", NON)
    s.wire.nothing_more()


def creates(site, path, option, location):
    s = Setting(site)
    displayed = s.call("post", path, "'create'", "None", "0")
    exchanges.created(s, displayed, path, option, location)
    shown = [value for number, value in s.agent.of("response")[0]["options"] if number == option]
    assert shown == location, shown
    return displayed


@against()
def test_TD_COAP_CORE_18(site):
    displayed = creates(site, "test", coapmsg.LOCATION_PATH, [b"location1", b"location2", b"location3"])
    assert displayed == ("2.01", b"")


@against()
def test_TD_COAP_CORE_19(site):
    creates(site, "location-query", coapmsg.LOCATION_QUERY, [b"first=1", b"second=2"])


@against()
def test_TD_COAP_CORE_20(site):
    s = Setting(site)
    for accept, part in ((0, b" C"), (41, b"unit='C'")):
        displayed = s.ask(GET, "multi-format", [(coapmsg.ACCEPT, coapmsg.uint(accept))])
        request = exchanges.accepted(s, displayed, accept)
        assert request.value(coapmsg.ACCEPT) == coapmsg.uint(accept), request
        assert part in displayed[1], displayed
        assert s.agent.of("response")[-1]["format"] == accept


@against()
def test_TD_COAP_CORE_21(site):
    exchanges.validates(Setting(site))


@against()
def test_TD_COAP_CORE_22(site):
    exchanges.puts_if_match(Setting(site))


@against()
def test_TD_COAP_CORE_23(site):
    exchanges.puts_if_none_match(Setting(site))


@against()
def test_TD_COAP_CORE_31(site):
    s = Setting(site)
    displayed = s._answered("coap.send(%s, '', 0, 0, None, None, -1, None)" % s.where)
    request = s.wire.next(True)
    assert request.data == bytes([0x40, 0, *request.data[2:4]]), request
    response = s.wire.next(False)
    assert response.data == bytes([0x70, 0]) + request.data[2:4], response
    assert displayed == ("0.00", b"")
    assert s.agent.of("response")[0]["type"] == RST
