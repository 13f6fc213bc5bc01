# SPDX-License-Identifier: MIT
"""How poll and loop wait: as long as asked, no longer than needed, interruptible, other threads running.

What must end a wait ends one of FOREVER, which nobody waits out.
"""

import coapmsg
import net
import programs
from harness import cases

FOREVER = 600000

TIMED = """
import time
def timed(call):
    started = time.ticks_ms()
    value = call()
    return value, time.ticks_diff(time.ticks_ms(), started)
"""


def test_poll_2000_does_not_return_before_2000_ms():
    agent = programs.client(setup=TIMED)
    value, elapsed = agent.eval("timed(lambda: coap.poll(2000))")
    assert value is False and elapsed >= 2000, (value, elapsed)
    # Nor much later: a busy machine lets one of many be in time.
    agent.exec("while timed(lambda: coap.poll(100))[1] >= 200:\n    pass")


def test_poll_returns_when_the_response_arrives():
    agent = programs.client("ack_timeout=60000")
    with net.RawPeer() as peer:
        for period in ("", ", %d" % FOREVER) * 3:
            before = len(agent.of("response"))
            assert agent.eval("coap.get('127.0.0.1', %d, 'a')" % peer.port) > 0
            request, address = peer.recv()
            agent.begin_waiting("polled = coap.poll(%d%s)" % (FOREVER, period))
            peer.send(coapmsg.response(request, "2.05", b"x"), address)
            agent.wait_events("response", before + 1)
            agent.finish()
            assert agent.eval("polled") is True


def test_poll_returns_when_a_request_arrives():
    agent = programs.client(setup="resource(coap, 'a', 'here')")
    with net.RawPeer() as peer:
        agent.begin_waiting("polled = coap.poll(%d)" % FOREVER)
        assert peer.ask(coapmsg.request(coapmsg.GET, "a"), ("127.0.0.1", agent.port)).payload == b"here"
        agent.finish()
        assert agent.eval("polled") is True


@cases(poll_default="coap.poll()", poll_negative="coap.poll(-1)", poll_zero="coap.poll(0)", loop="coap.loop(False)")
def test_one_pass_does_not_wait(call):
    agent = programs.client()
    # Each waiting for the default period would take 100 s together.
    assert agent.eval("any(%s for _ in range(200))" % call) is False


@cases(poll_default="coap.poll()", poll_zero="coap.poll(0)", loop="coap.loop(False)")
def test_one_pass_handles_what_is_there(call):
    agent = programs.client(setup="resource(coap, 'a', 'here')")
    with net.RawPeer() as peer:
        peer.send(coapmsg.request(coapmsg.GET, "a"), ("127.0.0.1", agent.port))
        agent.exec("while not %s:\n    pass" % call)  # the datagram may still be on its way
        assert peer.recv()[0].payload == b"here"


def test_one_message_per_call():
    agent = programs.client(setup="resource(coap, 'a', 'here')")
    with net.RawPeer() as peer:
        for _ in range(3):
            peer.send(coapmsg.request(coapmsg.GET, "a"), ("127.0.0.1", agent.port))
        for number in range(1, 4):
            assert agent.eval("coap.poll(%d)" % FOREVER) is True
            assert len(agent.of("request")) == number, agent.events
        assert agent.eval("coap.poll(100)") is False


def test_blocking_loop_waits_for_a_message():
    agent = programs.client(setup="resource(coap, 'a', 'here')")
    with net.RawPeer() as peer:
        agent.begin_waiting("looped = coap.loop()")
        assert peer.ask(coapmsg.request(coapmsg.GET, "a"), ("127.0.0.1", agent.port)).payload == b"here"
        agent.finish()
        assert agent.eval("looped") is True


def test_poll_period_is_accepted_and_does_not_delay():
    agent = programs.client(setup="resource(coap, 'a', 'here')")
    with net.RawPeer() as peer:
        for arguments in ("%d, %d", "timeoutMs=%d, pollPeriodMs=%d"):
            agent.begin_waiting("polled = coap.poll(%s)" % (arguments % (FOREVER, FOREVER)))
            assert peer.ask(coapmsg.request(coapmsg.GET, "a"), ("127.0.0.1", agent.port)).payload == b"here"
            agent.finish()
            assert agent.eval("polled") is True


def test_internal_messages_do_not_end_poll():
    agent = programs.client(setup="resource(coap, 'a', 'here')")
    address = ("127.0.0.1", agent.port)
    with net.RawPeer() as peer:
        agent.begin_waiting("polled = coap.poll(%d)" % FOREVER)
        for _ in range(5):
            peer.nothing_but_pong(address)
            assert peer.ask(coapmsg.request(coapmsg.GET, "nosuch"), address).dotted == "4.04"
            peer.send(b"\x40", address)
        # It would not be answered had the wait ended before.
        assert peer.ask(coapmsg.request(coapmsg.GET, "a"), address).payload == b"here"
        agent.finish()
        assert agent.eval("polled") is True


def test_retransmissions_go_out_while_poll_waits():
    agent = programs.client("ack_timeout=50")
    with net.RawPeer() as peer:
        assert agent.eval("coap.get('127.0.0.1', %d, 'a')" % peer.port) > 0
        assert agent.eval("coap.poll(%d)" % FOREVER) is True  # told that it was given up
        assert len(agent.of("error")) == 1, agent.events
        transmissions = peer.waiting()
        assert len(transmissions) == 5 and len(set(transmissions)) == 1, transmissions


@cases(poll="coap.poll(%d)" % FOREVER, loop="coap.loop(True)")
def test_control_c_ends_the_wait(call):
    agent = programs.client()
    agent.begin_waiting(call)
    programs.interrupt(agent)
    try:
        agent.finish()
    except programs.Raised as raised:
        assert raised.name == "KeyboardInterrupt", raised
    else:
        raise AssertionError("not interrupted")
    agent.exec("resource(coap, 'a', 'alive')")
    agent.serve()
    with net.RawPeer() as peer:
        assert peer.ask(coapmsg.request(coapmsg.GET, "a"), ("127.0.0.1", agent.port)).payload == b"alive"


def test_other_threads_run_while_poll_waits():
    agent = programs.client(setup="resource(coap, 'a', 'here')")
    # poll looks up from its wait ten times a second: were that when others run, the steps would take 100 s.
    agent.exec(
        "import _thread\n"
        "import time\n"
        "def work():\n"
        "    for _ in range(1000):\n"
        "        time.sleep_ms(1)\n"
        "    print('worked')\n"
    )
    lines = len(agent.lines)
    agent.start("_thread.start_new_thread(work, ())\npolled = coap.poll(%d)" % FOREVER)
    agent.wait_line("^worked$", start=lines)
    with net.RawPeer() as peer:
        assert peer.ask(coapmsg.request(coapmsg.GET, "a"), ("127.0.0.1", agent.port)).payload == b"here"
    agent.finish()
    assert agent.eval("polled") is True


def test_waiting_uses_no_processor_time():
    agent = programs.client()

    def used():
        with open("/proc/%d/stat" % agent.process.pid) as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])  # utime, stime in clock ticks of 10 ms

    before = used()
    agent.eval("coap.poll(1500)")
    assert used() - before <= 20, used() - before
