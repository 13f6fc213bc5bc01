# SPDX-License-Identifier: MIT
"""How poll and loop wait: as long as asked, no longer than needed, interruptible, other threads running."""

import time

import coapmsg
import net
import programs
from harness import cases

PROMPT = 0.5  # generous: the point is that nobody sleeps for a period


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
    assert value is False and 2000 <= elapsed < 3500, (value, elapsed)


def test_poll_returns_when_the_response_arrives():
    agent = programs.client(setup=TIMED)
    with net.RawPeer() as peer:
        for _ in range(5):
            before = len(agent.of("response"))
            assert agent.eval("coap.get('127.0.0.1', %d, 'a')" % peer.port) > 0
            request, address = peer.recv()
            agent.start("print('polling')\nresult = timed(lambda: coap.poll(20000))")
            agent.wait_line("^polling$", start=len(agent.lines) - 1)
            time.sleep(0.2)  # so that it waits
            sent = time.monotonic()
            peer.send(coapmsg.response(request, "2.05", b"x"), address)
            response = agent.wait_events("response", before + 1)[-1]
            agent.finish()
            assert response["time"] - sent < PROMPT, response["time"] - sent
            value, elapsed = agent.eval("result")
            assert value is True and elapsed < 5000, (value, elapsed)


def test_poll_returns_when_a_request_arrives():
    agent = programs.client(setup="resource(coap, 'a', 'here')")
    with net.RawPeer() as peer:
        agent.start("polled = coap.poll(20000)")
        asked = time.monotonic()
        answer = peer.ask(coapmsg.request(coapmsg.GET, "a"), ("127.0.0.1", agent.port))
        assert time.monotonic() - asked < PROMPT
        assert answer.payload == b"here"
        agent.finish(PROMPT)
        assert agent.eval("polled") is True


@cases(poll_default="coap.poll()", poll_negative="coap.poll(-1)", poll_zero="coap.poll(0)", loop="coap.loop(False)")
def test_one_pass_does_not_wait(call):
    agent = programs.client(setup=TIMED)
    value, elapsed = agent.eval("timed(lambda: %s)" % call)
    assert value is False and elapsed < 400, (value, elapsed)


@cases(poll_default="coap.poll()", poll_zero="coap.poll(0)", loop="coap.loop(False)")
def test_one_pass_handles_what_is_there(call):
    agent = programs.client(setup="resource(coap, 'a', 'here')")
    with net.RawPeer() as peer:
        peer.send(coapmsg.request(coapmsg.GET, "a"), ("127.0.0.1", agent.port))
        deadline = time.monotonic() + 5
        while not agent.eval(call):  # the datagram may still be on its way
            assert time.monotonic() < deadline
        assert peer.recv()[0].payload == b"here"


def test_one_message_per_call():
    agent = programs.client(setup="resource(coap, 'a', 'here')")
    with net.RawPeer() as peer:
        for _ in range(3):
            peer.send(coapmsg.request(coapmsg.GET, "a"), ("127.0.0.1", agent.port))
        for number in range(1, 4):
            assert agent.eval("coap.poll(2000)") is True
            assert len(agent.of("request")) == number, agent.events
        assert agent.eval("coap.poll(100)") is False


def test_blocking_loop_waits_for_a_message():
    agent = programs.client(setup="resource(coap, 'a', 'here')")
    with net.RawPeer() as peer:
        agent.start("looped = coap.loop()")
        time.sleep(0.3)
        assert peer.ask(coapmsg.request(coapmsg.GET, "a"), ("127.0.0.1", agent.port)).payload == b"here"
        agent.finish(5)
        assert agent.eval("looped") is True


def test_poll_period_is_accepted_and_does_not_delay():
    agent = programs.client(setup=TIMED + "resource(coap, 'a', 'here')")
    with net.RawPeer() as peer:
        for call in ("coap.poll(10000, 5000)", "coap.poll(timeoutMs=10000, pollPeriodMs=5000)"):
            agent.start("timed(lambda: %s)" % call)
            time.sleep(0.1)
            asked = time.monotonic()
            assert peer.ask(coapmsg.request(coapmsg.GET, "a"), ("127.0.0.1", agent.port)).payload == b"here"
            agent.finish(5)
            assert time.monotonic() - asked < PROMPT


def test_internal_messages_do_not_end_poll():
    agent = programs.client(setup=TIMED)
    with net.RawPeer() as peer:
        agent.start("result = timed(lambda: coap.poll(1500))")
        address = ("127.0.0.1", agent.port)
        for _ in range(5):
            peer.ping(address)
            assert peer.ask(coapmsg.request(coapmsg.GET, "nosuch"), address).dotted == "4.04"
            peer.send(b"\x40", address)
        agent.finish()
        value, elapsed = agent.eval("result")
        assert value is False and elapsed >= 1500, (value, elapsed)


def test_retransmissions_go_out_while_poll_waits():
    agent = programs.client("ack_timeout=100", TIMED)
    with net.RawPeer() as peer:
        assert agent.eval("coap.get('127.0.0.1', %d, 'a')" % peer.port) > 0
        value, elapsed = agent.eval("timed(lambda: coap.poll(1000))")
        assert value is False and elapsed >= 1000, (value, elapsed)
        transmissions = []
        while True:
            got = peer.recv_bytes(0.05)
            if got is None:
                break
            transmissions.append(got[0])
        assert len(transmissions) in (3, 4) and len(set(transmissions)) == 1, transmissions


@cases(poll="coap.poll(60000)", loop="coap.loop(True)")
def test_control_c_ends_the_wait(call):
    agent = programs.client()
    agent.start("print('waiting')\n%s" % call)
    agent.wait_line("^waiting$")
    time.sleep(0.2)  # so that it is inside the wait
    started = time.monotonic()
    programs.interrupt(agent)
    try:
        agent.finish(10)
    except programs.Raised as raised:
        assert raised.name == "KeyboardInterrupt", raised
    else:
        raise AssertionError("not interrupted")
    assert time.monotonic() - started < 2, time.monotonic() - started
    agent.exec("resource(coap, 'a', 'alive')")
    agent.serve()
    with net.RawPeer() as peer:
        assert peer.ask(coapmsg.request(coapmsg.GET, "a"), ("127.0.0.1", agent.port)).payload == b"alive"


def test_other_threads_run_while_poll_waits():
    agent = programs.client(setup=TIMED)
    agent.exec(
        "import _thread\n"
        "steps = 0\n"
        "running = True\n"
        "def work():\n"
        "    global steps\n"
        "    while running:\n"
        "        steps += 1\n"
        "        time.sleep_ms(5)\n"
        "_thread.start_new_thread(work, ())\n"
    )
    agent.exec("before = steps\nresult = timed(lambda: coap.poll(1000))\nafter = steps\nrunning = False")
    value, elapsed = agent.eval("result")
    assert value is False and elapsed >= 1000, (value, elapsed)
    assert agent.eval("after - before") >= 50, agent.eval("after - before")


def test_waiting_uses_no_processor_time():
    agent = programs.client()

    def used():
        with open("/proc/%d/stat" % agent.process.pid) as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])  # utime, stime in clock ticks of 10 ms

    before = used()
    agent.eval("coap.poll(1500)")
    assert used() - before <= 20, used() - before
