# SPDX-License-Identifier: MIT
"""The ETSI descriptions of observe with our server and other clients; checked on the wire."""

import coapmsg
import observers
import observing
from coapmsg import ACK, CON, DELETE, NON, OBSERVE, PUT
from description import has_code, same_mid_token
from harness import cases
from setting import OurServer

PARTS = 6

PERIOD_MS = 500


def against(**peers):
    return cases(**(peers or observers.ALL))


def begin(peer, path="obs", mtype=CON, rule=None, ack_timeout=2000):
    """The client registers: (setting, notifications to come, request, response)."""
    s = OurServer(lambda port: peer(port, path, mtype == CON), rule, period=PERIOD_MS, ack_timeout=ack_timeout)
    request, response = observing.registered(s.wire, path, mtype)
    return s, observing.Notified(s.wire, request, response, mtype), request, response


def displays(s, messages):
    """What came is displayed, in order; a client that is busy may leave out all but the last."""
    expected = [(m.dotted, m.payload) for m in messages]
    seen = s.client.displayed(lambda seen: expected[-1] in seen)
    seen = seen[: seen.index(expected[-1]) + 1]
    if isinstance(s.client, observers.RawObserver):
        assert seen == expected, (seen, expected)
    places = [expected.index(one) for one in seen]
    assert places == sorted(places), (seen, expected)


@against()
def test_TD_COAP_OBS_01(peer):
    s, notified, _, response = begin(peer)
    displays(s, [response] + [notified.next() for _ in range(4)])


@against()
def test_TD_COAP_OBS_02(peer):
    s, notified, _, response = begin(peer, "obs-non", NON)
    displays(s, [response] + [notified.next() for _ in range(3)])


@against(raw=observers.RawObserver)
def test_TD_COAP_OBS_04(peer):
    s, notified, request, response = begin(peer)
    displays(s, [response, notified.next()])
    s.restart(period=PERIOD_MS)
    # the client notices by Max-Age that it is not told any more
    assert response.uint(coapmsg.MAX_AGE) == 1, response
    s.client.ask(b"")
    renewed = s.proxy.wait_for(lambda records: observing.requests(s.proxy)[1:])[0]
    answer = observing.acknowledged(s.proxy, renewed)
    has_code(answer.message, "2.05")
    same_mid_token(answer.message, renewed)
    assert answer.message.value(OBSERVE) is not None, answer

    def after(records):
        return [d.message for d in records[records.index(answer) + 1 :] if not d.to_server and d.message.mtype != ACK]

    told = s.proxy.wait_for(after)[0]
    assert (told.mtype, told.token) == (CON, request.token) and told.value(OBSERVE) is not None, told


@against()
def test_TD_COAP_OBS_05(peer):
    s, notified, _, _ = begin(peer, ack_timeout=200)
    notified.next()
    if peer is observers.AiocoapObserver:
        s.proxy.rule = lambda datagram: [] if datagram.to_server else [0]  # as good as off: nothing comes from it
    else:
        s.client.off()
    observing.gives_up(s.proxy, 0.2, PERIOD_MS / 1000)


@against(raw=observers.RawObserver)
def test_TD_COAP_OBS_06(peer):
    s, notified, _, _ = begin(peer)
    notified.next()
    s.client.forget()
    observing.rejected(s.proxy)


def final(peer, code, *arguments):
    s, notified, _, _ = begin(peer)
    notified.next()
    observing.change(s.proxy, *arguments)
    notified.final(code)
    if peer is not observers.LibcoapObserver:
        assert s.client.displayed(lambda seen: any(shown == code for shown, _ in seen))[-1][0] == code
    observing.stops(s.proxy)


@against()
def test_TD_COAP_OBS_07(peer):
    final(peer, "4.04", DELETE)


@against()
def test_TD_COAP_OBS_08(peer):
    final(peer, "4.06", PUT, b"<new/>", b"\x29")


@against()
def test_TD_COAP_OBS_09(peer):
    s, notified, _, response = begin(peer)
    observing.change(s.proxy, PUT, b"the new value")
    messages = [response, notified.next()]
    while messages[-1].payload != b"the new value":
        messages.append(notified.next())
    displays(s, messages)


@against(**observers.PYTHON)
def test_TD_COAP_OBS_10(peer):
    s, notified, request, _ = begin(peer)
    notified.next()
    assert s.client.get()[0] == "2.05"
    observing.asked_beside(s.wire, request)


@against()
def test_TD_COAP_OBS_11(peer):
    s = OurServer(lambda port: peer(port, "obs"), observing.patchy(late=0), period=PERIOD_MS)
    displayed = [int(payload) for code, payload in s.client.displayed(lambda seen: len(seen) >= 6)]
    assert displayed == sorted(displayed), displayed
    observing.one_at_a_time(s.proxy, 0.75)


@against(raw=observers.RawObserver)  # aiocoap and libcoap do not deregister by Observe with the token they had
def test_TD_COAP_OBS_12(peer):
    s, notified, request, _ = begin(peer)
    notified.next()
    s.client.cancel()
    answer = has_code(observing.acknowledged(s.proxy, observing.cancelled(s.proxy, request)).message, "2.05")
    assert answer.token == request.token and answer.value(OBSERVE) is None, answer
    observing.stops(s.proxy)


def large(peer, path, enough):
    """Until what is displayed is enough: the lengths."""
    s, _, _, _ = begin(peer, path)
    displayed = s.client.displayed(lambda seen: enough([len(body) for _, body in seen]))
    return observing.lengths_displayed(s.proxy, path, displayed)


@against(**observers.PYTHON)
def test_TD_COAP_OBS_13(peer):
    assert set(large(peer, "obs-large", lambda lengths: len(lengths) >= 4)) == {3000}


@against(**observers.PYTHON)
def test_TD_COAP_OBS_14(peer):
    assert set(large(peer, "obs-pumping", lambda lengths: len(lengths) >= 5 and len(set(lengths)) > 1)) == {50, 3000}
