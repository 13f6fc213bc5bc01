# SPDX-License-Identifier: MIT
"""The ETSI descriptions with our server (examples/plugtest_server.py) and other clients, checked on the wire."""

import clients
import coapmsg
import exchanges
from coapmsg import CON, DELETE, GET, NON, POST, PUT
from description import check_empty_ack, drop_first, is_ack, is_request, is_response
from harness import cases
from setting import OurServer as Setting

TEXT = (coapmsg.CONTENT_FORMAT, b"")


def against(**peers):
    return cases(**(peers or clients.ALL))


PYTHON_PEERS = {"raw": clients.Raw, "aiocoap": clients.Aiocoap}


@against()
def test_TD_COAP_CORE_01(peer):
    s = Setting(peer)
    exchanges.got(s, s.client.ask(GET, "test"))


@against()
def test_TD_COAP_CORE_02(peer):
    s = Setting(peer)
    exchanges.deleted(s, s.client.ask(DELETE, "test"))


def sends_text(peer, method, mtype=CON):
    s = Setting(peer)
    exchanges.changed(s, s.client.ask(method, "test", con=mtype == CON, payload=b"new", options=[TEXT]), method, mtype)


@against()
def test_TD_COAP_CORE_03(peer):
    sends_text(peer, PUT)


@against()
def test_TD_COAP_CORE_04(peer):
    sends_text(peer, POST)


@against()
def test_TD_COAP_CORE_05(peer):
    s = Setting(peer)
    exchanges.got(s, s.client.ask(GET, "test", con=False), mtype=NON)


@against()
def test_TD_COAP_CORE_06(peer):
    s = Setting(peer)
    exchanges.deleted(s, s.client.ask(DELETE, "test", con=False), NON)


@against()
def test_TD_COAP_CORE_07(peer):
    sends_text(peer, PUT, NON)


@against()
def test_TD_COAP_CORE_08(peer):
    sends_text(peer, POST, NON)


def separate_exchange(peer):
    s = Setting(peer)
    request = exchanges.got_separately(s, s.client.ask(GET, "separate"))
    assert s.proxy.responses()[0].is_empty, s.proxy.records
    return request


@against()
def test_TD_COAP_CORE_09(peer):
    separate_exchange(peer)


@against()
def test_TD_COAP_CORE_10(peer):
    s = Setting(peer)
    request, _ = exchanges.got(s, s.client.ask(GET, "test"))
    assert 1 <= len(request.token) <= 8, request


@against()
def test_TD_COAP_CORE_11(peer):
    request = separate_exchange(peer)
    assert 1 <= len(request.token) <= 8, request


@against(raw=clients.Raw)
def test_TD_COAP_CORE_12(peer):
    s = Setting(peer)
    request, _ = exchanges.got(s, s.client.ask(GET, "test", token=b""))
    assert request.token == b"", request


@against()
def test_TD_COAP_CORE_13(peer):
    s = Setting(peer)
    request, _ = exchanges.got(s, s.client.ask(GET, "seg1/seg2/seg3"), None)
    assert request.values(coapmsg.URI_PATH) == [b"seg1", b"seg2", b"seg3"], request


@against()
def test_TD_COAP_CORE_14(peer):
    s = Setting(peer)
    request, response = exchanges.got(s, s.client.ask(GET, "query", query=("first=1", "second=2", "third=3")), "query")
    assert request.values(coapmsg.URI_QUERY) == [b"first=1", b"second=2", b"third=3"], request
    assert response.payload == b"query: first=1&second=2&third=3", response


@against(**PYTHON_PEERS)
def test_TD_COAP_CORE_15(peer):
    for to_server, kind in ((True, is_request), (False, is_response)):
        s = Setting(peer, drop_first(to_server, kind))
        displayed = s.client.ask(GET, "test")
        requests, responses = ([d.data for d in s.proxy.records if d.to_server == way] for way in (True, False))
        assert len(requests) >= 2 and len(set(requests)) == 1, s.proxy.records
        _, response = exchanges.got(s, displayed)
        assert len(responses) >= (1 if to_server else 2) and set(responses) == {response.encode()}, s.proxy.records
        s.server.wait_count("test Request", 1)
        s.server.close()


@cases(
    raw_request=(clients.Raw, True, is_request),
    raw_request_ack=(clients.Raw, False, is_ack),
    raw_response=(clients.Raw, False, is_response),
    raw_response_ack=(clients.Raw, True, is_ack),
    aiocoap_request=(clients.Aiocoap, True, is_request),
    aiocoap_request_ack=(clients.Aiocoap, False, is_ack),
    aiocoap_response=(clients.Aiocoap, False, is_response),
    aiocoap_response_ack=(clients.Aiocoap, True, is_ack),
)
def test_TD_COAP_CORE_16(case):
    peer, to_server, kind = case
    lost_ack = (to_server, kind) == (True, is_ack)
    s = Setting(peer, drop_first(to_server, kind))
    if lost_ack:  # the client has to live on until the response has come again and is acknowledged again

        def settled():  # aiocoap, which knows the token no more, answers the repeated response with RST
            return len([d for d in s.proxy.records if d.to_server and d.message.is_empty]) >= 2

        if peer is clients.Raw:
            displayed = s.client.ask(GET, "separate")
            s.client.linger(settled)
        else:
            displayed = s.client.ask(GET, "separate", until=settled)
    else:
        displayed = s.client.ask(GET, "separate")
    requests, responses = exchanges.copies(s, displayed)
    for ack in [d for d in s.proxy.records if not d.to_server and d.message.is_empty]:
        check_empty_ack(ack, requests[0].message)
    if kind is is_request:
        assert len(requests) >= 2, s.proxy.records
    elif lost_ack or kind is is_response:
        assert len(responses) >= 2 and len({d.data for d in responses}) == 1, s.proxy.records
    s.server.wait_count("separate Request", 1)


@against()
def test_TD_COAP_CORE_17(peer):
    s = Setting(peer)
    exchanges.got(s, s.client.ask(GET, "separate", con=False), "separate", NON)
    s.wire.nothing_more()  # nor was there an ACK before


@against()
def test_TD_COAP_CORE_18(peer):
    s = Setting(peer)
    displayed = s.client.ask(POST, "test", payload=b"create", options=[TEXT])
    exchanges.created(s, displayed, "test", coapmsg.LOCATION_PATH, [b"location1", b"location2", b"location3"])
    assert displayed == ("2.01", b"")
    assert s.client.ask(GET, "location1/location2/location3") == ("2.05", b"create")


@against()
def test_TD_COAP_CORE_19(peer):
    s = Setting(peer)
    displayed = s.client.ask(POST, "location-query", payload=b"create", options=[TEXT])
    exchanges.created(s, displayed, "location-query", coapmsg.LOCATION_QUERY, [b"first=1", b"second=2"])


@against()
def test_TD_COAP_CORE_20(peer):
    s = Setting(peer)
    for accept, text in ((0, b"21.5 C"), (41, b"<temperature unit='C'>21.5</temperature>")):
        displayed = s.client.ask(GET, "multi-format", options=[(coapmsg.ACCEPT, coapmsg.uint(accept))])
        exchanges.accepted(s, displayed, accept)
        assert displayed == ("2.05", text)
    assert s.client.ask(GET, "multi-format", options=[(coapmsg.ACCEPT, b"\x32")])[0] == "4.06"


@against()
def test_TD_COAP_CORE_21(peer):
    exchanges.validates(Setting(peer))


@against()
def test_TD_COAP_CORE_22(peer):
    exchanges.puts_if_match(Setting(peer))


@against()
def test_TD_COAP_CORE_23(peer):
    s = Setting(peer)
    assert s.client.ask(GET, "create1")[0] == "4.04"
    s.wire.request(CON, GET, "create1")
    s.wire.response()
    exchanges.puts_if_none_match(s)
    assert s.client.ask(GET, "create1") == ("2.05", b"created")


@against(raw=clients.Raw)
def test_TD_COAP_CORE_31(peer):
    s = Setting(peer)
    ping = coapmsg.Message(CON)
    s.client.peer.send(ping, s.client.address)
    request = s.wire.next(True)
    assert request.data == bytes([0x40, 0, ping.mid >> 8, ping.mid & 255]), request
    response = s.wire.next(False)
    assert response.data == bytes([0x70, 0, ping.mid >> 8, ping.mid & 255]), response
    assert s.client.peer.recv_bytes()[0] == response.data
