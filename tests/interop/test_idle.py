# SPDX-License-Identifier: MIT
"""What waiting costs: an idle server sleeps, where the port can wait on file descriptors.

Counted is how often the process begins to wait: a busy machine makes that less, never more.
"""

import coapmsg
import net
import programs

SECONDS = 3
# asyncio itself wakes for nothing; what would be polled every 10 ms would wake 300 times.
WAKES = 20


def wakes(agent):
    """How often the program has begun to wait."""
    with open("/proc/%d/status" % agent.process.pid) as status:
        return next(int(line.split()[1]) for line in status if line.startswith("voluntary_ctxt_switches"))


def test_idle_serve_does_not_poll():
    agent, port = programs.loop_server('coap.resource("x", obs=True)(lambda request: "x")')
    with net.RawPeer() as peer:
        # with an observer, a client that observes, and what is remembered of exchanges that are over
        peer.ask(coapmsg.request(coapmsg.GET, "x", options=[(coapmsg.OBSERVE, b"")]), ("127.0.0.1", port))
        agent.exec("client = microcoapy.Coap(); client.start(0); seen = []")
        agent.exec("observation = client.observe('coap://127.0.0.1:%d/x', callback=seen.append)" % port)
        agent.run("while not seen: await asyncio.sleep_ms(5)")
        before = wakes(agent)
        agent.run("await asyncio.sleep(%d)" % SECONDS)
        assert wakes(agent) - before <= WAKES
        answer = peer.ask(coapmsg.request(coapmsg.GET, "x"), ("127.0.0.1", port))
        assert answer.payload == b"x"


def test_idle_poll_does_not_poll():
    agent, port = programs.server('resource(coap, "x")')
    with net.RawPeer() as peer:
        peer.ask(coapmsg.request(coapmsg.GET, "x"), ("127.0.0.1", port))
    agent._serving = None
    agent.eval("0")
    agent.start("coap.poll(%d)" % (1000 * SECONDS))
    before = wakes(agent)
    agent.finish()
    # a wait is left every 100 ms, for callbacks that other threads schedule
    assert wakes(agent) - before <= 10 * SECONDS + WAKES
