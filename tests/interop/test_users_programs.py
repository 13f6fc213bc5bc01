# SPDX-License-Identifier: MIT
"""Whole programs: the examples, and programs written for microCoAPy, which run unchanged."""

import errno
import os
import re
import tempfile

import coapmsg
import net
import programs
from harness import cases

USERS = os.path.join(programs.HERE, "users")
EXAMPLES = os.path.join(programs.ROOT, "examples")
PORT_LINE = "_SERVER_PORT = 5683"


def with_port(name, port, folder, *changes):
    """The user's program, its port line changed; and the first occurrence of each of `changes`, (old, new)."""
    with open(os.path.join(USERS, name)) as file:
        source = file.read()
    for old, new in ((PORT_LINE, "_SERVER_PORT = %d" % port), *changes):
        assert old in source, old
        source = source.replace(old, new, 1)
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(source)
    return path


def micropython(*arguments):
    return programs.Program([programs.INTERPRETER, *arguments])


def test_client_and_server_written_for_microcoapy():
    port = net.free_port()
    with tempfile.TemporaryDirectory() as folder:
        server = micropython(with_port("server.py", port, folder))
        server.wait_line("^started$")
        client = micropython(with_port("client.py", port, folder))
        assert client.wait_end() == 0, client.output
    text = re.sub(r"messageid: \d+", "messageid: N", client.output).replace(str(port), "PORT")
    sender = ", from:  ('127.0.0.1', PORT)"
    assert text.split("\n") == [
        "[GET] Sent bytes:  24",
        "Message received: type: ACK, method: 2.05, messageid: N, payload: b'222' " + sender,
        "Message payload:  222",
        "[PUT] Sent bytes:  48",
        "Message received: type: ACK, method: 2.04, messageid: N, payload: b'' " + sender,
        "Message payload:  ",
        "[POST] Sent bytes:  25",
        "Message received: type: ACK, method: 5.03, messageid: N, payload: b'' " + sender,
        "Message payload:  ",
        "message received",
        "Message received: type: NONCON, method: 2.05, messageid: N, payload: b'222' " + sender,
        "Message payload:  222",
        "Message received: type: ACK, method: 4.04, messageid: N, payload: b'' " + sender,
        "Message payload:  ",
        "messages: 5",
    ], text
    server.wait_count("Measure-current request received:", 2)
    server.wait_count("Turn-on-led request received:", 2)


@cases(first_request=(True, 0), first_answer=(False, 0))
def test_client_written_for_microcoapy_loses_a_datagram(case):
    """It waits too short for the first answer. The datagram comes again while it waits for the next one: nothing is lost."""
    port = net.free_port()
    with tempfile.TemporaryDirectory() as folder:
        server = micropython(with_port("server.py", port, folder))
        server.wait_line("^started$")
        with net.Proxy(port, net.drop(*case)) as proxy:
            client = micropython(with_port("client.py", proxy.port, folder, ("poll(60000)", "poll(500)")))
            assert client.wait_end() == 0, client.output
            assert sum(d.dropped for d in proxy.records) == 1
    assert "messages: 5" in client.output, client.output
    server.wait_count("Measure-current request received:", 2)


def test_posts_and_never_polls():
    """Every post goes out, although the program reads nothing between two of them; poll() tells of the answers."""
    with net.RawPeer() as peer:
        agent = programs.client()
        for number in range(6):
            agent.exec("coap.post('127.0.0.1', %d, 'log', b'%d')" % (peer.port, number))
            request, address = peer.recv()
            assert (request.dotted, request.payload) == ("0.02", b"%d" % number), request
            peer.send(coapmsg.Message(coapmsg.ACK, 0x44, request.mid, request.token), address)
        assert not agent.of("response"), "told of in the middle of a call"
        agent.poll_for(6)


def test_zero_has_its_reason():
    """A method of the classic layer that returns 0 says why, if the program has set debug."""
    agent = programs.Agent("import socket; coap = new()")

    def reason(call):
        agent.exec("coap.debug = True")
        before = len(agent.output)
        assert agent.eval("coap." + call) == 0, call
        agent.exec("coap.debug = False")
        number = re.search(r"^microcoapy: send OSError\((\d+),\)$", agent.output[before:], re.M)
        quiet = len(agent.output)
        assert agent.eval("coap." + call) == 0, call
        assert "microcoapy: " not in agent.output[quiet:], "it is silent unless asked"
        return errno.errorcode[int(number.group(1))]

    assert reason("get('127.0.0.1', 5683, 'a')") == "ENOTCONN"
    agent.exec("coap.start(0)")
    assert reason("get('127.0.0.1', 0, 'a')") == "EHOSTUNREACH"
    assert reason("put('127.0.0.1', 5683, 'a', bytes(3000))") == "EMSGSIZE"
    assert reason("sendResponse('127.0.0.1', 5683, 1, b'', 69)") == "ENOENT"
    with net.RawPeer() as silent:
        agent.exec("while coap.get('127.0.0.1', %d, 'a'): pass" % silent.port)
        assert reason("get('127.0.0.1', %d, 'a')" % silent.port) == "ENOBUFS"
    agent.exec("coap.stop(); coap.setCustomSocket(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))")
    assert reason("get('::1', 5683, 'a')") == "EHOSTUNREACH"


def test_example_client_and_server():
    port = str(net.free_port())
    server = micropython(os.path.join(EXAMPLES, "server.py"), port)
    server.wait_line("listens")
    client = micropython(os.path.join(EXAMPLES, "client.py"), "127.0.0.1", port)
    assert client.wait_end() == 0, client.output
    assert "payload: b'222'" in client.output and "led is off" in client.output, client.output
    server.wait_count("request for", 3)


def test_example_client_without_server_says_so():
    port = str(net.free_port())
    with net.RawPeer(port=int(port)) as peer:  # resets everything
        client = micropython(os.path.join(EXAMPLES, "client.py"), "127.0.0.1", port)
        rejected = set()
        while len(rejected) < 3:
            request, address = peer.recv()
            peer.send(coapmsg.Message(coapmsg.RST, mid=request.mid), address)
            rejected.add(request.mid)
        assert client.wait_end() == 1, client.output
    assert client.output.count("no answer from ('127.0.0.1', %s)" % port) == 3, client.output


def test_example_server_ends_at_control_c():
    port = net.free_port()
    server = micropython(os.path.join(EXAMPLES, "server.py"), str(port))
    server.wait_line("listens")
    with net.RawPeer() as peer:
        assert peer.ask(coapmsg.request(coapmsg.GET, "current/measure"), ("127.0.0.1", port)).payload == b"222"
        assert peer.ask(coapmsg.request(coapmsg.POST, "current/measure"), ("127.0.0.1", port)).dotted == "4.05"
        assert peer.ask(coapmsg.request(coapmsg.GET, "led/turnOn"), ("127.0.0.1", port)).dotted == "4.05"
    programs.interrupt(server)
    assert server.wait_end() == 0, server.output


def test_example_custom_socket():
    program = micropython(os.path.join(EXAMPLES, "custom_socket.py"))
    assert program.wait_end() == 0, program.output
    assert program.output.split("\n")[-1] == "answer of sensor: 21.5", program.output


@cases(**{name: name for name in sorted(os.listdir(EXAMPLES)) if name.endswith(".py")})
def test_example_is_free_of_syntax_errors(name):
    code = "compile(open(%r).read(), %r, 'exec')" % (os.path.join(EXAMPLES, name), name)
    program = micropython("-c", code)
    assert program.wait_end() == 0, program.output
