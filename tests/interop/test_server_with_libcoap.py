# SPDX-License-Identifier: MIT
"""Our server against libcoap's coap-client."""

import coapmsg
import net
import programs
from harness import cases

SETUP = """
resource(coap, "current/measure", "222")
resource(coap, "echo", lambda packet: packet.payload, 68)
resource(coap, "", "root")
resource(coap, "format", "{}", 69, 50)
resource(coap, "nothing", code=None)
resource(coap, "query", lambda packet: packet.query)
resource(coap, "gone", "", 66)
later = []
resource(coap, "slow", code=None, then=lambda *arguments: later.append(arguments))
"""


def ask(port, path, *options):
    """(payload, log) of one coap-client run."""
    return programs.libcoap_fetch("coap://127.0.0.1:%d/%s" % (port, path), *options)


@cases(con=(), non=("-N",))
def test_get(options):
    server, port = programs.server(SETUP)
    payload, log = ask(port, "current/measure", *options)
    assert payload == b"222", (payload, log)
    request = server.wait_events("request")[0]
    assert request["type"] == (coapmsg.NON if options else coapmsg.CON), request
    assert ("t:NON c:2.05" if options else "t:ACK c:2.05") in log, log


def test_get_root():
    _, port = programs.server(SETUP)
    assert ask(port, "")[0] == b"root"


@cases(put="put", post="post")
def test_payload_arrives(method):
    server, port = programs.server(SETUP)
    payload, log = ask(port, "echo", "-m", method, "-e", "hello", "-t", "0")
    assert "t:ACK c:2.04" in log, log
    request = server.wait_events("request")[0]
    assert request["payload"] == b"hello", request
    assert request["code"] == {"put": 3, "post": 2}[method], request
    assert request["format"] == 0, request
    assert "'hello'" in log.split("t:ACK")[1], log


@cases(put="put", post="post", delete="delete")
def test_non_confirmable(method):
    server, port = programs.server(SETUP)
    body = () if method == "delete" else ("-e", "x")
    _, log = ask(port, "echo", "-N", "-m", method, *body)
    assert "t:NON c:2.04" in log, log
    assert server.wait_events("request")[0]["type"] == coapmsg.NON


def test_delete():
    server, port = programs.server(SETUP)
    _, log = ask(port, "gone", "-m", "delete")
    assert "t:ACK c:2.02" in log, log
    assert server.wait_events("request")[0]["code"] == coapmsg.DELETE


def test_unknown_path_gives_404():
    server, port = programs.server(SETUP)
    _, log = ask(port, "no/such")
    assert "c:4.04" in log, log
    assert not server.of("request")


def test_content_format_is_sent():
    _, port = programs.server(SETUP)
    payload, log = ask(port, "format")
    assert payload == b"{}" and "Content-Format:application/json" in log, log


def test_query_arrives_as_sent():
    server, port = programs.server(SETUP)
    assert ask(port, "query?a=1&b=two")[0] == b"a=1&b=two"
    assert server.wait_events("request")[0]["query"] == b"a=1&b=two"


def test_payload_of_900_bytes_comes_back():
    _, port = programs.server(SETUP)
    text = "0123456789" * 90
    payload, log = ask(port, "echo", "-m", "put", "-e", text)
    assert payload == text.encode(), (len(payload), log)


def test_unknown_critical_option_gives_402():
    server, port = programs.server(SETUP)
    _, log = ask(port, "echo", "-O", "65001,0x01")
    assert "c:4.02" in log, log
    assert not server.of("request")


def test_unknown_elective_option_is_ignored():
    _, port = programs.server(SETUP)
    payload, log = ask(port, "current/measure", "-O", "65000,0x01")
    assert payload == b"222", log


def test_separate_response():
    server, port = programs.server(SETUP)
    with net.Proxy(port) as proxy:
        url = "coap://127.0.0.1:%d/slow" % proxy.port
        client = programs.Program([programs.needs("coap-client-notls"), "-v", "7", "-B", "60", url])
        proxy.wait_for(lambda records: [d for d in records if not d.to_server])
        server.exec(
            "request, ip, port = later.pop()\n"
            "coap.sendResponse(ip, port, request.messageid, 'late', 69, 0, request.token)\n"
        )
        assert client.wait_end() == 0
        assert "late" in client.output, client.output
        ack, separate = map(coapmsg.decode, dict.fromkeys(d.data for d in proxy.records if not d.to_server))
        assert (ack.mtype, ack.code, ack.token) == (coapmsg.ACK, 0, b""), ack
        assert (separate.mtype, separate.dotted) == (coapmsg.CON, "2.05"), separate
        assert separate.mid != ack.mid


def test_no_answer_of_the_handler_is_acknowledged():
    server, port = programs.server(SETUP)
    with net.Proxy(port) as proxy:
        url = "coap://127.0.0.1:%d/nothing" % proxy.port
        with programs.Program([programs.needs("coap-client-notls"), "-v", "7", "-B", "60", url]) as client:
            client.wait_line("t:ACK c:0.00")
        server.wait_events("request")
        assert {(m.mtype, m.code) for m in proxy.responses()} == {(coapmsg.ACK, 0)}, proxy.records
        assert len({m.encode() for m in proxy.requests()}) == 1, proxy.records


def test_client_that_loses_its_first_datagram_is_served():
    server, port = programs.server(SETUP)
    payload, _ = ask(port, "current/measure", "-l", "1")
    assert payload == b"222"
    assert len(server.of("request")) == 1
