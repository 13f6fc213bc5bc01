# SPDX-License-Identifier: MIT
"""The ETSI descriptions with our server (examples/plugtest_server.py) and other clients, checked on the wire."""

import clients
import coapmsg
import net
from coapmsg import CON, DELETE, GET, NON, POST, PUT
from description import (
    changed_or,
    check_empty_ack,
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
from setting import OurServer as Setting

TEXT = (coapmsg.CONTENT_FORMAT, b"")


def against(**peers):
    return cases(**(peers or clients.ALL))


PYTHON_PEERS = {"raw": clients.Raw, "aiocoap": clients.Aiocoap}


@against()
def test_TD_COAP_CORE_01(peer):
    s = Setting(peer)
    displayed = s.client.ask(GET, "test")
    request = s.wire.request(CON, GET, "test")
    response = s.wire.answer(request)
    content(response)
    assert displayed == ("2.05", response.payload)


@against()
def test_TD_COAP_CORE_02(peer):
    s = Setting(peer)
    displayed = s.client.ask(DELETE, "test")
    request = s.wire.request(CON, DELETE, "test")
    response = has_code(s.wire.answer(request), "2.02")
    has_format_if_payload(response)
    assert displayed == ("2.02", response.payload)


@against()
def test_TD_COAP_CORE_03(peer):
    s = Setting(peer)
    displayed = s.client.ask(PUT, "test", payload=b"new", options=[TEXT])
    request = s.wire.request(CON, PUT, "test")
    has_format(request)
    s.server_displays("test .*b'new'")
    response = s.wire.answer(request)
    changed_or(response, "2.01")
    assert displayed == (response.dotted, response.payload)


@against()
def test_TD_COAP_CORE_04(peer):
    s = Setting(peer)
    displayed = s.client.ask(POST, "test", payload=b"new", options=[TEXT])
    request = s.wire.request(CON, POST, "test")
    has_format(request)
    s.server_displays("test .*b'new'")
    response = s.wire.answer(request)
    changed_or(response, "2.01")
    assert displayed == (response.dotted, response.payload)


@against()
def test_TD_COAP_CORE_05(peer):
    s = Setting(peer)
    displayed = s.client.ask(GET, "test", con=False)
    request = s.wire.request(NON, GET, "test")
    response = has_code(s.wire.response(), "2.05")
    separate(response, request, NON)
    has_format(response)
    assert displayed == ("2.05", response.payload)


@against()
def test_TD_COAP_CORE_06(peer):
    s = Setting(peer)
    displayed = s.client.ask(DELETE, "test", con=False)
    request = s.wire.request(NON, DELETE, "test")
    response = has_code(s.wire.response(), "2.02")
    separate(response, request, NON)
    has_format_if_payload(response)
    assert displayed == ("2.02", response.payload)


@against()
def test_TD_COAP_CORE_07(peer):
    s = Setting(peer)
    displayed = s.client.ask(PUT, "test", con=False, payload=b"new", options=[TEXT])
    request = s.wire.request(NON, PUT, "test")
    has_format(request)
    has_payload(request)
    s.server_displays("test .*b'new'")
    response = s.wire.response()
    changed_or(response, "2.01")
    separate(response, request, NON)
    assert displayed == (response.dotted, response.payload)


@against()
def test_TD_COAP_CORE_08(peer):
    s = Setting(peer)
    displayed = s.client.ask(POST, "test", con=False, payload=b"new", options=[TEXT])
    request = s.wire.request(NON, POST, "test")
    has_format(request)
    has_payload(request)
    s.server_displays("test .*b'new'")
    response = s.wire.response()
    changed_or(response, "2.01")
    separate(response, request, NON)
    assert displayed == (response.dotted, response.payload)


def separate_exchange(s, token_lengths):
    """CORE_09 and CORE_11: request, Empty ACK, CON response, Empty ACK."""
    displayed = s.client.ask(GET, "separate")
    request = s.wire.request(CON, GET, "separate")
    assert len(request.token) in token_lengths, request
    s.wire.empty_ack(False, request)
    response = has_code(s.wire.response(), "2.05")
    separate(response, request, CON)
    has_format(response)
    has_payload(response)
    s.wire.empty_ack(True, response)
    assert s.proxy.responses()[0].is_empty, s.proxy.records
    assert displayed == ("2.05", response.payload)
    s.wire.nothing_more()


@against()
def test_TD_COAP_CORE_09(peer):
    separate_exchange(Setting(peer), range(9))


@against()
def test_TD_COAP_CORE_10(peer):
    s = Setting(peer)
    displayed = s.client.ask(GET, "test")
    request = s.wire.request(CON, GET, "test")
    assert 1 <= len(request.token) <= 8, request
    response = s.wire.answer(request)
    content(response)
    assert displayed == ("2.05", response.payload)


@against()
def test_TD_COAP_CORE_11(peer):
    separate_exchange(Setting(peer), range(1, 9))


@against(raw=clients.Raw)
def test_TD_COAP_CORE_12(peer):
    s = Setting(peer)
    displayed = s.client.ask(GET, "test", token=b"")
    request = s.wire.request(CON, GET, "test")
    assert request.token == b"", request
    response = s.wire.answer(request)
    content(response)
    assert displayed == ("2.05", response.payload)


@against()
def test_TD_COAP_CORE_13(peer):
    s = Setting(peer)
    displayed = s.client.ask(GET, "seg1/seg2/seg3")
    request = s.wire.request(CON, GET)
    assert request.values(coapmsg.URI_PATH) == [b"seg1", b"seg2", b"seg3"], request
    response = s.wire.answer(request)
    content(response)
    assert displayed == ("2.05", response.payload)


@against()
def test_TD_COAP_CORE_14(peer):
    s = Setting(peer)
    displayed = s.client.ask(GET, "query", query=("first=1", "second=2", "third=3"))
    request = s.wire.request(CON, GET, "query")
    assert request.values(coapmsg.URI_QUERY) == [b"first=1", b"second=2", b"third=3"], request
    response = s.wire.answer(request)
    content(response)
    assert displayed == ("2.05", b"query: first=1&second=2&third=3"), displayed


@against(**PYTHON_PEERS)
def test_TD_COAP_CORE_15(peer):
    for to_server, kind in ((True, is_request), (False, is_response)):
        s = Setting(peer, drop_first(to_server, kind))
        displayed = s.client.ask(GET, "test")
        requests, responses = ([d.data for d in s.proxy.records if d.to_server == way] for way in (True, False))
        assert len(requests) >= 2 and len(set(requests)) == 1, s.proxy.records
        request = s.wire.request(CON, GET, "test")
        response = s.wire.answer(request)
        content(response)
        assert len(responses) >= (1 if to_server else 2) and set(responses) == {response.encode()}, s.proxy.records
        assert displayed == ("2.05", response.payload)
        s.server.wait_count("test Request", 1)
        s.server.close()


@cases(
    raw_request=(clients.Raw, True, is_request),
    raw_request_ack=(clients.Raw, False, is_ack),
    raw_response=(clients.Raw, False, is_response),
    raw_response_ack=(clients.Raw, True, is_ack),
    aiocoap_request=(clients.Aiocoap, True, is_request),
    aiocoap_request_ack=(clients.Aiocoap, False, is_ack),
    aiocoap_response=(clients.Aiocoap, False, is_response),
    aiocoap_response_ack=(clients.Aiocoap, True, is_ack),
)
def test_TD_COAP_CORE_16(case):
    peer, to_server, kind = case
    lost_ack = (to_server, kind) == (True, is_ack)
    s = Setting(peer, drop_first(to_server, kind))
    if lost_ack:  # the client has to live on until the response has come again and is acknowledged again

        def settled():  # aiocoap, which knows the token no more, answers the repeated response with RST
            return len([d for d in s.proxy.records if d.to_server and d.message.is_empty]) >= 2

        if peer is clients.Raw:
            displayed = s.client.ask(GET, "separate")
            s.client.linger(settled)
        else:
            displayed = s.client.ask(GET, "separate", until=settled)
    else:
        displayed = s.client.ask(GET, "separate")
    to_us = [d for d in s.proxy.records if d.to_server]
    from_us = [d for d in s.proxy.records if not d.to_server]
    requests = [d for d in to_us if d.message.is_request]
    request = requests[0].message
    assert (request.mtype, request.code, request.path) == (CON, GET, "separate"), request
    responses = [d for d in from_us if d.message.is_response]
    response = responses[0].message
    has_code(response, "2.05")
    separate(response, request, CON)
    has_payload(response)
    has_format(response)
    acks = [d for d in from_us if d.message.is_empty]
    for ack in acks:
        check_empty_ack(ack, request)
    assert len({d.data for d in requests}) == 1, s.proxy.records
    if kind is is_request:
        assert len(requests) >= 2, s.proxy.records
    elif lost_ack or kind is is_response:
        assert len(responses) >= 2 and len({d.data for d in responses}) == 1, s.proxy.records
    assert displayed == ("2.05", response.payload)
    s.server.wait_count("separate Request", 1)


@against()
def test_TD_COAP_CORE_17(peer):
    s = Setting(peer)
    displayed = s.client.ask(GET, "separate", con=False)
    request = s.wire.request(NON, GET, "separate")
    response = has_code(s.wire.response(), "2.05")  # the first thing the server says: no ACK before
    separate(response, request, NON)
    has_format(response)
    has_payload(response)
    assert displayed == ("2.05", response.payload)
    s.wire.nothing_more()


@against()
def test_TD_COAP_CORE_18(peer):
    s = Setting(peer)
    displayed = s.client.ask(POST, "test", payload=b"create", options=[TEXT])
    request = s.wire.request(CON, POST, "test")
    has_format(request)
    has_payload(request)
    response = has_code(s.wire.answer(request), "2.01")
    assert response.values(coapmsg.LOCATION_PATH) == [b"location1", b"location2", b"location3"], response
    assert displayed == ("2.01", b"")
    assert s.client.ask(GET, "location1/location2/location3") == ("2.05", b"create")


@against()
def test_TD_COAP_CORE_19(peer):
    s = Setting(peer)
    displayed = s.client.ask(POST, "location-query", payload=b"create", options=[TEXT])
    request = s.wire.request(CON, POST, "location-query")
    has_format(request)
    response = has_code(s.wire.answer(request), "2.01")
    has_format_if_payload(response)
    assert response.values(coapmsg.LOCATION_QUERY) == [b"first=1", b"second=2"], response
    assert displayed == ("2.01", response.payload)


@against()
def test_TD_COAP_CORE_20(peer):
    s = Setting(peer)
    for accept, text in ((0, b"21.5 C"), (41, b"<temperature unit='C'>21.5</temperature>")):
        displayed = s.client.ask(GET, "multi-format", options=[(coapmsg.ACCEPT, coapmsg.uint(accept))])
        request = s.wire.request(CON, GET, "multi-format")
        assert request.uint(coapmsg.ACCEPT) == accept, request
        response = has_code(s.wire.answer(request), "2.05")
        has_format(response, accept)
        assert response.payload == text, response
        assert displayed == ("2.05", text)
    assert s.client.ask(GET, "multi-format", options=[(coapmsg.ACCEPT, b"\x32")])[0] == "4.06"


def first_get(s):
    """The GET without ETag that CORE_21 and CORE_22 begin with: the response."""
    displayed = s.client.ask(GET, "validate")
    request = s.wire.request(CON, GET, "validate")
    assert request.value(coapmsg.ETAG) is None, request
    response = has_code(s.wire.answer(request), "2.05")
    has_etag(response)
    has_payload(response)
    assert displayed == ("2.05", response.payload)
    return response


@against()
def test_TD_COAP_CORE_21(peer):
    s = Setting(peer)
    first = first_get(s)
    etag1 = has_etag(first)
    displayed = s.client.ask(GET, "validate", options=[(coapmsg.ETAG, etag1)])
    request = s.wire.request(CON, GET, "validate")
    assert request.value(coapmsg.ETAG) == etag1, request
    response = has_code(s.wire.answer(request), "2.03")
    assert has_etag(response) == etag1, response
    no_payload(response)
    assert displayed == ("2.03", b"")

    with net.RawPeer() as other:  # another client changes it, not through the proxy
        put = coapmsg.request(PUT, "validate", payload=b"second content")
        assert other.ask(put, s.proxy.server).dotted == "2.04"

    displayed = s.client.ask(GET, "validate", options=[(coapmsg.ETAG, etag1)])
    request = s.wire.request(CON, GET, "validate")
    assert request.value(coapmsg.ETAG) == etag1, request
    response = has_code(s.wire.answer(request), "2.05")
    assert has_etag(response) != etag1, response
    assert response.payload not in (b"", first.payload), response
    assert displayed == ("2.05", b"second content")


@against()
def test_TD_COAP_CORE_22(peer):
    s = Setting(peer)
    etag1 = has_etag(first_get(s))

    def put(payload, *options):
        displayed = s.client.ask(PUT, "validate", payload=payload, options=[*options, TEXT])
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
    etag2 = has_etag(second)
    assert etag2 != etag1 and second.payload == b"second content", second
    has_code(put(b"third content"), "2.04")
    has_code(put(b"fourth content", (coapmsg.IF_MATCH, etag2)), "4.12")
    assert first_get(s).payload == b"third content"


@against()
def test_TD_COAP_CORE_23(peer):
    s = Setting(peer)
    assert s.client.ask(GET, "create1")[0] == "4.04"
    s.wire.request(CON, GET, "create1")
    s.wire.response()
    for payload, code in ((b"created", "2.01"), (b"created again", "4.12")):
        displayed = s.client.ask(PUT, "create1", payload=payload, options=[(coapmsg.IF_NONE_MATCH, b""), TEXT])
        request = s.wire.request(CON, PUT, "create1")
        has_format(request)
        assert request.value(coapmsg.IF_NONE_MATCH) == b"", request
        assert request.payload == payload, request
        response = has_code(s.wire.answer(request), code)
        has_format_if_payload(response)
        assert displayed == (code, response.payload)
    assert s.client.ask(GET, "create1") == ("2.05", b"created")


@against(raw=clients.Raw)
def test_TD_COAP_CORE_31(peer):
    s = Setting(peer)
    ping = coapmsg.Message(CON)
    s.client.peer.send(ping, s.client.address)
    request = s.wire.next(True)
    assert request.data == bytes([0x40, 0, ping.mid >> 8, ping.mid & 255]), request
    response = s.wire.next(False)
    assert response.data == bytes([0x70, 0, ping.mid >> 8, ping.mid & 255]), response
    assert s.client.peer.recv_bytes()[0] == response.data
