# SPDX-License-Identifier: MIT
"""The ETSI descriptions of observe with our client and two servers; checked on the wire."""

import functools
import subprocess
import threading

import clients
import coapmsg
import net
import programs
from coapmsg import ACK, CON, DELETE, GET, NON, OBSERVE, PUT, RST
from description import content, has_code
from harness import cases, limit
from observing import Notified, notifications, one_at_a_time, registered, stops
from setting import OurLoop, plugtest_server

# Seconds between changes; representations are fresh for two.
PERIOD = 0.5


def aiocoap_site(port=None):
    return programs.aiocoap_site(port, PERIOD)


def our_site(port=None, ack_timeout=500):
    return plugtest_server(port, int(1000 * PERIOD), ack_timeout)


SITES = {"aiocoap": aiocoap_site, "microcoapy": our_site}


def against(**sites):
    return cases(**(sites or SITES))


def begin(site, path="obs", mtype=CON, rule=None, port=0, parameters=""):
    """Registers; (setting, notifications to come)."""
    s = OurLoop(site, rule, parameters, port)
    s.observe(path, *([] if mtype == CON else ["non=True"]))
    request, response = registered(s.wire, path, mtype)
    return s, request, response


def displays(s, messages):
    """Each of them was displayed, in order, the registration's answer first."""
    expected = [(m.dotted, m.payload) for m in messages]
    assert s.displayed(len(expected))[: len(expected)] == expected, s.agent.events


@against()
@limit(90)
def test_TD_COAP_OBS_01(site):
    s, request, response = begin(site)
    notified = Notified(s.wire, request, response)
    displays(s, [response] + [notified.next() for _ in range(4)])


@against()
@limit(90)
def test_TD_COAP_OBS_02(site):
    s, request, response = begin(site, "obs-non", NON)
    notified = Notified(s.wire, request, response, NON)
    displays(s, [response] + [notified.next() for _ in range(3)])


@against()
@limit(90)
def test_TD_COAP_OBS_04(site):
    s, request, response = begin(site)
    notified = Notified(s.wire, request, response)
    displays(s, [response, notified.next()])
    # The server loses its state. What was on its way is read.
    s.server.kill()
    s.server.close()
    count = len(s.agent.of("displayed"))
    s.server, _ = site(s.port)
    answers = len(s.proxy.responses())

    def again(records):
        return [d.message for d in records if d.to_server and d.message.is_request][1:]

    renewed = s.proxy.wait_for(again, 40)[0]
    assert (renewed.mtype, renewed.code, renewed.path) == (CON, GET, "obs"), renewed
    assert renewed.token == request.token and renewed.value(OBSERVE) == b"", renewed
    after = s.proxy.wait_for(lambda records: [d.message for d in records if not d.to_server][answers:][2:] or None, 40)
    assert s.displayed(count + 2), "it goes on"
    responses = s.proxy.responses()[answers:]
    assert responses[0].mtype == ACK and responses[0].mid in [m.mid for m in again(s.proxy.records)], responses
    assert all(m.token == request.token and m.value(OBSERVE) is not None for m in responses), responses
    assert after


@against(microcoapy=functools.partial(our_site, ack_timeout=100))
@limit(120)
def test_TD_COAP_OBS_05(site):
    s, request, response = begin(site)
    Notified(s.wire, request, response).next()
    s.agent.kill()
    stops(s.proxy, 5, 60)
    unacknowledged = [d.message for d in notifications(s.proxy)][-3:]
    numbers = [m.uint(OBSERVE) for m in unacknowledged]
    assert numbers == sorted(numbers) and numbers[0] < numbers[-1], "retransmissions have newer values"


@against()
@limit(90)
def test_TD_COAP_OBS_06(site):
    port = net.free_port()
    s, request, response = begin(site, port=port)
    Notified(s.wire, request, response).next()
    s.agent.kill()
    s.agent.close()
    s.start(port)
    s.agent.exec("serving = serve(coap)")
    reset = s.proxy.wait_for(lambda records: [d for d in records if d.to_server and d.message.mtype == RST], 30)
    assert reset[0].message.mid in [d.message.mid for d in notifications(s.proxy)]
    stops(s.proxy, 3 * PERIOD, 20)
    assert s.agent.of("displayed") == []


def change(s, method, payload=b"", content_format=b""):
    """Another client changes /obs, not through the proxy."""
    with net.RawPeer() as other:
        options = [(coapmsg.CONTENT_FORMAT, content_format)] if method == PUT else []
        answer = other.ask(coapmsg.request(method, "obs", options=options, payload=payload), ("127.0.0.1", s.port))
        assert answer.code >> 5 == 2, answer


def final(site, code, *arguments):
    s, request, response = begin(site)
    notified = Notified(s.wire, request, response)
    notified.next()
    change(s, *arguments)
    notified.final(code)
    stops(s.proxy, 3 * PERIOD, 20)
    displayed = s.displayed(2)
    assert displayed[-1][0] == code and s.agent.eval("observation.done()"), displayed
    assert s.agent.eval("coap.stats()['observations_in_use']") == 0


@against()
@limit(90)
def test_TD_COAP_OBS_07(site):
    final(site, "4.04", DELETE)


@against()
@limit(90)
def test_TD_COAP_OBS_08(site):
    final(site, "4.06", PUT, b"<new/>", b"\x29")


@against()
@limit(90)
def test_TD_COAP_OBS_09(site):
    s, request, response = begin(site)
    notified = Notified(s.wire, request, response)
    change(s, PUT, b"the new value")
    message = notified.next()
    while message.payload != b"the new value":
        message = notified.next()
    s.agent.wait(lambda: True if any(e.get("payload") == b"the new value" for e in s.agent.events) else None, 10, "new value")


@against()
@limit(90)
def test_TD_COAP_OBS_10(site):
    s, request, response = begin(site)
    Notified(s.wire, request, response).next()
    code, _ = s.ask("get", "obs")
    assert code == "2.05"
    plain = [m for m in s.proxy.requests() if m.is_request][-1]
    assert plain.token != request.token and plain.value(OBSERVE) is None, plain
    answer = [m for m in s.proxy.responses() if m.token == plain.token][0]
    content(answer, plain)
    assert answer.value(OBSERVE) is None, answer
    count = len(notifications(s.proxy))
    s.proxy.wait_for(lambda records: len(notifications(s.proxy)) >= count + 2, 20)
    assert s.displayed(4)
    assert all(d.message.token == request.token for d in notifications(s.proxy))


@against()
@limit(120)
def test_TD_COAP_OBS_11(site):
    s = OurLoop(site, net.lossy(11, loss=0.2, duplicate=0.1, reorder=0), "ack_timeout=300")
    s.observe("obs")
    displayed = s.agent.wait_events("displayed", 8, 100)
    coapmsg.check_order(displayed, lambda event: int(event["payload"]))
    one_at_a_time(s.proxy, 0.3)


@against()
@limit(90)
def test_TD_COAP_OBS_12(site):
    s, request, response = begin(site)
    Notified(s.wire, request, response).next()
    s.agent.exec("observation.cancel()")
    cancels = s.proxy.wait_for(lambda records: [d.message for d in records if d.to_server and d.message.is_request][1:], 10)
    cancel = cancels[0]
    assert (cancel.mtype, cancel.code, cancel.path) == (CON, GET, "obs"), cancel
    assert cancel.token == request.token and cancel.uint(OBSERVE) == 1, cancel
    answers = s.proxy.wait_for(lambda records: [d.message for d in records if not d.to_server and d.message.mid == cancel.mid], 10)
    has_code(answers[0], "2.05")
    assert answers[0].token == request.token and answers[0].value(OBSERVE) is None, answers
    stops(s.proxy, 3 * PERIOD, 20)
    s.agent.run("while coap.stats()['exchanges_in_use']: await asyncio.sleep_ms(10)")


class Example:
    """libcoap's server with a long /example_data that something else replaces again and again.

    aiocoap 0.4.17 does not divide its notifications into blocks.
    """

    def __init__(self, lengths):
        self.lengths = lengths

    def __call__(self):
        server, port = programs.libcoap_server()
        raw = clients.Raw(port)
        count = 0

        def replace():
            payload = b"%d|" % count + bytes(i % 251 for i in range(self.lengths[count % len(self.lengths)]))
            block = 6 if len(payload) > 1024 else None
            raw.ask(PUT, "example_data", payload=payload, options=[(coapmsg.CONTENT_FORMAT, b"\x2a")], block=block)

        def change():
            nonlocal count
            while server.process.poll() is None:
                try:
                    server.process.wait(PERIOD)
                except subprocess.TimeoutExpired:
                    count += 1
                    replace()

        replace()
        threading.Thread(target=change, daemon=True).start()
        return server, port


def large(site, path, rounds):
    if isinstance(site, Example):
        path = "example_data"
    s = OurLoop(site)
    s.observe(path)
    request, response = registered(s.wire, path)
    notified = Notified(s.wire, request, response, path=path)
    bodies = [notified.whole(response)]
    for _ in range(rounds):
        bodies.append(notified.whole(notified.next()))
    expected = [("2.05", body) for body in bodies]
    assert s.displayed(len(expected))[: len(expected)] == expected
    return bodies


@against(libcoap=Example((3000,)), microcoapy=our_site)
@limit(90)
def test_TD_COAP_OBS_13(site):
    assert all(len(body) >= 3000 for body in large(site, "obs-large", 3))


@against(libcoap=Example((50, 3000)), microcoapy=our_site)
@limit(90)
def test_TD_COAP_OBS_14(site):
    lengths = [len(body) for body in large(site, "obs-pumping", 4)]
    assert min(lengths) < 100 and max(lengths) >= 3000, lengths
