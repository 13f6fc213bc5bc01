# SPDX-License-Identifier: MIT
"""The ETSI descriptions of observe with our client and two servers; checked on the wire."""

import functools

import clients
import coapmsg
import net
import observing
import programs
from coapmsg import ACK, CON, DELETE, GET, NON, OBSERVE, PUT
from description import has_code, same_mid_token
from harness import cases
from setting import OurLoop, plugtest_server

PARTS = 6

# Seconds between changes; representations are fresh for two.
PERIOD = 0.5


def aiocoap_site(port=None):
    return programs.aiocoap_site(port, PERIOD)


def our_site(port=None, ack_timeout=2000):
    return plugtest_server(port, int(1000 * PERIOD), ack_timeout)


SITES = {"aiocoap": aiocoap_site, "microcoapy": our_site}


def against(**sites):
    return cases(**(sites or SITES))


def begin(site, path="obs", mtype=CON, rule=None, port=0, parameters=""):
    """Registers: (setting, notifications to come, request, response)."""
    s = OurLoop(site, rule, parameters, port)
    s.observe(path, *([] if mtype == CON else ["non=True"]))
    request, response = observing.registered(s.wire, path, mtype)
    return s, observing.Notified(s.wire, request, response, mtype), request, response


def displays(s, messages):
    """Each of them was displayed, in order, the registration's answer first."""
    expected = [(m.dotted, m.payload) for m in messages]
    assert s.displayed(len(expected))[: len(expected)] == expected, s.agent.events


@against()
def test_TD_COAP_OBS_01(site):
    s, notified, _, response = begin(site)
    displays(s, [response] + [notified.next() for _ in range(4)])


@against()
def test_TD_COAP_OBS_02(site):
    s, notified, _, response = begin(site, "obs-non", NON)
    displays(s, [response] + [notified.next() for _ in range(3)])


@against()
def test_TD_COAP_OBS_04(site):
    s, notified, request, response = begin(site)
    displays(s, [response, notified.next()])
    # The server loses its state.
    s.server.kill()
    s.server.close()
    s.server, _ = site(s.port)
    renewed = s.proxy.wait_for(lambda records: observing.requests(s.proxy)[1:])[0]
    assert (renewed.mtype, renewed.code, renewed.path) == (CON, GET, "obs"), renewed
    assert renewed.token == request.token and renewed.value(OBSERVE) == b"", renewed

    def after(records):
        """Three responses to the new registration."""
        asked = next(place for place, d in enumerate(records) if d.message.mid == renewed.mid and d.to_server)
        found = {d.message.mid: d.message for d in records[asked:] if not d.to_server and d.message.is_response}
        return list(found.values())[:3] if len(found) >= 3 else None

    responses = s.proxy.wait_for(after)
    if responses[0].mtype == ACK:
        same_mid_token(responses[0], renewed)
    assert all(m.token == request.token and m.value(OBSERVE) is not None for m in responses), responses
    expected = [(m.dotted, m.payload) for m in responses]

    def goes_on():
        seen = s.displayed()
        return True if any(seen[at : at + 3] == expected for at in range(len(seen))) else None

    s.agent.wait(goes_on, net.PATIENCE, "%r in what is displayed" % expected)


@against(microcoapy=functools.partial(our_site, ack_timeout=200))
def test_TD_COAP_OBS_05(site):
    s, notified, _, _ = begin(site)
    notified.next()
    s.agent.kill()
    observing.gives_up(s.proxy, 0.2, PERIOD)


@against()
def test_TD_COAP_OBS_06(site):
    port = net.free_port()
    s, notified, _, _ = begin(site, port=port)
    notified.next()
    s.agent.kill()
    s.agent.close()
    s.start(port)
    s.agent.exec("serving = serve(coap)")
    observing.rejected(s.proxy)
    assert s.agent.of("displayed") == []


def final(site, code, *arguments):
    s, notified, _, _ = begin(site)
    notified.next()
    observing.change(s.proxy, *arguments)
    notified.final(code)
    observing.stops(s.proxy)
    s.agent.wait(lambda: s.displayed()[-1][0] == code or None, net.PATIENCE, "%s displayed" % code)
    assert s.agent.eval("observation.done()")
    assert s.agent.eval("coap.stats()['observations_in_use']") == 0


@against()
def test_TD_COAP_OBS_07(site):
    final(site, "4.04", DELETE)


@against()
def test_TD_COAP_OBS_08(site):
    final(site, "4.06", PUT, b"<new/>", b"\x29")


@against()
def test_TD_COAP_OBS_09(site):
    s, notified, _, _ = begin(site)
    observing.change(s.proxy, PUT, b"the new value")
    message = notified.next()
    while message.payload != b"the new value":
        message = notified.next()
    s.agent.wait(lambda: True if any(e.get("payload") == b"the new value" for e in s.agent.events) else None, net.PATIENCE, "new value")


@against()
def test_TD_COAP_OBS_10(site):
    s, notified, request, _ = begin(site)
    notified.next()
    code, _ = s.ask("get", "obs")
    assert code == "2.05"
    observing.asked_beside(s.wire, request)
    assert s.displayed(4)


@against()
def test_TD_COAP_OBS_11(site):
    s = OurLoop(site, observing.patchy(late=0.05), "ack_timeout=1000")
    s.observe("obs")
    displayed = s.agent.wait_events("displayed", 6)
    coapmsg.check_order(displayed, lambda event: int(event["payload"]))
    observing.one_at_a_time(s.proxy, 0.75)


@against()
def test_TD_COAP_OBS_12(site):
    s, notified, request, _ = begin(site)
    notified.next()
    s.agent.exec("observation.cancel()")
    cancel = observing.cancelled(s.proxy, request)
    answers = s.proxy.wait_for(lambda records: [m for m in s.proxy.responses() if m.is_response and m.value(OBSERVE) is None])
    has_code(answers[0], "2.05")
    assert answers[0].token == request.token and (answers[0].mtype, answers[0].mid) in ((ACK, cancel.mid), (CON, answers[0].mid))
    observing.stops(s.proxy)
    s.agent.run("while coap.stats()['exchanges_in_use']: await asyncio.sleep_ms(10)")


class Example:
    """libcoap's server with a long /example_data, which is replaced when asked to.

    aiocoap 0.4.17 does not divide its notifications into blocks.
    """

    def __init__(self, lengths):
        self.lengths = lengths

    def __call__(self):
        server, port = programs.libcoap_server()
        self.raw = clients.Raw(port)
        self.count = 0
        self.replace()
        return server, port

    def replace(self):
        length = self.lengths[self.count % len(self.lengths)]
        payload = b"%d|" % self.count + bytes(i % 251 for i in range(length))
        self.count += 1
        block = 6 if len(payload) > 1024 else None
        self.raw.ask(PUT, "example_data", payload=payload, options=[(coapmsg.CONTENT_FORMAT, b"\x2a")], block=block)


def large(site, path, enough):
    """Until what is displayed is enough: the lengths."""
    if isinstance(site, Example):
        path = "example_data"
    s = OurLoop(site)
    s.observe(path)
    observing.registered(s.wire, path)
    displayed = []
    while not enough([len(body) for _, body in displayed]):
        if displayed and isinstance(site, Example):
            site.replace()
        displayed = s.displayed(len(displayed) + 1)
    return observing.lengths_displayed(s.proxy, path, displayed)


@against(libcoap=Example((3000,)), microcoapy=our_site)
def test_TD_COAP_OBS_13(site):
    assert min(large(site, "obs-large", lambda lengths: len(lengths) >= 4)) >= 3000


@against(libcoap=Example((50, 3000)), microcoapy=our_site)
def test_TD_COAP_OBS_14(site):
    lengths = large(site, "obs-pumping", lambda lengths: len(lengths) >= 5 and max(lengths) >= 3000 > 100 > min(lengths))
    assert min(lengths) < 100 and max(lengths) >= 3000, lengths
