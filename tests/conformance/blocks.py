# SPDX-License-Identifier: MIT
"""The block-wise parts of the descriptions, as they must be on the wire."""

import coapmsg
from coapmsg import BLOCK1, BLOCK2, CON
from description import check_request, has_code


def block_of(message, number):
    """(NUM, M, SZX), or None."""
    value = message.uint(number)
    return None if value is None else (value >> 4, value >> 3 & 1, value & 7)


def has_full_payload(message, exponent):
    """FULL."""
    assert len(message.payload) == 16 << exponent, message


def has_rest(message, exponent):
    """RUNT."""
    assert len(message.payload) <= 16 << exponent, message


def downloaded(wire, method, path, code="2.05", early=None, first=None, mtype=CON):
    """Blocks of a response until the last one: the body. `early`: the exponent asked for in the first request; without
    it, the client learns of the blocks from the response. `first`: a response with block 0 that was read already."""
    body = b""
    exponent = None
    while True:
        if body or first is None:
            request = wire.request(mtype, method, path)
            asked = block_of(request, BLOCK2)
            response = has_code(wire.answer(request), code)
        else:
            response, asked = first, None
        num, more, szx = block_of(response, BLOCK2)
        if body:
            assert not request.payload and block_of(request, BLOCK1) is None, request
            assert asked[1] == 0 and asked[0] << asked[2] + 4 == len(body), (request, len(body))
            assert asked[2] <= exponent and szx == asked[2] and num == asked[0], (request, response)
        else:
            assert num == 0, response
            if early is not None:
                assert asked == (0, 0, early), request
                assert szx <= early, response
            elif first is None:
                assert asked is None, request
        exponent = szx
        body += response.payload
        if not more:
            has_rest(response, szx)
            return body
        has_full_payload(response, szx)


def uploaded(wire, method, path, desired, codes=("2.04",)):
    """Blocks of a request until the last one: the body, and the last response."""
    body = b""
    exponent = desired
    while True:
        request = wire.request(CON, method, path)
        num, more, szx = block_of(request, BLOCK1)
        assert num << szx + 4 == len(body), (request, len(body))
        assert szx == exponent, request
        body += request.payload
        response = wire.answer(request)
        answer = block_of(response, BLOCK1)
        assert answer[0] == num and answer[2] <= szx, (request, response)
        exponent = answer[2]
        if not more:
            has_rest(request, szx)
            has_code(response, *codes)
            assert answer[1] == 0, response
            return body, response
        has_full_payload(request, szx)
        has_code(response, "2.31")
        assert answer[1] == 1, response


def check_plain(request, method, path):
    check_request(request, CON, method, path)
    assert block_of(request, BLOCK2) is None, request


def location(response, folder):
    """The path that Location-Path has: of something in the folder."""
    segments = [segment.decode() for segment in response.values(coapmsg.LOCATION_PATH)]
    assert len(segments) == 2 and segments[0] == folder, response
    assert not any("/" in segment for segment in segments), response
    return "/".join(segments)


def answered_in_blocks(wire, method, path, response):
    """The response to the last block of the request is the first of several: their body."""
    assert block_of(response, BLOCK2)[:2] == (0, 1), response
    body = downloaded(wire, method, path, "2.04", first=response)
    assert body.startswith(b"2500 bytes came"), body
    return body
