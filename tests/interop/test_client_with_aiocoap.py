# SPDX-License-Identifier: MIT
"""Our client against an aiocoap server."""

import coapmsg
import net
import programs
from harness import cases

HOST = "127.0.0.1"


# RFC 7252 sections 5.2.1 to 5.2.3: a response to a CON may be separate, one to a NON may be a CON.
RESPONSE_TYPES = {"get": (coapmsg.ACK, coapmsg.CON, coapmsg.NON), "getNonConf": (coapmsg.NON, coapmsg.CON)}


def start():
    site, port = programs.aiocoap_site()
    return programs.client(), site, port


@cases(con="get", non="getNonConf")
def test_get(method):
    agent, _, port = start()
    response = agent.exchange("coap.%s(%r, %d, 'test')" % (method, HOST, port))
    assert response["code"] == coapmsg.code("2.05"), response
    assert response["payload"] == b"welcome to the test resource", response
    assert response["format"] == 0, response
    assert response["type"] in RESPONSE_TYPES[method], response


@cases(put=("put", "2.04"), putNonConf=("putNonConf", "2.04"), post=("post", "2.01"), postNonConf=("postNonConf", "2.01"))
def test_payload_arrives(case):
    method, code = case
    agent, site, port = start()
    response = agent.exchange("coap.%s(%r, %d, 'test', 'hello \\u00e9', None, 0)" % (method, HOST, port))
    assert response["code"] == coapmsg.code(code), response
    site.wait_line(r"test b'hello \\xc3\\xa9'")


@cases(con="delete", non="deleteNonConf")
def test_delete(method):
    agent, _, port = start()
    response = agent.exchange("coap.%s(%r, %d, 'test')" % (method, HOST, port))
    assert response["code"] == coapmsg.code("2.02"), response


@cases(con="get", non="getNonConf")
def test_slow_resource_answers_separately(method):
    agent, _, port = start()
    response = agent.exchange("coap.%s(%r, %d, 'separate')" % (method, HOST, port))
    assert response["payload"] == b"that took long", response
    assert response["type"] in (coapmsg.CON, coapmsg.NON), response


def test_unknown_path_gives_404():
    agent, _, port = start()
    assert agent.exchange("coap.get(%r, %d, 'nosuch')" % (HOST, port))["code"] == coapmsg.code("4.04")


def test_method_not_allowed_gives_405():
    agent, _, port = start()
    assert agent.exchange("coap.post(%r, %d, 'query')" % (HOST, port))["code"] == coapmsg.code("4.05")


@cases(url="coap.get(%r, %d, 'query?first=1&second=2')", argument="coap.send(%r, %d, 'query', 0, 1, b'', None, -1, 'first=1&second=2')")
def test_query(call):
    agent, _, port = start()
    assert agent.exchange(call % (HOST, port))["payload"] == b"first=1&second=2"


def test_percent_encoded_path_names_the_segments():
    agent, _, port = start()
    assert agent.exchange("coap.get(%r, %d, 'caf%%C3%%A9/a%%2Fb')" % (HOST, port))["payload"] == b"odd path"


def test_non_ascii_path_is_utf8():
    agent, _, port = start()
    assert agent.exchange("coap.get(%r, %d, 'caf\u00e9/a%%2Fb')" % (HOST, port))["payload"] == b"odd path"


@cases(text=(0, b"22.3 C"), xml=(41, b"<t unit='C'>22.3</t>"), json=(50, b""))
def test_accept(case):
    accept, payload = case
    agent, _, port = start()
    agent.exec("packet = microcoapy.CoapPacket()\npacket.addOption(17, %r)" % coapmsg.uint(accept))
    response = agent.exchange("coap.sendEx(%r, %d, 'multi-format', packet)" % (HOST, port))
    if accept == 50:
        assert response["code"] == coapmsg.code("4.06"), response
    else:
        assert (response["payload"], response["format"]) == (payload, accept), response


def test_etag_validation():
    agent, _, port = start()
    first = agent.exchange("coap.get(%r, %d, 'validate')" % (HOST, port))
    tag = dict(first["options"])[coapmsg.ETAG]
    agent.exec("packet = microcoapy.CoapPacket()\npacket.addOption(4, %r)" % tag)
    again = agent.exchange("coap.sendEx(%r, %d, 'validate', packet)" % (HOST, port))
    assert (again["code"], again["payload"]) == (coapmsg.code("2.03"), b""), again


def test_location_options_are_delivered():
    agent, _, port = start()
    response = agent.exchange("coap.post(%r, %d, 'test', 'x')" % (HOST, port))
    values = [value for number, value in response["options"] if number == coapmsg.LOCATION_PATH]
    assert values == [b"location1", b"location2", b"location3"], response


@cases(small=1, block_less_one=1023, block=1024)
def test_response_size(size):
    agent, _, port = start()
    response = agent.exchange("coap.get(%r, %d, 'large?%d')" % (HOST, port, size))
    assert response["payload"] == bytes(i % 251 for i in range(size)), len(response["payload"])
    assert response["format"] == 42, response


@cases(put="put", post="post")
def test_payload_of_1000_bytes_comes_back(method):
    agent, _, port = start()
    agent.exec("body = bytes(i % 251 for i in range(1000))")
    response = agent.exchange("coap.%s(%r, %d, 'echo', body, None, 42)" % (method, HOST, port))
    assert response["payload"] == bytes(i % 251 for i in range(1000)), response
    assert response["format"] == 42


def test_ping_gets_pong():
    agent, _, port = start()
    assert agent.eval("coap.send(%r, %d, '', 0, 0, None, None, -1, None)" % (HOST, port)) == 4
    pong = agent.poll_for(1)[0]
    assert (pong["type"], pong["code"]) == (coapmsg.RST, 0), pong


def test_own_token_is_used():
    agent, _, port = start()
    with net.Proxy(port) as proxy:
        for token in (b"t", b"12345678"):
            response = agent.exchange("coap.get(%r, %d, 'test', %r)" % (HOST, proxy.port, token))
            assert response["token"] == token, response
        tokens = [m.token for m in proxy.requests() if m.is_request]
        assert list(dict.fromkeys(tokens)) == [b"t", b"12345678"], tokens


def test_hundred_exchanges_over_a_lossy_network():
    agent, site, port = start()
    agent.exec("coap.stop()\ncoap = new(ack_timeout=50, max_retransmit=10)\ncoap.start(%d)" % agent.port)
    with net.Proxy(port, net.lossy(loss=0.15, duplicate=0.1, reorder=0.1, late=0.02)) as proxy:
        for number in range(100):
            response = agent.exchange("coap.post(%r, %d, 'echo', 'number %d')" % (HOST, proxy.port, number))
            assert response["payload"] == b"number %d" % number, (number, response)
        assert any(d.dropped for d in proxy.records)
    assert len(agent.of("response")) == 100
