# SPDX-License-Identifier: MIT
"""The ETSI descriptions with our client and two servers: aiocoap's site and our plugtest server; checked on the wire."""

import coapmsg
import net
import programs
from coapmsg import ACK, CON, DELETE, GET, NON, POST, PUT, RST
from description import (
    changed_or,
    content,
    drop_first,
    has_code,
    has_etag,
    has_format,
    has_format_if_payload,
    has_payload,
    is_ack,
    is_request,
    is_response,
    no_payload,
    separate,
)
from harness import cases
from setting import OurClient as Setting
from setting import plugtest_server

TEXT = 0


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
    displayed = s.call("get", "test")
    request = s.wire.request(CON, GET, "test")
    response = s.wire.answer(request)
    content(response)
    assert displayed == ("2.05", response.payload)


@against()
def test_TD_COAP_CORE_02(site):
    s = Setting(site)
    displayed = s.call("delete", "test")
    request = s.wire.request(CON, DELETE, "test")
    response = has_code(s.wire.answer(request), "2.02")
    has_format_if_payload(response)
    assert displayed == ("2.02", response.payload)


def with_payload(site, method, mtype, codes):
    s = Setting(site)
    displayed = s.call(method, "test", "'new'", "None", "0")
    code = PUT if method.startswith("put") else POST
    request = s.wire.request(mtype, code, "test")
    has_format(request, TEXT)
    assert request.payload == b"new", request
    s.server_displays("test .*b'new'")
    if mtype == CON:
        response = s.wire.answer(request)
    else:
        response = s.wire.response()
        separate(response, request, NON)
    changed_or(response, *codes)
    assert displayed == (response.dotted, response.payload)


@against()
def test_TD_COAP_CORE_03(site):
    with_payload(site, "put", CON, ("2.01",))


@against()
def test_TD_COAP_CORE_04(site):
    with_payload(site, "post", CON, ("2.01",))


@against()
def test_TD_COAP_CORE_05(site):
    s = Setting(site)
    displayed = s.call("getNonConf", "test")
    request = s.wire.request(NON, GET, "test")
    response = has_code(s.wire.response(), "2.05")
    separate(response, request, NON)
    has_format(response)
    assert displayed == ("2.05", response.payload)


@against()
def test_TD_COAP_CORE_06(site):
    s = Setting(site)
    displayed = s.call("deleteNonConf", "test")
    request = s.wire.request(NON, DELETE, "test")
    response = has_code(s.wire.response(), "2.02")
    separate(response, request, NON)
    has_format_if_payload(response)
    assert displayed == ("2.02", response.payload)


@against()
def test_TD_COAP_CORE_07(site):
    with_payload(site, "putNonConf", NON, ("2.01",))


@against()
def test_TD_COAP_CORE_08(site):
    with_payload(site, "postNonConf", NON, ("2.01",))


def separate_exchange(s, *arguments):
    displayed = s.call("get", "separate", *arguments)
    request = s.wire.request(CON, GET, "separate")
    s.wire.empty_ack(False, request)
    response = has_code(s.wire.response(), "2.05")
    separate(response, request, CON)
    has_format(response)
    has_payload(response)
    s.wire.empty_ack(True, response)
    assert displayed == ("2.05", response.payload)
    s.wire.nothing_more()
    return request


@against()
def test_TD_COAP_CORE_09(site):
    separate_exchange(Setting(site))


@against()
def test_TD_COAP_CORE_10(site):
    for token in ("b't'", "b'12345678'", "b''"):  # b'': the client chooses
        s = Setting(site)
        displayed = s.call("get", "test", token)
        request = s.wire.request(CON, GET, "test")
        assert 1 <= len(request.token) <= 8, request
        response = s.wire.answer(request)
        content(response)
        assert displayed == ("2.05", response.payload)


@against()
def test_TD_COAP_CORE_11(site):
    request = separate_exchange(Setting(site), "b'token'")
    assert request.token == b"token", request


@against()
def test_TD_COAP_CORE_12(site):
    s = Setting(site)
    displayed = s.call("get", "test", "None")
    request = s.wire.request(CON, GET, "test")
    assert request.token == b"", request
    response = s.wire.answer(request)
    content(response)
    assert displayed == ("2.05", response.payload)


@against()
def test_TD_COAP_CORE_13(site):
    s = Setting(site)
    displayed = s.call("get", "seg1/seg2/seg3")
    request = s.wire.request(CON, GET)
    assert request.values(coapmsg.URI_PATH) == [b"seg1", b"seg2", b"seg3"], request
    response = s.wire.answer(request)
    content(response)
    assert displayed == ("2.05", response.payload)


@against()
def test_TD_COAP_CORE_14(site):
    s = Setting(site)
    displayed = s.call("get", "query?first=1&second=2&third=3")
    request = s.wire.request(CON, GET, "query")
    assert request.values(coapmsg.URI_QUERY) == [b"first=1", b"second=2", b"third=3"], request
    response = s.wire.answer(request)
    content(response)
    assert displayed == ("2.05", response.payload)
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
        request = s.wire.request(CON, GET, "test")
        response = s.wire.answer(request)
        content(response)
        assert displayed == ("2.05", response.payload)
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
    from_us = [d for d in s.proxy.records if d.to_server]
    requests = [d for d in from_us if d.message.is_request]
    request = requests[0].message
    assert (request.mtype, request.code, request.path) == (CON, GET, "separate"), request
    responses = [d for d in s.proxy.records if not d.to_server and d.message.is_response]
    response = responses[0].message
    has_code(response, "2.05")
    separate(response, request, CON)
    has_payload(response)
    has_format(response)
    acks = [d for d in from_us if d.message.mtype == ACK]
    expected = bytes([0x60, 0, response.mid >> 8, response.mid & 255])
    assert acks and all(d.data == expected for d in acks), s.proxy.records
    if (to_server, kind) in ((True, is_request), (False, is_ack)):
        assert len(requests) >= 2, s.proxy.records
    else:
        assert len(responses) >= 2 and len({d.data for d in responses}) == 1, s.proxy.records
    assert len({d.data for d in requests}) == 1, s.proxy.records
    assert displayed == ("2.05", response.payload)
    over(s)  # also the response stops the retransmission


@against()
def test_TD_COAP_CORE_17(site):
    s = Setting(site)
    displayed = s.call("getNonConf", "separate")
    request = s.wire.request(NON, GET, "separate")
    response = has_code(s.wire.response(), "2.05")
    separate(response, request, NON)
    has_format(response)
    has_payload(response)
    assert displayed == ("2.05", response.payload)
    s.wire.nothing_more()


@against()
def test_TD_COAP_CORE_18(site):
    s = Setting(site)
    displayed = s.call("post", "test", "'create'", "None", "0")
    request = s.wire.request(CON, POST, "test")
    has_format(request)
    assert request.payload == b"create", request
    response = has_code(s.wire.answer(request), "2.01")
    location = [b"location1", b"location2", b"location3"]
    assert response.values(coapmsg.LOCATION_PATH) == location, response
    assert displayed == ("2.01", b"")
    shown = [value for number, value in s.agent.of("response")[0]["options"] if number == coapmsg.LOCATION_PATH]
    assert shown == location, shown


@against()
def test_TD_COAP_CORE_19(site):
    s = Setting(site)
    displayed = s.call("post", "location-query", "'create'", "None", "0")
    request = s.wire.request(CON, POST, "location-query")
    has_format(request)
    response = has_code(s.wire.answer(request), "2.01")
    has_format_if_payload(response)
    location = [b"first=1", b"second=2"]
    assert response.values(coapmsg.LOCATION_QUERY) == location, response
    assert displayed == ("2.01", response.payload)
    shown = [value for number, value in s.agent.of("response")[0]["options"] if number == coapmsg.LOCATION_QUERY]
    assert shown == location, shown


@against()
def test_TD_COAP_CORE_20(site):
    s = Setting(site)
    for accept, part in ((0, b" C"), (41, b"unit='C'")):
        displayed = s.send_packet(GET, "multi-format", [(coapmsg.ACCEPT, coapmsg.uint(accept))])
        request = s.wire.request(CON, GET, "multi-format")
        assert request.value(coapmsg.ACCEPT) == coapmsg.uint(accept), request
        response = has_code(s.wire.answer(request), "2.05")
        has_format(response, accept)
        assert part in response.payload, response
        assert displayed == ("2.05", response.payload)
        assert s.agent.of("response")[-1]["format"] == accept


def first_get(s):
    displayed = s.call("get", "validate")
    request = s.wire.request(CON, GET, "validate")
    assert request.value(coapmsg.ETAG) is None, request
    response = has_code(s.wire.answer(request), "2.05")
    has_etag(response)
    has_payload(response)
    assert displayed == ("2.05", response.payload)
    return response


def tag_seen(s):
    """The ETag as our user sees it."""
    return dict(s.agent.of("response")[-1]["options"])[coapmsg.ETAG]


def validate(s, etag):
    displayed = s.send_packet(GET, "validate", [(coapmsg.ETAG, etag)])
    request = s.wire.request(CON, GET, "validate")
    assert request.value(coapmsg.ETAG) == etag, request
    response = s.wire.answer(request)
    assert displayed == (response.dotted, response.payload)
    return response


@against()
def test_TD_COAP_CORE_21(site):
    s = Setting(site)
    first = first_get(s)
    etag1 = tag_seen(s)
    response = has_code(validate(s, etag1), "2.03")
    assert has_etag(response) == etag1, response
    no_payload(response)
    with net.RawPeer() as other:
        put = coapmsg.request(PUT, "validate", payload=b"second content")
        assert other.ask(put, s.proxy.server).dotted == "2.04"
    response = has_code(validate(s, etag1), "2.05")
    assert has_etag(response) != etag1, response
    assert response.payload not in (b"", first.payload), response


@against()
def test_TD_COAP_CORE_22(site):
    s = Setting(site)
    first_get(s)
    etag1 = tag_seen(s)

    def put(payload, *options):
        displayed = s.send_packet(PUT, "validate", options, payload, TEXT)
        request = s.wire.request(CON, PUT, "validate")
        has_format(request)
        assert request.payload == payload, request
        for number, value in options:
            assert request.value(number) == value, request
        response = s.wire.answer(request)
        has_format_if_payload(response)
        assert displayed == (response.dotted, response.payload)
        return response

    has_code(put(b"second content", (coapmsg.IF_MATCH, etag1)), "2.04")
    second = first_get(s)
    etag2 = tag_seen(s)
    assert etag2 != etag1 and second.payload == b"second content", second
    has_code(put(b"third content"), "2.04")
    has_code(put(b"fourth content", (coapmsg.IF_MATCH, etag2)), "4.12")
    assert first_get(s).payload == b"third content"


@against()
def test_TD_COAP_CORE_23(site):
    s = Setting(site)
    for payload, code in ((b"created", "2.01"), (b"created again", "4.12")):
        displayed = s.send_packet(PUT, "create1", [(coapmsg.IF_NONE_MATCH, b"")], payload, TEXT)
        request = s.wire.request(CON, PUT, "create1")
        has_format(request)
        assert request.value(coapmsg.IF_NONE_MATCH) == b"", request
        assert request.payload == payload, request
        response = has_code(s.wire.answer(request), code)
        has_format_if_payload(response)
        assert displayed == (code, response.payload)


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
