# SPDX-License-Identifier: MIT
"""Bodies of all sizes in blocks of all sizes, RFC 7959: our client and libcoap's server, our server and libcoap's client."""

import tempfile

import coapmsg
import net
import programs
from harness import cases, limit

SIZES = {str(size): size for size in (0, 1, 16, 1023, 1024, 1025, 65537, 1048576)}
BLOCKS = (16, 32, 64, 128, 256, 512, 1024)
LIMIT = 1800

# RFC 7252 section 4.4: with the default lifetimes a peer gets about 250 messages a second, and 1 MB in blocks of 16
# bytes takes all message ids there are. So the lifetimes are short, and each transfer has a port of its own. Nothing is
# lost: a server that is late need not be asked again.
CLIENT = "coap.stop()\ncoap = microcoapy.Coap(ack_timeout=60000, max_retransmit=0, max_latency=100, processing_delay=100)\ncoap.start(0)"


def pattern(length):
    return bytes(i % 251 for i in range(length))


@cases(**SIZES)
@limit(LIMIT)
def test_client_sends_and_fetches(size):
    _, port = programs.libcoap_server("-v", "3")
    uri = "coap://127.0.0.1:%d/example_data" % port
    agent = programs.loop_client()
    for block in BLOCKS:
        agent.exec(CLIENT)
        code = "r = await coap.put(%r, body=Pattern(%d), block_size=%d)\nreturn r.code" % (uri, size, block)
        assert agent.run(code, LIMIT) == coapmsg.code("2.01" if block == BLOCKS[0] else "2.04"), block
        agent.exec(CLIENT)
        code = (
            "target = Pattern()\n"
            "r = await coap.get(%r, into=target, block_size=%d)\n"
            "return r.code, target.at, target.good" % (uri, block)
        )
        assert agent.run(code, LIMIT) == (coapmsg.code("2.05"), size, True), block
        assert agent.eval("(coap.stats()['exchanges_in_use'], coap.stats()['bodies_in_use'])") == (0, 0)


SERVER = """
@coap.resource("large", ct=42)
def large(request):
    return Pattern(int(request.query))

@coap.resource("put", methods=("PUT", "POST"), into=sink)
def put(request):
    return judge(request.body)
"""


def run(port, path, *options):
    """What a run of coap-client got."""
    return programs.libcoap_fetch("coap://127.0.0.1:%d/%s" % (port, path), "-v", "3", *options, timeout=LIMIT)


@cases(**SIZES)
@limit(LIMIT)
def test_server_is_fetched_from(size):
    _, port = programs.loop_server(SERVER)
    for block in BLOCKS:
        payload, log = run(port, "large?%d" % size, "-b", str(block))
        assert payload == pattern(size), (block, len(payload), log[-500:])


@cases(**SIZES)
@limit(LIMIT)
def test_server_is_sent_to(size):
    agent, port = programs.loop_server(SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(pattern(size))
        file.flush()
        for block in BLOCKS:
            payload, log = run(port, "put", "-m", "put", "-f", file.name, "-b", str(block))
            assert payload == b"%d True" % size, (block, payload, log[-500:])
    assert agent.eval("coap.stats()['bodies_in_use']") == 0


def test_one_block_of_the_middle():
    """RFC 7959 section 2.4: any block may be asked for."""
    _, port = programs.loop_server('coap.resource("x")(lambda request: pattern(5000))')
    payload, log = run(port, "x", "-b", "3,256")
    assert payload == pattern(1024)[768:], (len(payload), log[-500:])


ECONNABORTED = 103
LOSSY = "ack_timeout=50, max_retransmit=10"


def test_transfer_under_loss_sent():
    """libcoap carries a repeated block out again, and spoils the body with the last one: the proxy has what was sent."""
    _, port = programs.libcoap_server()
    with net.Proxy(port, net.lossy(loss=0.2)) as proxy:
        agent = programs.loop_client(LOSSY)
        uri = "coap://127.0.0.1:%d/example_data" % proxy.port
        code = "r = await coap.put(%r, body=Pattern(20000), block_size=512)\nreturn r.code" % uri
        assert agent.run(code, 240) in (coapmsg.code("2.01"), coapmsg.code("2.04"))
        blocks = {m.uint(coapmsg.BLOCK1) >> 4: m.payload for m in proxy.requests()}
        assert sorted(blocks) == list(range(40)) and b"".join(blocks[n] for n in range(40)) == pattern(20000)
        assert any(datagram.dropped for datagram in proxy.records)


def test_transfer_under_loss_fetched():
    _, port = programs.libcoap_server()
    uri = "coap://127.0.0.1:%d/example_data"
    agent = programs.loop_client("ack_timeout=60000")
    assert agent.run("return (await coap.put(%r, body=Pattern(20000))).code" % (uri % port)) == coapmsg.code("2.01")
    with net.Proxy(port, net.lossy(loss=0.2)) as proxy:
        agent = programs.loop_client(LOSSY)
        code = "target = Pattern()\nr = await coap.get(%r, into=target, block_size=512)\nreturn r.code, target.at, target.good"
        while True:
            begun = len(proxy.records)
            try:
                assert agent.run(code % (uri % proxy.port), 240) == (coapmsg.code("2.05"), 20000, True)
                break
            except programs.Raised as error:
                # rightly: to libcoap a repetition of the first request is a new one, and the ETag changes
                assert error.values == (ECONNABORTED,), error
                tags = {d.message.value(coapmsg.ETAG) for d in proxy.records[begun:] if not d.to_server}
                assert len(tags) > 1, tags
        assert any(datagram.dropped for datagram in proxy.records)
