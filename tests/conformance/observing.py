# SPDX-License-Identifier: MIT
"""Registrations and notifications of the descriptions, as they must be on the wire."""

import time

import coapmsg
from blocks import block_of, downloaded, has_full_payload
from coapmsg import BLOCK2, CON, GET, OBSERVE, increases
from description import has_code, has_format, same_mid_token, separate


def registered(wire, path, mtype=CON):
    """REQ_GET_OBS2 and REQ_GET_OBS3: (request, response)."""
    request = wire.request(mtype, GET, path, timeout=60)
    assert request.value(OBSERVE) == b"", request
    response = has_code(wire.response(timeout=60), "2.05")
    if mtype == CON:
        same_mid_token(response, request)
    else:
        separate(response, request, mtype)
    has_format(response)
    assert response.value(OBSERVE) is not None, response
    return request, response


class Notified:
    """Reads notifications one after the other and checks each against the registration."""

    def __init__(self, wire, request, response, mtype=CON, path=None):
        self.wire = wire
        self.request = request
        self.format = response.uint(coapmsg.CONTENT_FORMAT)
        self.last = response.uint(OBSERVE)
        self.mtype = mtype
        self.path = path

    def next(self):
        """REQ_GET_OBS4 and the ACK."""
        message = has_code(self.wire.response(timeout=60), "2.05")
        separate(message, self.request, self.mtype)
        has_format(message, self.format)
        number = message.uint(OBSERVE)
        assert increases(number, self.last), (message, self.last)
        self.last = number
        if self.mtype == CON:
            self.wire.empty_ack(True, message, timeout=60)
        return message

    def whole(self, message):
        """The body that begins with this message: IFBL2, FULLIFBL2, GETREST."""
        block = block_of(message, BLOCK2)
        if block is None or not block[1]:
            return message.payload
        assert block[0] == 0, message
        has_full_payload(message, block[2])
        return downloaded(self.wire, GET, self.path, first=message)

    def final(self, code):
        """The last notification: an error, without Observe."""
        message = self.wire.response(timeout=60)
        while message.dotted == "2.05":  # was on its way
            if message.mtype == CON:
                self.wire.empty_ack(True, message)
            message = self.wire.response(timeout=60)
        has_code(message, code)
        separate(message, self.request, CON)
        assert message.value(OBSERVE) is None, message
        self.wire.empty_ack(True, message)
        return message


def notifications(proxy):
    """Of the responses so far, the messages of their own, with their Datagrams."""
    return [d for d in proxy.records if not d.to_server and d.message.is_response and d.message.mtype != coapmsg.ACK]


def one_at_a_time(proxy, ack_timeout):
    """A notification is sent when the one before it has been acknowledged, or where its retransmission was due, which
    is not before `ack_timeout` seconds."""
    last = None
    acknowledged = {d.message.mid: d.time for d in proxy.records if d.to_server and d.message.mtype == coapmsg.ACK and not d.dropped}
    for datagram in notifications(proxy):
        if last is not None and datagram.message.mid != last.message.mid:
            gone = acknowledged.get(last.message.mid)
            assert gone is not None and gone <= datagram.time or datagram.time - last.time > ack_timeout, proxy.records
        last = datagram


def stops(proxy, quiet, timeout):
    """Waits until the server has said nothing for `quiet` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        count = len(proxy.records)
        try:
            proxy.wait_for(lambda records: len(records) > count, quiet)
        except AssertionError:
            return
        assert time.monotonic() < deadline, "it goes on"
