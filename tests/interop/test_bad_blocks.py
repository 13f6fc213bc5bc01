# SPDX-License-Identifier: MIT
"""Blocks, notifications and links as they should not be: the RFC's answer, bounded memory, and everything goes on."""

import time

import coapmsg
import net
import programs
from harness import cases

# We retransmit nothing, however late the test answers.
PATIENT = "ack_timeout=60000"

SERVER = """
runs = []

@coap.resource("up", methods=("PUT",), max_body=4096)
def up(request):
    runs.append(len(request.payload))
    return "%d %s" % (len(request.payload), bytes(set(request.payload)))

@coap.resource("down", obs=True)
def down(request):
    return pattern(1000)
"""


def block(num, more, szx):
    return coapmsg.uint(num << 4 | more << 3 | szx)


def put(num, more, szx, payload, *options, token=None):
    return coapmsg.request(
        coapmsg.PUT, "up", token=token, options=[(coapmsg.BLOCK1, block(num, more, szx)), *options], payload=payload
    )


# ---- our server ----------------------------------------------------------------------------------


def served(peer, port):
    """A whole upload and a whole download still work, and no body is left behind."""
    for num in range(3):
        answer = peer.ask(put(num, num < 2, 2, bytes([num]) * 64), ("127.0.0.1", port))
        assert answer.dotted == ("2.31" if num < 2 else "2.04"), answer
    assert answer.payload == b"192 b'\\x00\\x01\\x02'", answer
    answer = peer.ask(coapmsg.request(coapmsg.GET, "down"), ("127.0.0.1", port))
    assert answer.payload == bytes(i % 251 for i in range(1000)), answer


@cases(
    gap_at_the_start=([(1, 1, 2, 64)], "4.08"),
    gap=([(0, 1, 2, 64), (2, 1, 2, 64)], "4.08"),
    overlap=([(0, 1, 2, 64), (1, 1, 2, 64), (1, 1, 1, 32)], "4.08"),
    too_short=([(0, 1, 2, 63)], "4.00"),
    too_long=([(0, 1, 2, 65)], "4.00"),
    last_too_long=([(0, 1, 2, 64), (1, 0, 2, 65)], "4.00"),
    empty_with_more=([(0, 1, 2, 0)], "4.00"),
    size_exponent_7=([(0, 1, 7, 64)], "4.00"),
    last_number_there_is=([((1 << 20) - 1, 1, 2, 64)], "4.08"),
    more_than_the_resource_takes=([(n, 1, 6, 1024) for n in range(5)], "4.13"),
)
def test_upload(case):
    blocks, code = case
    agent, port = programs.loop_server(SERVER)
    with net.RawPeer() as peer:
        for number, (num, more, szx, length) in enumerate(blocks):
            answer = peer.ask(put(num, more, szx, b"x" * length), ("127.0.0.1", port))
            expected = code if number == len(blocks) - 1 else "2.31"
            assert answer.dotted == expected, (number, answer)
        assert agent.eval("runs") == []
        served(peer, port)
    assert agent.eval("coap.stats()['bodies_in_use']") <= 1


def test_size_of_4_gib_is_too_large_and_the_limit_is_told():
    agent, port = programs.loop_server(SERVER)
    with net.RawPeer() as peer:
        answer = peer.ask(put(0, 1, 6, b"x" * 1024, (coapmsg.SIZE1, b"\xff\xff\xff\xff")), ("127.0.0.1", port))
        assert (answer.dotted, answer.uint(coapmsg.SIZE1)) == ("4.13", 4096), answer
        served(peer, port)
    assert agent.eval("runs") == [192]


def test_uploads_of_two_peers_interleaved():
    _, port = programs.loop_server(SERVER)
    with net.RawPeer() as one, net.RawPeer() as two:
        for num in range(4):
            for peer, byte in ((one, b"1"), (two, b"2")):
                answer = peer.ask(put(num, num < 3, 2, byte * 64, token=b"same"), ("127.0.0.1", port))
                if num == 3:
                    assert answer.payload == b"256 b'%s'" % byte, answer


@cases(
    behind_the_end=(block(100, 0, 2), "4.00"),
    size_exponent_7=(block(0, 0, 7), "4.00"),
    last_number_there_is=(block((1 << 20) - 1, 0, 6), "4.00"),
    too_long_an_option=(b"\x01\x02\x03\x04", "4.02"),
)
def test_download(case):
    option, code = case
    _, port = programs.loop_server(SERVER)
    with net.RawPeer() as peer:
        answer = peer.ask(coapmsg.request(coapmsg.GET, "down", options=[(coapmsg.BLOCK2, option)]), ("127.0.0.1", port))
        if len(option) == 4:
            assert answer.dotted in ("4.02", "2.05"), answer
        else:
            assert answer.dotted == code, answer
        served(peer, port)


def test_observers_that_vanish():
    """Each observer that does not acknowledge is let go, and others find a place again."""
    agent, port = programs.loop_server(SERVER, "ack_timeout=20, max_retransmit=1")
    # ports that no other test gets: they are sent to after they are closed
    peers = [net.RawPeer(port=net.free_port()) for _ in range(20)]
    taken = 0
    for peer in peers:
        answer = peer.ask(coapmsg.request(coapmsg.GET, "down", options=[(coapmsg.OBSERVE, b"")]), ("127.0.0.1", port))
        taken += answer.value(coapmsg.OBSERVE) is not None
    assert 0 < taken < 20, "the table is bounded, and the rest get plain answers"
    for peer in peers:
        peer.close()
    agent.exec("down.notify()")
    agent.run("while coap.stats()['observers_in_use']: await asyncio.sleep_ms(5)")
    with net.RawPeer() as peer:
        answer = peer.ask(coapmsg.request(coapmsg.GET, "down", options=[(coapmsg.OBSERVE, b"")]), ("127.0.0.1", port))
        assert answer.value(coapmsg.OBSERVE) is not None, answer


# ---- our client ----------------------------------------------------------------------------------

ETIMEDOUT, ECONNABORTED, EIO, EMSGSIZE = 110, 103, 5, 90


RUN = """
async def run():
    event("over", errno=await outcome(coap.get("coap://127.0.0.1:%d/x")))

task = asyncio.create_task(run())
"""


def next_request(server, agent):
    """The client's next message and its address; None when its exchange is over."""
    deadline = time.monotonic() + net.PATIENCE
    while not agent.of("over"):
        assert time.monotonic() < deadline, "neither a request nor an end"
        got = server.recv_bytes(0.02)
        if got is not None:
            return coapmsg.decode(got[0]), got[1]
    return None


@cases(
    wrong_number=([(0, 1, 2, 64, b"a"), (2, 1, 2, 64, b"a")], EIO),
    too_short=([(0, 1, 2, 63, b"a")], EIO),
    too_long=([(0, 1, 2, 64, b"a"), (1, 1, 2, 65, b"a")], EIO),
    nothing_and_more=([(0, 1, 2, 0, b"a")], EIO),
    size_exponent_7=([(0, 1, 7, 64, b"a")], EIO),
    first_block_is_not_the_first=([(3, 1, 2, 64, b"a")], EIO),
    changing_for_ever=([(0, 1, 2, 64, b"a"), (1, 1, 2, 64, b"b")] * 40, ECONNABORTED),
    without_end=([(n, 1, 2, 64, b"a") for n in range(40)], EMSGSIZE),
)
def test_response(case):
    blocks, errno = case
    agent = programs.loop_client("max_body=2000, " + PATIENT)
    with net.RawPeer() as server:
        agent.exec(RUN % server.port)
        etag = 0
        for num, more, szx, length, tag in blocks:
            got = next_request(server, agent)
            if got is None:
                break
            request, address = got
            if tag == b"b":
                etag += 1
            asked = request.uint(coapmsg.BLOCK2)
            if errno == ECONNABORTED and asked is not None:
                num = asked >> 4
            answer = coapmsg.response(
                request, "2.05", b"x" * length, [(coapmsg.BLOCK2, block(num, more, szx)), (coapmsg.ETAG, b"%d" % etag)]
            )
            server.send(answer, address)
        assert next_request(server, agent) is None, "it asks for more"
        server.nothing()
        assert agent.of("over")[0]["errno"] == errno, agent.of("over")
        assert agent.eval("(coap.stats()['exchanges_in_use'], coap.stats()['bodies_in_use'])") == (0, 0)


def test_notifications_of_strangers_are_rejected():
    agent = programs.loop_client(PATIENT)
    with net.RawPeer() as server, net.RawPeer() as stranger:
        agent.exec(
            "observation = coap.observe('coap://127.0.0.1:%d/x', callback=lambda r: event('told', payload=r.payload))" % server.port
        )
        request, address = server.recv()
        server.send(coapmsg.response(request, "2.05", b"one", [(coapmsg.OBSERVE, b"\x05")]), address)
        agent.wait_events("told", 1)
        right = request.token
        for peer, token in ((stranger, right), (server, bytes([right[0] ^ 1]) + right[1:]), (server, b""), (stranger, b"")):
            false = coapmsg.Message(coapmsg.CON, coapmsg.code("2.05"), None, token, [(coapmsg.OBSERVE, b"\x06")], b"false")
            assert peer.ask(false, address).mtype == coapmsg.RST
        true = coapmsg.Message(coapmsg.CON, coapmsg.code("2.05"), None, right, [(coapmsg.OBSERVE, b"\x06")], b"two")
        assert server.ask(true, address).mtype == coapmsg.ACK
        assert [e["payload"] for e in agent.wait_events("told", 2)] == [b"one", b"two"]


@cases(
    empty=b"",
    no_target=b";rt=x",
    not_closed=b"</a>;rt=\"x",
    no_name=b"</a>;;",
    binary=bytes(range(256)),
    good_then_bad=b"</good>;rt=a,<bad",
)
def test_links_that_are_none(document):
    agent = programs.loop_client()
    with net.RawPeer() as server:
        agent.exec("task = asyncio.create_task(found('coap://127.0.0.1:%d'))" % server.port)
        request, address = server.recv()
        assert request.path == ".well-known/core"
        server.send(coapmsg.response(request, "2.05", document, [(12, b"\x28")]), address)
        expected = ["/good"] if document.startswith(b"</good>") else []
        assert agent.run("return await task") == expected


def test_transfers_that_are_abandoned_are_forgotten():
    agent, port = programs.loop_server(SERVER, "ack_timeout=5, max_retransmit=1, max_latency=100, processing_delay=50")
    for _ in range(100):
        with net.RawPeer() as peer:
            answer = peer.ask(put(0, 1, 2, b"x" * 64), ("127.0.0.1", port))
            assert answer.dotted in ("2.31", "5.03"), answer
    agent.run("while coap.stats()['bodies_in_use']: await asyncio.sleep_ms(10)")
    with net.RawPeer() as peer:  # one block of each: the next ones might come after the lifetime
        assert peer.ask(put(0, 1, 2, b"x" * 64), ("127.0.0.1", port)).dotted == "2.31"
        assert len(peer.ask(coapmsg.request(coapmsg.GET, "down"), ("127.0.0.1", port)).payload) == 1000
