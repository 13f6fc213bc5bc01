# SPDX-License-Identifier: MIT
"""The vocabulary of the ETSI test descriptions: what a request or a response on the wire must contain.

Each check returns the message, so that a later line can refer to its CMID, CTOK, SMID or ETAG.
"""

import coapmsg
from coapmsg import ACK

QUIET = 0.4


class Wire:
    """The datagrams the proxy recorded, read in order, each direction for itself."""

    def __init__(self, proxy):
        self.proxy = proxy
        self._read = [0, 0]

    def next(self, to_server, timeout=10.0):
        number = self._read[to_server]
        self._read[to_server] += 1

        def condition(records):
            found = [d for d in records if d.to_server == to_server]
            return found[number] if len(found) > number else None

        datagram = self.proxy.wait_for(condition, timeout)
        assert datagram.message is not None, "not CoAP: %r" % datagram
        return datagram

    def rest(self, to_server):
        """Messages of that direction not read yet."""
        return [d.message for d in self.proxy.records if d.to_server == to_server][self._read[to_server] :]

    def request(self, mtype, method, path=None, timeout=10.0):
        """The client sends a request with that type, code, a CMID and a CTOK."""
        message = self.next(True, timeout).message
        check_request(message, mtype, method, path)
        return message

    def response(self, timeout=10.0):
        return self.next(False, timeout).message

    def empty_ack(self, to_server, of, timeout=10.0):
        """An ACK with code 0, the same message id, and nothing else."""
        datagram = self.next(to_server, timeout)
        check_empty_ack(datagram, of)
        return datagram.message

    def response_or_ack(self, timeout=10.0):
        return self.next(False, timeout)

    def nothing_more(self):
        assert not self.rest(True), self.rest(True)
        assert not self.rest(False), self.rest(False)


def check_request(message, mtype, method, path):
    assert message.mtype == mtype, message
    assert message.code == method, message
    assert len(message.token) <= 8, message
    if path is not None:
        assert message.path == path, message


def check_empty_ack(datagram, of):
    assert datagram.data == bytes([0x60, 0, of.mid >> 8, of.mid & 255]), (datagram, of)


def same_mid_token(message, request):
    """SAME_MID_TOKEN, for a response in the ACK."""
    assert message.mtype == ACK, message
    assert (message.mid, message.token) == (request.mid, request.token), (request, message)


def separate(message, request, mtype):
    """SMID and SAME_TOKEN: a message of its own."""
    assert message.mtype == mtype, message
    assert message.token == request.token, (request, message)


def has_code(message, *dotted):
    assert message.dotted in dotted, message
    return message


def has_format(message, number=None):
    """CFO."""
    value = message.uint(coapmsg.CONTENT_FORMAT)
    assert value is not None, message
    if number is not None:
        assert value == number, message


def has_format_if_payload(message):
    """CFONE."""
    if message.payload:
        has_format(message)


def has_payload(message):
    """NEP."""
    assert message.payload, message


def no_payload(message):
    """EP."""
    assert not message.payload, message


def has_etag(message):
    tag = message.value(coapmsg.ETAG)
    assert tag, message
    return tag


def content(message, request):
    """S205: Code 2.05, same message id and token, Content-Format, non-empty payload."""
    has_code(message, "2.05")
    same_mid_token(message, request)
    has_format(message)
    has_payload(message)


def changed_or(message, *more):
    """2.04 or another, CFONE, ONEP."""
    has_code(message, "2.04", *more)
    has_format_if_payload(message)


