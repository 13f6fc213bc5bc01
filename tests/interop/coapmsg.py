# SPDX-License-Identifier: MIT
"""The tests' own CoAP encoder and strict decoder (RFC 7252 section 3).

Independent of the code under test on purpose, and able to write what is wrong.
"""

import struct

import chance

CON, NON, ACK, RST = range(4)
TYPE_NAMES = ("CON", "NON", "ACK", "RST")

EMPTY = 0
GET, POST, PUT, DELETE, FETCH, PATCH, IPATCH = 1, 2, 3, 4, 5, 6, 7


def code(dotted):
    """'4.04' -> 0x84."""
    class_, detail = dotted.split(".")
    return int(class_) << 5 | int(detail)


def dotted(value):
    """0x84 -> '4.04'."""
    return "%d.%02d" % (value >> 5, value & 31)


IF_MATCH, URI_HOST, ETAG, IF_NONE_MATCH, URI_PORT = 1, 3, 4, 5, 7
LOCATION_PATH, URI_PATH, CONTENT_FORMAT, MAX_AGE, URI_QUERY = 8, 11, 12, 14, 15
ACCEPT, LOCATION_QUERY, BLOCK2, BLOCK1, PROXY_URI, PROXY_SCHEME, SIZE1 = 17, 20, 23, 27, 35, 39, 60
OBSERVE, HOP_LIMIT, SIZE2, ECHO, NO_RESPONSE, REQUEST_TAG = 6, 16, 28, 252, 258, 292


class FormatError(ValueError):
    """The datagram is no CoAP message."""


def uint(value):
    """An option's uint in its shortest form (RFC 7252 section 3.2)."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _nibble(value):
    if value < 13:
        return value, b""
    if value < 269:
        return 13, bytes([value - 13])
    return 14, struct.pack(">H", value - 269)


class Message:
    """One message; `options` is a list of (number, bytes) in any order."""

    def __init__(self, mtype=CON, code=EMPTY, mid=None, token=b"", options=(), payload=b""):
        self.mtype = mtype
        self.code = code
        self.mid = chance.mid() if mid is None else mid
        self.token = token
        self.options = list(options)
        self.payload = payload

    def encode(self):
        out = bytearray([0x40 | self.mtype << 4 | len(self.token), self.code])
        out += struct.pack(">H", self.mid) + self.token
        previous = 0
        for number, value in sorted(self.options, key=lambda option: option[0]):
            delta, delta_more = _nibble(number - previous)
            length, length_more = _nibble(len(value))
            out += bytes([delta << 4 | length]) + delta_more + length_more + value
            previous = number
        if self.payload:
            out += b"\xff" + self.payload
        return bytes(out)

    def values(self, number):
        return [value for n, value in self.options if n == number]

    def value(self, number):
        """The one value of that option, or None."""
        found = self.values(number)
        if len(found) > 1:
            raise FormatError("option %d repeated" % number)
        return found[0] if found else None

    def uint(self, number):
        found = self.value(number)
        return None if found is None else int.from_bytes(found, "big")

    @property
    def path(self):
        return "/".join(v.decode() for v in self.values(URI_PATH))

    @property
    def dotted(self):
        return dotted(self.code)

    @property
    def is_request(self):
        return 0 < self.code < 32

    @property
    def is_response(self):
        return 64 <= self.code < 192

    @property
    def is_empty(self):
        return self.code == EMPTY

    def __repr__(self):
        options = " ".join("%d:%s" % (n, v.hex() or "-") for n, v in self.options)
        return "<%s %s mid=%04x token=%s [%s] %r>" % (
            TYPE_NAMES[self.mtype],
            self.dotted,
            self.mid,
            self.token.hex() or "-",
            options,
            self.payload,
        )


def _extended(data, at, nibble):
    if nibble < 13:
        return nibble, at
    size = {13: 1, 14: 2}.get(nibble)
    if size is None:
        raise FormatError("reserved nibble 15")
    if at + size > len(data):
        raise FormatError("extension cut short")
    return int.from_bytes(data[at : at + size], "big") + (13, 269)[size - 1], at + size


def decode(data):
    """The message in `data`; FormatError for every fault RFC 7252 section 3 knows."""
    if len(data) < 4:
        raise FormatError("header of %d bytes" % len(data))
    if data[0] >> 6 != 1:
        raise FormatError("version %d" % (data[0] >> 6))
    token_length = data[0] & 15
    if token_length > 8:
        raise FormatError("token length %d" % token_length)
    if data[1] == EMPTY and len(data) != 4:
        raise FormatError("Empty message with a body")
    at = 4 + token_length
    if at > len(data):
        raise FormatError("token cut short")
    message = Message(data[0] >> 4 & 3, data[1], data[2] << 8 | data[3], bytes(data[4:at]))
    number = 0
    while at < len(data):
        if data[at] == 0xFF:
            if at + 1 == len(data):
                raise FormatError("payload marker without payload")
            message.payload = bytes(data[at + 1 :])
            break
        first, at = data[at], at + 1
        delta, at = _extended(data, at, first >> 4)
        length, at = _extended(data, at, first & 15)
        number += delta
        if number > 65535:
            raise FormatError("option number %d" % number)
        if at + length > len(data):
            raise FormatError("option value cut short")
        message.options.append((number, bytes(data[at : at + length])))
        at += length
    return message


def uri_path(path):
    return [(URI_PATH, part.encode()) for part in path.split("/") if part]


def request(method, path, mtype=CON, token=None, options=(), payload=b"", mid=None):
    """A request with a fresh message id and, unless given, a fresh 4-byte token."""
    token = chance.token() if token is None else token
    return Message(mtype, method, mid, token, uri_path(path) + list(options), payload)


def response(to, response_code, payload=b"", options=(), mtype=None, mid=None):
    """A piggybacked response to a CON, a NON response to a NON, or of the type given."""
    if mtype is None:
        mtype = ACK if to.mtype == CON else NON
    if mid is None and mtype == ACK:
        mid = to.mid
    return Message(mtype, code(response_code), mid, to.token, options, payload)


def increases(number, last):
    """Whether an Observe number is newer than another, RFC 7641 section 3.4 without its time limit."""
    return 0 < number - last & 0xFFFFFF < 1 << 23


def check_order(events, state):
    """Checks what a client was told, events with type, observe and a state that grows: each newer than the one before.

    The response to a registration counts anew: when the client registers again after Max-Age, aiocoap answers with the
    latest state and then goes on with older ones that it had queued.
    """
    for before, event in zip(events, events[1:]):
        assert event["type"] == ACK or increases(event["observe"], before["observe"]), events
    if sum(event["type"] == ACK for event in events) == 1:
        states = [state(event) for event in events]
        assert states == sorted(states), states
