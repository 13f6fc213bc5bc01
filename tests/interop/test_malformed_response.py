# SPDX-License-Identifier: MIT
"""Bad datagrams to a client that waits for its response: none is delivered, the good one is."""

import chance
import coapmsg
import net
import programs
from harness import cases


class Waiting:
    """A client that has sent a request, and serves."""

    def __init__(self):
        self.peer = net.RawPeer()
        self.agent = programs.client("ack_timeout=60000")
        assert self.agent.eval("coap.get('127.0.0.1', %d, 'a')" % self.peer.port) > 0
        self.request, self.address = self.peer.recv()
        self.agent.serve()

    def check_refused(self, data, replies=()):
        """Sends it; it must be replied to like that, and not be delivered."""
        self.peer.send(data, self.address)
        found = self.peer.until_pong(self.address)
        assert found == list(replies), found
        assert not self.agent.of("response"), self.agent.events

    def check_good_one_arrives(self):
        assert not self.agent.of("error"), self.agent.events
        self.peer.send(coapmsg.response(self.request, "2.05", b"good"), self.address)
        assert [e["payload"] for e in self.agent.wait_events("response")] == [b"good"]


def reset_of(mid):
    return bytes([0x70, 0]) + mid.to_bytes(2, "big")


def header(request, mtype, code=0x45, mid=None):
    mid = request.mid if mid is None else mid
    return bytes([0x40 | mtype << 4 | len(request.token), code]) + mid.to_bytes(2, "big") + request.token


FAULTS = {
    "option_delta_15": b"\xf1a",
    "option_length_15": b"\xcfa",
    "option_number_wraps": b"\xe0\xfe\xf2\xc0",
    "option_value_cut": b"\x45a",
    "payload_marker_without_payload": b"\xc0\xff",
}


@cases(**FAULTS)
def test_format_error_in_piggybacked_response(fault):
    waiting = Waiting()
    before = waiting.agent.stats()["malformed"]
    waiting.check_refused(header(waiting.request, coapmsg.ACK) + fault)
    assert waiting.agent.stats()["malformed"] == before + 1
    waiting.check_good_one_arrives()


@cases(**FAULTS)
def test_format_error_in_con_response_is_reset(fault):
    waiting = Waiting()
    mid = chance.mid()
    waiting.check_refused(header(waiting.request, coapmsg.CON, mid=mid) + fault, [reset_of(mid)])
    waiting.check_good_one_arrives()


@cases(token_9=9, token_13=13, token_15=15)
def test_token_length(length):
    waiting = Waiting()
    data = bytearray(header(waiting.request, coapmsg.ACK))
    data[0] = data[0] & 0xF0 | length
    waiting.check_refused(bytes(data) + waiting.request.token * 5)
    waiting.check_good_one_arrives()


@cases(version_0=0x00, version_2=0x80, version_3=0xC0)
def test_unknown_version(version):
    waiting = Waiting()
    data = header(waiting.request, coapmsg.ACK) + b"\xffx"
    waiting.check_refused(bytes([data[0] & 0x3F | version]) + data[1:])
    waiting.check_good_one_arrives()


@cases(class_1=0x21, class_6=0xC1, class_7=0xE5)
def test_reserved_code_class(code):
    waiting = Waiting()
    waiting.check_refused(header(waiting.request, coapmsg.ACK, code) + b"\xffx")
    waiting.check_good_one_arrives()


def test_unknown_critical_option_in_con_response_is_reset():
    waiting = Waiting()
    response = coapmsg.response(waiting.request, "2.05", b"bad", [(65001, b"x")], coapmsg.CON)
    waiting.check_refused(response, [reset_of(response.mid)])


@cases(ack=coapmsg.ACK, non=coapmsg.NON)
def test_unknown_critical_option_in_response_is_rejected(mtype):
    waiting = Waiting()
    response = coapmsg.response(waiting.request, "2.05", b"bad", [(65001, b"x")], mtype)
    waiting.check_refused(response)


def test_unknown_elective_option_in_response_is_ignored():
    waiting = Waiting()
    waiting.peer.send(coapmsg.response(waiting.request, "2.05", b"good", [(65000, b"x")]), waiting.address)
    assert waiting.agent.wait_events("response")[0]["payload"] == b"good"


def test_empty_ack_with_a_body_does_not_count():
    waiting = Waiting()
    waiting.check_refused(bytes([0x60, 0]) + waiting.request.mid.to_bytes(2, "big") + b"\xffx")
    waiting.check_good_one_arrives()
