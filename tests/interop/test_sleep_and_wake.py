# SPDX-License-Identifier: MIT
"""Deep sleep: the state is exported, the interpreter killed, another one goes on with the state."""

import coapmsg
import net
import programs

# We retransmit nothing, however late the test answers.
PATIENT = "ack_timeout=60000"

SERVER = """
value = 0
@coap.resource("value", obs=True)
def resource(request):
    return str(value)
"""


def sleep(agent):
    """Exports, and ends the interpreter without warning."""
    state = agent.eval("coap.export_state()")
    agent.kill()
    agent.close()
    return state


def registration(path="value", token=b"obs1"):
    return coapmsg.request(coapmsg.GET, path, token=token, options=[(coapmsg.OBSERVE, b"")])


def acknowledge(peer, message, address):
    peer.send(coapmsg.Message(coapmsg.ACK, mid=message.mid), address)


def test_server_goes_on_telling_its_observers():
    with net.RawPeer() as peer:
        agent, port = programs.loop_server(SERVER, PATIENT)
        address = (peer.host, port)
        first = peer.ask(registration(), address)
        assert first.payload == b"0" and first.uint(coapmsg.OBSERVE) is not None, first
        agent.exec("value = 1; resource.notify()")
        second, _ = peer.recv()
        assert second.payload == b"1", second
        acknowledge(peer, second, address)
        assert agent.eval("coap.stats()['observers_in_use']") == 1
        state = sleep(agent)
        agent, _ = programs.loop_server(SERVER, "state=%r, %s" % (state, PATIENT), port)
        agent.exec("value = 2; resource.notify()")
        third, _ = peer.recv()
        assert (third.payload, third.token, third.mtype) == (b"2", b"obs1", coapmsg.CON), third
        assert third.uint(coapmsg.OBSERVE) > second.uint(coapmsg.OBSERVE)
        assert third.mid == (second.mid + 1) & 0xFFFF, "message ids go on"
        acknowledge(peer, third, address)
        # and who was not there any more when it woke up is forgotten
        peer.send(coapmsg.Message(coapmsg.RST, mid=third.mid), address)
        assert agent.run("import asyncio\nwhile coap.stats()['observers_in_use']: await asyncio.sleep_ms(5)\nreturn True")


def test_notification_that_was_not_acknowledged_is_sent_after_waking():
    with net.RawPeer() as peer:
        agent, port = programs.loop_server(SERVER, PATIENT)
        address = (peer.host, port)
        peer.ask(registration(), address)
        agent.exec("value = 1; resource.notify()")
        lost, _ = peer.recv()
        state = sleep(agent)
        agent, _ = programs.loop_server(SERVER.replace("value = 0", "value = 7"), "state=%r, %s" % (state, PATIENT), port)
        told, _ = peer.recv()
        assert (told.payload, told.token) == (b"7", b"obs1"), told
        assert told.mid != lost.mid


def test_client_registers_again_with_its_token():
    with net.RawPeer() as server:
        uri = "coap://%s:%d/value?unit=C" % server.address
        setup = "observation = coap.observe(%r, callback=lambda r: event('notification', payload=r.payload))" % uri
        agent = programs.loop_client(PATIENT, setup)
        first, address = server.recv()
        assert first.uint(coapmsg.OBSERVE) == 0
        server.send(coapmsg.response(first, "2.05", b"one", [(coapmsg.OBSERVE, b"\x07")]), address)
        agent.wait_events("notification", 1)
        state = sleep(agent)
        agent = programs.loop_client("state=%r, %s" % (state, PATIENT), setup)
        again, address = server.recv()
        assert (again.token, again.uint(coapmsg.OBSERVE)) == (first.token, 0), again
        assert again.mid == (first.mid + 1) & 0xFFFF
        # the server has begun to count anew
        server.send(coapmsg.response(again, "2.05", b"two", [(coapmsg.OBSERVE, b"\x01")]), address)
        agent.wait_events("notification", 1)
        push = coapmsg.Message(coapmsg.CON, coapmsg.code("2.05"), None, first.token, [(coapmsg.OBSERVE, b"\x02")], b"three")
        assert server.ask(push, address).mtype == coapmsg.ACK
        assert [e["payload"] for e in agent.wait_events("notification", 2)] == [b"two", b"three"]


def test_state_of_an_observation_that_is_not_asked_for_again_is_let_go():
    with net.RawPeer() as server:
        uri = "coap://%s:%d/value" % server.address
        agent = programs.loop_client(PATIENT, "observation = coap.observe(%r)" % uri)
        first, address = server.recv()
        server.send(coapmsg.response(first, "2.05", b"one", [(coapmsg.OBSERVE, b"\x07")]), address)
        agent.run("return (await observation.__anext__()).payload")
        state = sleep(agent)
        port = address[1]
        agent = programs.LoopAgent("coap = microcoapy.Coap(state=%r)\ncoap.start(%d)\nserving = serve(coap)" % (state, port))
        push = coapmsg.Message(coapmsg.CON, coapmsg.code("2.05"), None, first.token, [(coapmsg.OBSERVE, b"\x08")], b"two")
        assert server.ask(push, address).mtype == coapmsg.RST
