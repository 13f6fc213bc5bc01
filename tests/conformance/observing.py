# SPDX-License-Identifier: MIT
"""Registrations and notifications of the descriptions, as they must be on the wire."""

import time

import chance
import coapmsg
import net
from blocks import block_of, has_full_payload, has_rest
from coapmsg import ACK, BLOCK2, CON, GET, OBSERVE, PUT, RST, increases
from description import check_request, content, first_copies, has_code, has_format, same_mid_token, separate

MAX_RETRANSMIT = 4


def registered(wire, path, mtype=CON):
    """REQ_GET_OBS2 and REQ_GET_OBS3: (request, response)."""
    request = wire.request(mtype, GET, path)
    assert request.value(OBSERVE) == b"", request
    if mtype == CON:
        response = wire.answer(request)
    else:
        response = wire.response()
        separate(response, request, mtype)
    has_code(response, "2.05")
    has_format(response)
    assert response.value(OBSERVE) is not None, response
    return request, response


class Notified:
    """Reads notifications one after the other and checks each against the registration."""

    def __init__(self, wire, request, response, mtype=CON):
        self.wire = wire
        self.request = request
        self.format = response.uint(coapmsg.CONTENT_FORMAT)
        self.last = response.uint(OBSERVE)
        self.mtype = mtype

    def next(self):
        """REQ_GET_OBS4 and the ACK."""
        message = has_code(self.wire.response(), "2.05")
        if message.mtype == ACK:  # to a client that heard nothing for longer than Max-Age, and has registered again
            again = self.wire.request(CON, GET, self.request.path)
            assert (again.mid, again.token, again.value(OBSERVE)) == (message.mid, self.request.token, b""), again
        else:
            separate(message, self.request, self.mtype)
        has_format(message, self.format)
        number = message.uint(OBSERVE)
        assert increases(number, self.last), (message, self.last)
        self.last = number
        if message.mtype == CON:
            self.wire.empty_ack(True, message)
        return message

    def final(self, code):
        """The last notification: an error, without Observe."""
        message = self.wire.response()
        while message.dotted == "2.05":  # was on its way
            if message.mtype == CON:
                self.wire.empty_ack(True, message)
            message = self.wire.response()
        has_code(message, code)
        separate(message, self.request, CON)
        assert message.value(OBSERVE) is None, message
        self.wire.empty_ack(True, message)
        return message


def requests(proxy):
    """What the client has asked so far."""
    return [d.message for d in first_copies(proxy, True) if d.message.is_request]


def acknowledged(proxy, request):
    """Waits for the ACK that answers the request: its Datagram."""

    def found(records):
        return [d for d in records if not d.to_server and (d.message.mtype, d.message.mid) == (ACK, request.mid)]

    return proxy.wait_for(found)[0]


def notifications(proxy):
    """Of the responses so far, the messages of their own, with their Datagrams."""
    return [d for d in list(proxy.records) if not d.to_server and d.message.is_response and d.message.mtype != ACK]


def change(proxy, method, payload=b"", content_format=b""):
    """Another client changes /obs, not through the proxy."""
    with net.RawPeer() as other:
        options = [(coapmsg.CONTENT_FORMAT, content_format)] if method == PUT else []
        answer = other.ask(coapmsg.request(method, "obs", options=options, payload=payload), proxy.server)
        assert answer.code >> 5 == 2, answer


def rejected(proxy):
    """OBS_06: a notification is rejected, and there are no more."""
    reset = proxy.wait_for(lambda records: [d for d in records if d.to_server and d.message.mtype == RST])
    assert reset[0].message.mid in [d.message.mid for d in notifications(proxy)]
    stops(proxy)


def asked_beside(wire, observed):
    """OBS_10: a GET with a token of its own was answered; the notifications go on."""
    proxy = wire.proxy
    plain = [m for m in requests(proxy) if m.value(OBSERVE) is None][0]
    assert plain.token != observed.token, plain
    answer = [m for m in proxy.responses() if m.token == plain.token][0]
    content(answer)
    if wire.piggybacked or answer.mtype == ACK:
        same_mid_token(answer, plain)
    else:
        separate(answer, plain, CON)
    assert answer.value(OBSERVE) is None, answer
    count = len(notifications(proxy))
    proxy.wait_for(lambda records: len(notifications(proxy)) >= count + 2)
    assert all(d.message.token == observed.token for d in notifications(proxy) if d.message is not answer)


def cancelled(proxy, observed):
    """OBS_12: the GET that ends the observation."""
    cancel = proxy.wait_for(lambda records: [m for m in requests(proxy) if m.value(OBSERVE) == b"\x01"])[0]
    check_request(cancel, CON, GET, "obs")
    assert cancel.token == observed.token, cancel
    return cancel


def patchy(late):
    """A rule that loses and doubles by chance, but not what follows a loss: what is sent again arrives, and its answer."""
    rule = net.lossy(loss=0.3, duplicate=0.1, reorder=0, late=late)
    passed = 0

    def patched(datagram):
        nonlocal passed
        delays = rule(datagram)
        if passed < 3:
            delays = delays or [0]
        passed = passed + 1 if delays else 0
        return delays

    return patched


def one_at_a_time(proxy, ack_timeout):
    """A notification is sent when the one before it has been acknowledged, or where its retransmission was due, which
    is not before `ack_timeout` seconds."""
    last = None
    acknowledged = {}
    for datagram in proxy.records:
        if datagram.to_server and datagram.message.mtype == ACK and not datagram.dropped:
            acknowledged.setdefault(datagram.message.mid, datagram.time)  # the first one; it may come twice
    for datagram in notifications(proxy):
        if last is not None and datagram.message.mid != last.message.mid:
            gone = acknowledged.get(last.message.mid)
            assert gone is not None and gone <= datagram.time or datagram.time - last.time > ack_timeout, proxy.records
        last = datagram


def stops(proxy, changes=3):
    """Waits until the server tells somebody else of so many changes in a row, and the client nothing new."""
    register = coapmsg.request(GET, "obs-pumping", options=[(OBSERVE, b"")])
    deadline = time.monotonic() + 2 * net.PATIENCE
    said, told, quiet = None, set(), 0
    with net.RawPeer() as witness:
        witness.send(register, proxy.server)
        while quiet < changes:
            assert time.monotonic() < deadline, "it goes on"
            got = witness.recv_bytes(5)
            if got is None:  # it was given up: too busy
                register.mid = chance.mid()
                witness.send(register, proxy.server)
                continue
            message = coapmsg.decode(got[0])
            if message.mtype != CON:
                continue
            witness.send(coapmsg.Message(ACK, 0, message.mid), proxy.server)
            if message.mid not in told:
                told.add(message.mid)
                before, said = said, len(first_copies(proxy, False))
                quiet = quiet + 1 if said == before else 0


def gives_up(proxy, ack_timeout, period):
    """Waits until nothing more comes; what the server sent without being acknowledged."""
    longest = 1.5 * ack_timeout * 2**MAX_RETRANSMIT  # after the last transmission
    stops(proxy, int(longest / period) + 1)
    series = [[]]
    for datagram in proxy.records:
        if datagram.to_server and datagram.message.mtype == ACK and not datagram.dropped:
            series.append([])
        elif not datagram.to_server and datagram.message.is_response and datagram.message.mtype == CON:
            series[-1].append(datagram.message)
    sent = max(series, key=len)
    assert len(sent) <= 1 + MAX_RETRANSMIT, sent
    numbers = [message.uint(OBSERVE) for message in sent]
    # what is repeated tells the state of then; in the shortest timeout it may not have changed
    assert numbers == sorted(numbers) and len(set(numbers)) >= 3, numbers


def went(proxy, path, bodies):
    """IFBL2, FULLIFBL2, GETREST: each body went as a notification or as its first block, and the answers to GETs for the
    others. One that was not the latest any more may have been given up."""
    asked = requests(proxy)
    messages = [d.message for d in first_copies(proxy, False) if d.message.dotted == "2.05"]
    firsts, rests = [], []
    for message in messages:
        answered = [request for request in asked if request.token == message.token]
        for request in answered:
            check_request(request, CON, GET, path)
        number, more, exponent = block_of(message, BLOCK2) or (0, 0, 6)
        if message.value(OBSERVE) is not None:
            firsts.append(message)
            assert number == 0 and any(request.value(OBSERVE) == b"" for request in answered), message
        else:
            rests.append(message)
            wanted = [block_of(request, BLOCK2) for request in answered if request.value(OBSERVE) is None]
            assert (number, 0, exponent) in wanted, (message, wanted)
        (has_full_payload if more else has_rest)(message, exponent)
    for body in bodies:
        found = [first for first in firsts if body.startswith(first.payload)]
        assert found, (body, messages)
        at = len(found[0].payload)
        while at < len(body):
            found = [rest for rest in rests if starts(rest) == at and body.startswith(rest.payload, at)]
            assert found, (body, at, messages)
            at += len(found[0].payload)


def lengths_displayed(proxy, path, displayed):
    """OBS_13 and OBS_14: of representations that begin with their number, and went as they must."""
    assert {code for code, _ in displayed} == {"2.05"}, displayed
    bodies = [body for _, body in displayed]
    states = [int(body.split(b"|")[0]) for body in bodies]
    assert states == sorted(states), states
    went(proxy, path, bodies)
    return [len(body) for body in bodies]


def starts(message):
    """Where in the body its block lies."""
    number, _, exponent = block_of(message, BLOCK2)
    return number << exponent + 4
