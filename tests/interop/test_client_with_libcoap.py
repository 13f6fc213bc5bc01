# SPDX-License-Identifier: MIT
"""Our client against libcoap's coap-server."""

import re

import coapmsg
import net
import programs
from harness import cases

HOST = "127.0.0.1"


# RFC 7252 sections 5.2.1 to 5.2.3: a response to a CON may be separate, one to a NON may be a CON.
TO_CON = (coapmsg.ACK, coapmsg.CON, coapmsg.NON)
TO_NON = (coapmsg.NON, coapmsg.CON)


def start(*options):
    _, port = programs.libcoap_server(*options)
    return programs.client(), port


@cases(con="get", non="getNonConf")
def test_get_time(method):
    agent, port = start()
    response = agent.exchange("coap.%s(%r, %d, 'time')" % (method, HOST, port))
    assert response["code"] == coapmsg.code("2.05"), response
    assert re.match(rb"\w{3} \d\d \d\d:\d\d:\d\d$", response["payload"]), response
    assert response["type"] in (TO_CON if method == "get" else TO_NON), response
    assert response["sender"] == (HOST, port), response


def test_get_root():
    agent, port = start()
    response = agent.exchange("coap.get(%r, %d, '')" % (HOST, port))
    assert response["payload"].startswith(b"This is a test server made with libcoap"), response


def test_get_well_known_core():
    agent, port = start()
    response = agent.exchange("coap.get(%r, %d, '/.well-known/core')" % (HOST, port))
    assert response["format"] == 40, response
    assert b"</time>" in response["payload"], response


def test_separate_response_of_async():
    program, port = programs.libcoap_server()
    with net.Proxy(port) as proxy:
        agent = programs.client()
        response = agent.exchange("coap.get(%r, %d, 'async?1')" % (HOST, proxy.port))
        assert response["payload"] == b"done" and response["type"] in (coapmsg.CON, coapmsg.NON), response
        assert all(m.mtype == coapmsg.ACK for m in proxy.responses() if m.is_empty), proxy.records
        if response["type"] == coapmsg.CON:
            ack = coapmsg.Message(coapmsg.ACK, mid=response["mid"]).encode()
            proxy.wait_for(lambda records: any(d.data == ack for d in records if d.to_server))
            program.wait_line("i:%04x" % response["mid"])


def test_unknown_path_gives_404():
    agent, port = start()
    response = agent.exchange("coap.get(%r, %d, 'no/such/thing')" % (HOST, port))
    assert response["code"] == coapmsg.code("4.04"), response


def test_put_get_delete_a_created_resource():
    agent, port = start("-d", "10")
    where = "%r, %d, 'made/here'" % (HOST, port)
    assert agent.exchange("coap.put(%s, 'first')" % where)["code"] == coapmsg.code("2.01")
    assert agent.exchange("coap.get(%s)" % where)["payload"] == b"first"
    assert agent.exchange("coap.put(%s, b'second', None, 0)" % where)["code"] == coapmsg.code("2.04")
    assert agent.exchange("coap.get(%s)" % where)["payload"] == b"second"
    assert agent.exchange("coap.delete(%s)" % where)["code"] == coapmsg.code("2.02")
    assert agent.exchange("coap.get(%s)" % where)["code"] == coapmsg.code("4.04")


def test_put_and_delete_non_confirmable():
    agent, port = start("-d", "10")
    where = "%r, %d, 'made'" % (HOST, port)
    put = agent.exchange("coap.putNonConf(%s, 'first')" % where)
    assert put["type"] in TO_NON and put["code"] == coapmsg.code("2.01"), put
    assert agent.exchange("coap.getNonConf(%s)" % where)["payload"] == b"first"
    delete = agent.exchange("coap.deleteNonConf(%s)" % where)
    assert delete["type"] in TO_NON and delete["code"] == coapmsg.code("2.02"), delete


def test_post_where_not_allowed_gives_405():
    agent, port = start()
    response = agent.exchange("coap.post(%r, %d, 'time', 'x')" % (HOST, port))
    assert response["code"] == coapmsg.code("4.05"), response


def test_payload_of_900_bytes_comes_back():
    agent, port = start("-d", "10")
    agent.exec("body = bytes(i % 251 for i in range(900))")
    sent = agent.eval("coap.put(%r, %d, 'big', body)" % (HOST, port))
    assert sent > 900, sent
    assert agent.poll_for(1)[0]["code"] == coapmsg.code("2.01")
    response = agent.exchange("coap.get(%r, %d, 'big')" % (HOST, port))
    assert response["payload"] == bytes(i % 251 for i in range(900)), len(response["payload"])


def test_query_reaches_the_server():
    agent, port = start()
    response = agent.exchange("coap.get(%r, %d, 'time?ticks')" % (HOST, port))
    assert response["payload"].isdigit(), response


def test_ping_gets_pong():
    agent, port = start()
    ping = "coap.send(%r, %d, '', 0, 0, None, None, -1, None)" % (HOST, port)
    assert agent.eval(ping) == 4
    pong = agent.poll_for(1)[0]
    assert (pong["type"], pong["code"], pong["payload"]) == (coapmsg.RST, 0, b""), pong


def test_lost_answer_is_asked_for_again():
    _, port = programs.libcoap_server()
    with net.Proxy(port, net.drop(False, 0)) as proxy:
        agent = programs.client("ack_timeout=200, max_retransmit=8")
        response = agent.exchange("coap.get(%r, %d, 'time')" % (HOST, proxy.port))
        assert response["code"] == coapmsg.code("2.05"), response
        again = agent.stats()["retransmitted"]  # no more of them: it has its response
        assert again >= 1
        proxy.wait_for(lambda records: sum(d.to_server for d in records) > again)
        sent = [d.data for d in proxy.records if d.to_server]
        assert sent == [sent[0]] * (again + 1), sent
