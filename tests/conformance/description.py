# SPDX-License-Identifier: MIT
"""The vocabulary of the ETSI test descriptions: what a request or a response on the wire must contain.

Each check returns the message, so that a later line can refer to its CMID, CTOK, SMID or ETAG.
"""

import coapmsg
from coapmsg import ACK, CON


class Wire:
    """The datagrams the proxy recorded, each read once. What repeats an earlier one is not read at all: a retransmission
    may cross its acknowledgement.

    `piggybacked`: the server answers a CON in the ACK. Any other may do so in a message of its own (RFC 7252 section 5.2).
    """

    def __init__(self, proxy, piggybacked=False):
        self.proxy = proxy
        self.piggybacked = piggybacked
        self._read = set()

    def _unread(self, to_server):
        return [d for d in first_copies(self.proxy, to_server) if d not in self._read]

    def next(self, to_server, wanted=lambda datagram: True):
        """The next datagram of that direction that is wanted."""
        datagram = self.proxy.wait_for(lambda records: next(filter(wanted, self._unread(to_server)), None))
        self._read.add(datagram)
        return datagram

    def request(self, mtype, method, path=None):
        """The client sends a request with that type, code, a CMID and a CTOK."""
        message = self.next(True, lambda datagram: datagram.message.is_request).message
        check_request(message, mtype, method, path)
        return message

    def response(self):
        return self.next(False, lambda datagram: datagram.message.is_response).message

    def answer(self, request):
        """The response to a CON: SAME_MID_TOKEN; or an Empty ACK, the response, and the ACK of that."""
        message = self.response()
        if self.piggybacked or message.mtype == ACK:
            same_mid_token(message, request)
        else:
            self.empty_ack(False, request)
            separate(message, request, CON)
            self.empty_ack(True, message)
        return message

    def empty_ack(self, to_server, of):
        """An ACK with code 0, the same message id, and nothing else."""
        ack = coapmsg.Message(ACK, 0, of.mid).encode()
        return self.next(to_server, lambda datagram: datagram.data == ack).message

    def nothing_more(self):
        assert not self._unread(True), self._unread(True)
        assert not self._unread(False), self._unread(False)


def drop_first(to_server, kind):
    """A rule that drops the first message of that direction for which `kind` is true."""
    found = []

    def rule(datagram):
        if datagram.to_server == to_server and not found and kind(datagram.message):
            found.append(datagram)
            return []
        return [0]

    return rule


def is_request(message):
    return message.is_request


def is_response(message):
    return message.is_response


def is_ack(message):
    return message.is_empty and message.mtype == ACK


def first_copies(proxy, to_server):
    """The datagrams of that direction but those that repeat an earlier one."""
    found = {}
    for datagram in list(proxy.records):
        assert datagram.message is not None, "not CoAP: %r" % datagram
        if datagram.to_server == to_server:
            found.setdefault(datagram.data, datagram)
    return list(found.values())


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


def content(message):
    """2.05, Content-Format, non-empty payload."""
    has_code(message, "2.05")
    has_format(message)
    has_payload(message)
