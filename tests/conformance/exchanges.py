# SPDX-License-Identifier: MIT
"""Exchanges of the CORE descriptions, as they must be on the wire and for the user of the client.

`s` is the setting of either role; `displayed` is what the user was shown of the response: (code, payload).
"""

import coapmsg
import net
from coapmsg import CON, DELETE, GET, NON, POST, PUT
from description import (
    content,
    has_code,
    has_etag,
    has_format,
    has_format_if_payload,
    has_payload,
    no_payload,
    separate,
)

TEXT = 0


def response_to(request, s, displayed, *codes):
    """The response, which is what was displayed: to a CON, or a NON to a NON."""
    if request.mtype == CON:
        response = s.wire.answer(request)
    else:
        response = s.wire.response()
        separate(response, request, NON)
    has_code(response, *codes)
    assert displayed == (response.dotted, response.payload), (displayed, response)
    return response


def got(s, displayed, path="test", mtype=CON):
    """CORE_01, CORE_05 and others: (request, response)."""
    request = s.wire.request(mtype, GET, path)
    response = response_to(request, s, displayed, "2.05")
    content(response)
    return request, response


def deleted(s, displayed, mtype=CON):
    """CORE_02 and CORE_06."""
    request = s.wire.request(mtype, DELETE, "test")
    has_format_if_payload(response_to(request, s, displayed, "2.02"))


def changed(s, displayed, method, mtype=CON):
    """CORE_03, CORE_04, CORE_07 and CORE_08: the text 'new' is sent."""
    request = s.wire.request(mtype, method, "test")
    has_format(request, TEXT)
    assert request.payload == b"new", request
    s.server_displays("test .*b'new'")
    has_format_if_payload(response_to(request, s, displayed, "2.04", "2.01"))


def got_separately(s, displayed):
    """CORE_09 and CORE_11, request, Empty ACK, CON response, Empty ACK: the request."""
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


def copies(s, displayed):
    """CORE_16: the Datagrams of the request, those of the response; the requests are equal."""
    requests = [d for d in s.proxy.records if d.to_server and d.message.is_request]
    request = requests[0].message
    assert (request.mtype, request.code, request.path) == (CON, GET, "separate"), request
    assert len({d.data for d in requests}) == 1, s.proxy.records
    responses = [d for d in s.proxy.records if not d.to_server and d.message.is_response]
    response = responses[0].message
    has_code(response, "2.05")
    separate(response, request, CON)
    has_payload(response)
    has_format(response)
    assert displayed == ("2.05", response.payload)
    return requests, responses


def created(s, displayed, path, option, location):
    """CORE_18 and CORE_19: the text 'create' is sent, the response has the location in that option."""
    request = s.wire.request(CON, POST, path)
    has_format(request)
    assert request.payload == b"create", request
    response = response_to(request, s, displayed, "2.01")
    has_format_if_payload(response)
    assert response.values(option) == location, response


def accepted(s, displayed, accept):
    """CORE_20: the request."""
    request = s.wire.request(CON, GET, "multi-format")
    assert request.uint(coapmsg.ACCEPT) == accept, request
    has_format(response_to(request, s, displayed, "2.05"), accept)
    return request


def first_get(s):
    """The GET without ETag that CORE_21 and CORE_22 begin with: the response, the ETag as the user is shown it."""
    displayed = s.get("validate")
    request = s.wire.request(CON, GET, "validate")
    assert request.value(coapmsg.ETAG) is None, request
    response = response_to(request, s, displayed, "2.05")
    has_etag(response)
    has_payload(response)
    return response, s.etag_displayed(response)


def validated(s, etag, code):
    """GET with the ETag: the response."""
    displayed = s.ask(GET, "validate", [(coapmsg.ETAG, etag)])
    request = s.wire.request(CON, GET, "validate")
    assert request.value(coapmsg.ETAG) == etag, request
    return response_to(request, s, displayed, code)


def validates(s):
    """CORE_21."""
    first, etag1 = first_get(s)
    response = validated(s, etag1, "2.03")
    assert has_etag(response) == etag1, response
    no_payload(response)
    with net.RawPeer() as other:  # another client changes it, not through the proxy
        put = coapmsg.request(PUT, "validate", payload=b"second content")
        assert other.ask(put, s.proxy.server).dotted == "2.04"
    response = validated(s, etag1, "2.05")
    assert has_etag(response) != etag1, response
    assert response.payload == b"second content" != first.payload, response


def put(s, path, payload, code, *options):
    displayed = s.ask(PUT, path, options, payload, TEXT)
    request = s.wire.request(CON, PUT, path)
    has_format(request, TEXT)
    assert request.payload == payload, request
    for number, value in options:
        assert request.value(number) == value, request
    has_format_if_payload(response_to(request, s, displayed, code))


def puts_if_match(s):
    """CORE_22."""
    _, etag1 = first_get(s)
    put(s, "validate", b"second content", "2.04", (coapmsg.IF_MATCH, etag1))
    second, etag2 = first_get(s)
    assert etag2 != etag1 and second.payload == b"second content", second
    put(s, "validate", b"third content", "2.04")
    put(s, "validate", b"fourth content", "4.12", (coapmsg.IF_MATCH, etag2))
    assert first_get(s)[0].payload == b"third content"


def puts_if_none_match(s):
    """CORE_23."""
    for payload, code in ((b"created", "2.01"), (b"created again", "4.12")):
        put(s, "create1", payload, code, (coapmsg.IF_NONE_MATCH, b""))
