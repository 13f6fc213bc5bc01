# SPDX-License-Identifier: MIT
"""The ETSI descriptions of observe with our server and other clients; checked on the wire."""

import coapmsg
import net
import observers
from coapmsg import ACK, CON, DELETE, GET, NON, OBSERVE, PUT, RST
from description import content, has_code
from harness import cases, limit
from observing import Notified, notifications, one_at_a_time, registered, stops
from setting import OurServer

PERIOD_MS = 500


def against(**peers):
    return cases(**(peers or observers.ALL))


def begin(peer, path="obs", mtype=CON, rule=None, ack_timeout=2000, **options):
    """The client registers: (setting, observer, notifications to come, request, response)."""
    s = OurServer(lambda port: peer(port, path, mtype == CON, **options), rule, period=PERIOD_MS, ack_timeout=ack_timeout)
    request, response = registered(s.wire, path, mtype)
    return s, Notified(s.wire, request, response, mtype, path), request, response


def displays(s, messages):
    expected = [(m.dotted, m.payload) for m in messages]
    assert s.client.displayed(len(expected))[: len(expected)] == expected


@against()
@limit(90)
def test_TD_COAP_OBS_01(peer):
    s, notified, _, response = begin(peer)
    displays(s, [response] + [notified.next() for _ in range(4)])


@against()
@limit(90)
def test_TD_COAP_OBS_02(peer):
    s, notified, _, response = begin(peer, "obs-non", NON)
    displays(s, [response] + [notified.next() for _ in range(3)])


@against(raw=observers.RawObserver)
@limit(90)
def test_TD_COAP_OBS_04(peer):
    s, notified, request, response = begin(peer)
    displays(s, [response, notified.next()])
    s.restart(period=PERIOD_MS)
    answers = len(s.proxy.responses())
    # the client notices by Max-Age that it is not told any more
    assert response.uint(coapmsg.MAX_AGE) == 1, response
    s.client.ask(b"")
    again = s.proxy.wait_for(lambda records: [d.message for d in records if not d.to_server][answers:] or None)[0]
    has_code(again, "2.05")
    assert (again.mtype, again.token) == (ACK, request.token) and again.value(OBSERVE) is not None, again
    told = s.proxy.wait_for(lambda records: [d.message for d in records if not d.to_server][answers + 1 :] or None)[0]
    assert (told.mtype, told.token) == (CON, request.token) and told.value(OBSERVE) is not None, told


@against()
@limit(120)
def test_TD_COAP_OBS_05(peer):
    s, notified, request, _ = begin(peer, ack_timeout=200)
    notified.next()
    before = len(notifications(s.proxy))
    if peer is observers.AiocoapObserver:
        s.proxy.rule = lambda datagram: [] if datagram.to_server else [0]  # as good as off: nothing comes from it
    else:
        s.client.off()
    stops(s.proxy, 6, 90)
    numbers = [d.message.uint(OBSERVE) for d in notifications(s.proxy)[before:]]
    # what is repeated tells the state of then; in the shortest timeout it may not have changed
    assert numbers == sorted(numbers) and len(set(numbers)) >= 3, numbers


@against(raw=observers.RawObserver)
@limit(90)
def test_TD_COAP_OBS_06(peer):
    s, notified, _, _ = begin(peer)
    notified.next()
    s.client.forget()
    reset = s.proxy.wait_for(lambda records: [d for d in records if d.to_server and d.message.mtype == RST], 30)
    assert reset[0].message.mid == notifications(s.proxy)[-1].message.mid
    stops(s.proxy, 3 * PERIOD_MS / 1000, 20)


def change(s, method, payload=b"", content_format=b""):
    """Another client changes /obs, not through the proxy."""
    with net.RawPeer() as other:
        options = [(coapmsg.CONTENT_FORMAT, content_format)] if method == PUT else []
        answer = other.ask(coapmsg.request(method, "obs", options=options, payload=payload), s.proxy.server)
        assert answer.code >> 5 == 2, answer


def final(peer, code, *arguments):
    s, notified, _, _ = begin(peer)
    notified.next()
    change(s, *arguments)
    notified.final(code)
    if peer is not observers.LibcoapObserver:
        count = len([d for d in notifications(s.proxy)]) + 1
        assert s.client.displayed(count)[-1][0] == code
    stops(s.proxy, 3 * PERIOD_MS / 1000, 20)


@against()
@limit(90)
def test_TD_COAP_OBS_07(peer):
    final(peer, "4.04", DELETE)


@against()
@limit(90)
def test_TD_COAP_OBS_08(peer):
    final(peer, "4.06", PUT, b"<new/>", b"\x29")


@against()
@limit(90)
def test_TD_COAP_OBS_09(peer):
    s, notified, _, response = begin(peer)
    change(s, PUT, b"the new value")
    messages = [response, notified.next()]
    while messages[-1].payload != b"the new value":
        messages.append(notified.next())
    displays(s, messages)


@against(**observers.PYTHON)
@limit(90)
def test_TD_COAP_OBS_10(peer):
    s, notified, request, _ = begin(peer)
    notified.next()
    if peer is observers.RawObserver:
        s.client.ask(None, token=b"get2")
    else:
        assert s.client.get("obs")[0] == "2.05"
    plain = s.proxy.wait_for(lambda records: [d.message for d in records if d.to_server and d.message.is_request][1:] or None)[0]
    assert plain.token != request.token and plain.value(OBSERVE) is None, plain
    answer = s.proxy.wait_for(lambda records: [d.message for d in records if not d.to_server and d.message.token == plain.token])[0]
    content(answer, plain)
    assert answer.value(OBSERVE) is None, answer
    count = len(notifications(s.proxy))
    s.proxy.wait_for(lambda records: len(notifications(s.proxy)) >= count + 2, 20)
    assert all(d.message.token == request.token for d in notifications(s.proxy))


@against()
@limit(120)
def test_TD_COAP_OBS_11(peer):
    lossy = net.lossy(12, loss=0.2, duplicate=0.1, reorder=0)
    s = OurServer(lambda port: peer(port, "obs"), lossy, period=PERIOD_MS)
    displayed = [int(payload) for code, payload in s.client.displayed(8, 100)]
    assert displayed == sorted(displayed), displayed
    one_at_a_time(s.proxy, 1.5)


@against(raw=observers.RawObserver)  # aiocoap and libcoap do not deregister by Observe with the token they had
@limit(90)
def test_TD_COAP_OBS_12(peer):
    s, notified, request, _ = begin(peer)
    notified.next()
    s.client.cancel()
    requests = s.proxy.wait_for(lambda records: [d.message for d in records if d.to_server and d.message.is_request][1:] or None)
    cancel = requests[0]
    assert (cancel.code, cancel.path, cancel.token, cancel.uint(OBSERVE)) == (GET, "obs", request.token, 1), cancel
    answers = s.proxy.wait_for(lambda records: [d.message for d in records if not d.to_server and d.message.mid == cancel.mid])
    has_code(answers[0], "2.05")
    assert answers[0].token == request.token and answers[0].value(OBSERVE) is None, answers
    stops(s.proxy, 3 * PERIOD_MS / 1000, 20)


def large(peer, path, rounds):
    s, notified, _, response = begin(peer, path)
    bodies = [notified.whole(response)]
    for _ in range(rounds):
        bodies.append(notified.whole(notified.next()))
    displayed = s.client.displayed(len(bodies))
    assert displayed[: len(bodies)] == [("2.05", body) for body in bodies]
    return [len(body) for body in bodies]


@against(**observers.PYTHON)
@limit(90)
def test_TD_COAP_OBS_13(peer):
    assert set(large(peer, "obs-large", 3)) == {3000}


@against(**observers.PYTHON)
@limit(90)
def test_TD_COAP_OBS_14(peer):
    assert set(large(peer, "obs-pumping", 4)) == {50, 3000}
