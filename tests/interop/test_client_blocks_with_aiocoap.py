# SPDX-License-Identifier: MIT
"""Our client: bodies of all sizes in blocks of all sizes, RFC 7959, with aiocoap's server."""

import coapmsg
import net
import programs
from harness import cases, limit

PARTS = 3

SIZES = {str(size): size for size in (0, 1, 16, 1023, 1024, 1025, 65537, 1048576)}
BLOCKS = (16, 32, 64, 128, 256, 512, 1024)
LIMIT = 1800  # 65,536 blocks of 16 bytes, in Python on one side

# RFC 7252 section 4.4: with the default lifetimes a peer gets about 250 messages a second, and 1 MB in blocks of 16
# bytes takes all message ids there are. So the lifetime is shorter, 30 s for a response after an Empty ACK, and each
# transfer has a port of its own. Nothing is lost: a server that is late need not be asked again.
CLIENT = (
    "coap.stop()\n"
    "coap = microcoapy.Coap(ack_timeout=60000, max_retransmit=0, max_latency=10000, processing_delay=10000)\n"
    "coap.start(0)"
)


def transfer_in_all_blocks(code, size, expected):
    """Runs the code, in which %(port), %(size) and %(block) are the server's, the body's and each block size."""
    _, port = programs.aiocoap_site()
    agent = programs.loop_client()
    for block in BLOCKS:
        agent.exec(CLIENT)
        assert agent.run(code % {"port": port, "size": size, "block": block}, LIMIT) == expected, block
        assert agent.eval("(coap.stats()['exchanges_in_use'], coap.stats()['bodies_in_use'])") == (0, 0)


@cases(**SIZES)
@limit(LIMIT)
def test_client_fetches(size):
    code = (
        "target = Pattern()\n"
        "r = await coap.get('coap://127.0.0.1:%(port)d/large?%(size)d', into=target, block_size=%(block)d)\n"
        "return r.code, r.content_format, target.at, target.good"
    )
    transfer_in_all_blocks(code, size, (coapmsg.code("2.05"), 42, size, True))


@cases(**SIZES)
@limit(LIMIT)
def test_client_sends(size):
    code = (
        "r = await coap.put('coap://127.0.0.1:%(port)d/large', body=Pattern(%(size)d), block_size=%(block)d)\n"
        "return r.code, r.payload"
    )
    transfer_in_all_blocks(code, size, (coapmsg.code("2.04"), b"%d True" % size))


def blocks(proxy, number):
    """The Block options with that number, of each request once."""
    requests = dict.fromkeys(d.data for d in proxy.records if d.to_server and d.message.is_request)
    return [coapmsg.decode(data).uint(number) for data in requests]


def test_client_follows_a_server_to_smaller_blocks():
    _, port = programs.aiocoap_site()
    with net.Proxy(port) as proxy:
        agent = programs.loop_client()
        code = "return size(await coap.get('coap://127.0.0.1:%d/small?1000'))" % proxy.port
        assert agent.run(code) == (coapmsg.code("2.05"), 1000, True)
        asked = blocks(proxy, coapmsg.BLOCK2)
        assert asked == [None] + [number << 4 | 2 for number in range(1, 16)], asked
        code = "r = await coap.put('coap://127.0.0.1:%d/small', pattern(2000))\nreturn r.code, r.payload" % proxy.port
        assert agent.run(code) == (coapmsg.code("2.04"), b"2000 True")
        sent = blocks(proxy, coapmsg.BLOCK1)[16:]
        # RFC 7959 section 2.5: what the first block held need not be sent again
        assert sent == [14] + [number << 4 | 8 | 2 for number in range(16, 31)] + [31 << 4 | 2], sent
