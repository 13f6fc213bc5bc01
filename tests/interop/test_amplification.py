# SPDX-License-Identifier: MIT
"""RFC 9175 section 2.4: what a peer gets that has not shown that it is where it says."""

import socket

import coapmsg
import net
import programs
from harness import cases

FACTOR = 3
SERVER = """
runs = []

@coap.resource("long", methods=("GET", "PUT", "POST"), obs=True)
def long(request):
    runs.append(request.code)
    return "x" * 500

@coap.resource("short")
def short(request):
    return "x"

for number in range(10):
    coap.resource("a/long/path/%d" % number)(lambda request: "")
"""


def server():
    agent, port = programs.loop_server(SERVER, "amplification=%d, default_leisure=200" % FACTOR)
    return agent, ("127.0.0.1", port)


def ask(peer, address, message):
    """The answer, and how much longer it is than the request."""
    data = message.encode()
    peer.send(data, address)
    answer, _ = peer.recv_bytes_or_fail()
    return coapmsg.decode(answer), len(answer) / len(data)


@cases(get=(coapmsg.GET, "long"), put=(coapmsg.PUT, "long"), post=(coapmsg.POST, "long"), links=(coapmsg.GET, ".well-known/core"))
def test_long_response_is_given_to_whom_shows_where_it_is(case):
    method, path = case
    agent, address = server()
    with net.RawPeer() as peer:
        challenge, factor = ask(peer, address, coapmsg.request(method, path))
        assert challenge.dotted == "4.01" and factor <= FACTOR, (challenge, factor)
        if method != coapmsg.GET:
            assert agent.eval("runs") == [], "nothing has been done yet"
        echo = (coapmsg.ECHO, challenge.value(coapmsg.ECHO))
        answer, factor = ask(peer, address, coapmsg.request(method, path, options=[echo]))
        assert answer.code >> 5 == 2 and factor > FACTOR, answer
        # and from then on without
        answer, _ = ask(peer, address, coapmsg.request(method, path))
        assert answer.code >> 5 == 2, answer
        # but nobody else is
        with net.RawPeer() as other:
            moved, factor = ask(other, address, coapmsg.request(method, path, options=[echo]))
            assert moved.dotted == "4.01" and factor <= FACTOR, moved


def test_registration_of_an_observer():
    agent, address = server()
    with net.RawPeer() as peer:
        challenge, factor = ask(peer, address, coapmsg.request(coapmsg.GET, "long", options=[(coapmsg.OBSERVE, b"")]))
        assert challenge.dotted == "4.01" and factor <= FACTOR, challenge
        agent.exec("long.notify()")
        peer.nothing_but_pong(address)
    stats = agent.stats()
    assert stats["observers_in_use"] == stats["transmissions_in_use"] == 0, stats


def test_group_gets_nothing_long():
    agent, (_, port) = server()
    agent.exec("coap.join(interface='127.0.0.1')")
    with net.RawPeer() as peer:
        peer.sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        for path in ("long", ".well-known/core", "short"):
            peer.send(coapmsg.request(coapmsg.GET, path, coapmsg.NON), ("224.0.1.187", port))
        answer, _ = peer.recv()
        assert (answer.mtype, answer.payload) == (coapmsg.NON, b"x"), answer
        assert agent.stats()["transmissions_in_use"] == 0  # of those that wait for their leisure
        peer.nothing()


def test_small_responses_need_nothing():
    _, address = server()
    with net.RawPeer() as peer:
        answer, factor = ask(peer, address, coapmsg.request(coapmsg.GET, "none"))
        assert answer.dotted == "4.04" and factor <= FACTOR
