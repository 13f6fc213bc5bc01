# SPDX-License-Identifier: MIT
"""Bad datagrams to a server: each ends as RFC 7252 says, is counted, and the next good request is served."""

import coapmsg
import net
import programs
from harness import cases

HOST = "127.0.0.1"
SETUP = """
runs = 0
def handler(packet, ip, port):
    global runs
    runs += 1
    coap.sendResponse(ip, port, packet.messageid, "good", 69, -1, packet.token)
for path in ("a", "a/b", ""):
    coap.addIncomingRequestCallback(path, handler)
"""
A = b"\xb1a"  # Uri-Path "a"


class Victim:
    """A server; what is bad comes from `peer`, everything else from `honest`, whose message ids are apart."""

    def __init__(self):
        self.server, port = programs.server(SETUP)
        self.address = (HOST, port)
        self.peer, self.honest = net.RawPeer(), net.RawPeer()

    def reply(self, data):
        """What comes back, as bytes; None for silence (a ping after it has been answered)."""
        self.peer.send(data, self.address)
        self.honest.nothing_but_pong(self.address)
        replies = self.peer.waiting()
        assert len(replies) <= 1, replies
        return replies[0] if replies else None

    def check_served(self):
        answer = self.honest.ask(coapmsg.request(coapmsg.GET, "a"), self.address)
        assert (answer.dotted, answer.payload) == ("2.05", b"good"), answer

    def check_refused(self, data, allowed, counter):
        """Sends it; the reply must be one of `allowed`, the handler must not run, a counter must move."""
        before, runs = self.server.stats(), self.server.eval("runs")
        reply = self.reply(data)
        assert reply in allowed, (data.hex(), reply and reply.hex(), [a and a.hex() for a in allowed])
        assert self.server.eval("runs") == runs, "handled: " + data.hex()
        after = self.server.stats()
        moved = sum(after[name] - before[name] for name in counter)
        assert moved == 1, (data.hex(), before, after)


def reset(data):
    return bytes([0x70, 0]) + data[2:4]


FORMAT_ERRORS = {
    "token_length_9": b"\x49\x01\x12\x34123456789" + A,
    "token_length_10": b"\x4a\x01\x12\x341234567890" + A,
    "token_length_11": b"\x4b\x01\x12\x341234567890a" + A,
    "token_length_12": b"\x4c\x01\x12\x341234567890ab" + A,
    "token_length_13_extended": b"\x4d\x01\x12\x34\x001234567890abc" + A,
    "token_length_14_extended": b"\x4e\x01\x12\x34\x00\x00" + bytes(269) + A,
    "token_length_15": b"\x4f\x01\x12\x34123456789012345" + A,
    "token_cut_short": b"\x44\x01\x12\x34abc",
    "token_missing": b"\x48\x01\x12\x34",
    "option_delta_15": b"\x40\x01\x12\x34\xf1a",
    "option_length_15": b"\x40\x01\x12\x34\xbfa" + b"x" * 20,
    "option_both_15_is_marker_only_when_ff": b"\x40\x01\x12\x34\xfea",
    "option_delta_extension_cut": b"\x40\x01\x12\x34\xd1",
    "option_delta_extension_16_cut": b"\x40\x01\x12\x34\xe1\x00",
    "option_length_extension_cut": b"\x40\x01\x12\x34\xbd",
    "option_length_extension_16_cut": b"\x40\x01\x12\x34\xbe\x00",
    "option_value_cut": b"\x40\x01\x12\x34\xb5ab",
    "option_number_wraps_to_11": b"\x40\x01\x12\x34\xe0\xfe\xf2\xc0",
    "option_number_past_65535": b"\x40\x01\x12\x34\xe0\xfe\xf2\x10",
    "option_number_wraps_by_sum": b"\x40\x01\x12\x34\xe0\xff\xff\xe1\xff\xffa",
    "payload_marker_without_payload": b"\x40\x01\x12\x34" + A + b"\xff",
    "payload_marker_alone": b"\x40\x01\x12\x34\xff",
    "empty_with_token": b"\x41\x00\x12\x34t",
    "empty_with_option": b"\x40\x00\x12\x34" + A,
    "empty_with_payload": b"\x40\x00\x12\x34\xffx",
    "empty_with_one_byte": b"\x40\x00\x12\x34\x00",
}
MALFORMED = ("malformed",)
REFUSED = ("malformed", "dropped")


@cases(**FORMAT_ERRORS)
def test_format_error_in_con_is_reset(data):
    victim = Victim()
    victim.check_refused(data, [reset(data)], MALFORMED)
    victim.check_served()


@cases(**FORMAT_ERRORS)
def test_format_error_in_non_is_dropped_or_reset(data):
    victim = Victim()
    data = bytes([data[0] | 0x10]) + data[1:]
    victim.check_refused(data, [None, reset(data)], MALFORMED)
    victim.check_served()


@cases(ack=0x20, rst=0x30)
def test_format_error_in_ack_and_rst_is_silently_ignored(bits):
    victim = Victim()
    for data in FORMAT_ERRORS.values():
        victim.check_refused(bytes([data[0] | bits]) + data[1:], [None], MALFORMED)
    victim.check_served()


@cases(v0=0x00, v2=0x80, v3=0xC0)
def test_unknown_version_is_silently_ignored(version):
    victim = Victim()
    for kind in range(4):
        data = bytes([version | kind << 4, 1, 0x12, 0x34]) + A
        victim.check_refused(data, [None], REFUSED)
    victim.check_served()


@cases(class_1=0x21, class_1_last=0x3F, class_6=0xC1, class_7=0xE1, class_7_last=0xFF)
def test_reserved_code_class(code):
    victim = Victim()
    con = bytes([0x40, code, 0x12, 0x34]) + A
    victim.check_refused(con, [reset(con)], REFUSED)
    for kind, allowed in ((0x50, [None, b"\x70\x00\x12\x35"]), (0x60, [None]), (0x70, [None])):
        victim.check_refused(bytes([kind, code, 0x12, 0x35]) + A, allowed, REFUSED)
    victim.check_served()


@cases(m08=8, m09=9, m31=31)
def test_unknown_method_gets_405(code):
    victim = Victim()
    answer = coapmsg.decode(victim.reply(bytes([0x42, code, 0x12, 0x34]) + b"to" + A))
    assert (answer.mtype, answer.dotted, answer.mid, answer.token) == (coapmsg.ACK, "4.05", 0x1234, b"to"), answer
    assert victim.server.eval("runs") == 0
    victim.check_served()


@cases(
    ack_empty=b"\x60\x00\x12\x34",
    ack_response=b"\x64\x45\x12\x34abcd\xffx",
    ack_request=b"\x64\x01\x12\x34abcd" + A,
    rst_empty=b"\x70\x00\x12\x34",
    rst_request=b"\x74\x01\x12\x34abcd" + A,
    non_empty=b"\x50\x00\x12\x34",
    non_response=b"\x54\x45\x12\x34abcd\xffx",
)
def test_message_nobody_asked_for(data):
    victim = Victim()
    allowed = [None, reset(data)] if data[0] >> 4 == 5 else [None]
    runs = victim.server.eval("runs")
    assert victim.reply(data) in allowed
    assert victim.server.eval("runs") == runs
    victim.check_served()


@cases(empty_token=b"\x40\x45\x12\x34\xffx", token=b"\x44\x84\x12\x34abcd")
def test_con_response_nobody_asked_for_is_reset(data):
    victim = Victim()
    assert victim.reply(data) == reset(data)
    victim.check_served()


def option(number, value=b""):
    return coapmsg.request(coapmsg.GET, "a", options=[(number, value)], mid=0x1234)


UNPROCESSABLE = {
    "unknown_critical_9": option(9, b"x"),
    "unknown_critical_65001": option(65001),
    "accept_3_bytes": option(coapmsg.ACCEPT, b"\0\0\1"),
    "accept_twice": coapmsg.request(coapmsg.GET, "a", options=[(17, b""), (17, b"")]),
    "if_none_match_with_value": option(coapmsg.IF_NONE_MATCH, b"x"),
    "if_match_9_bytes": option(coapmsg.IF_MATCH, b"123456789"),
    "uri_host_empty": option(coapmsg.URI_HOST, b""),
    "uri_host_twice": coapmsg.request(coapmsg.GET, "a", options=[(3, b"x"), (3, b"x")]),
    "uri_port_3_bytes": option(coapmsg.URI_PORT, b"\0\x16\x33"),
    "uri_path_256_bytes": option(coapmsg.URI_PATH, b"x" * 256),
    "uri_query_256_bytes": option(coapmsg.URI_QUERY, b"x" * 256),
}


@cases(**UNPROCESSABLE)
def test_critical_option_that_cannot_be_understood_in_con_gives_402(request):
    victim = Victim()
    answer = coapmsg.decode(victim.reply(request.encode()))
    assert (answer.mtype, answer.mid, answer.token) == (coapmsg.ACK, request.mid, request.token), answer
    assert answer.dotted == "4.02", answer
    assert answer.payload.decode(), "no diagnostic"
    assert not answer.options, answer  # a diagnostic payload has no Content-Format
    assert victim.server.eval("runs") == 0
    victim.check_served()


@cases(**UNPROCESSABLE)
def test_critical_option_that_cannot_be_understood_in_non_is_rejected(request):
    victim = Victim()
    data = bytearray(request.encode())
    data[0] |= 0x10
    assert victim.reply(data) in (None, reset(data))
    assert victim.server.eval("runs") == 0
    victim.check_served()


@cases(
    unknown_elective=option(65000, b"x" * 300),
    etag_9_bytes=option(coapmsg.ETAG, b"123456789"),
    content_format_3_bytes=option(coapmsg.CONTENT_FORMAT, b"\0\0\1"),
    content_format_twice=coapmsg.request(coapmsg.GET, "a", options=[(12, b""), (12, b"\1")]),
    max_age_5_bytes=option(coapmsg.MAX_AGE, b"\0\0\0\0\1"),
    uint_with_leading_zero=option(coapmsg.ACCEPT, b"\0\0"),
)
def test_elective_option_that_cannot_be_understood_is_ignored(request):
    victim = Victim()
    answer = coapmsg.decode(victim.reply(request.encode()))
    assert (answer.dotted, answer.payload) == ("2.05", b"good"), answer


@cases(proxy_uri=option(coapmsg.PROXY_URI, b"coap://x/"), proxy_scheme=option(coapmsg.PROXY_SCHEME, b"coap"))
def test_proxy_request_gets_505(request):
    victim = Victim()
    answer = coapmsg.decode(victim.reply(request.encode()))
    assert answer.dotted == "5.05", answer
    assert victim.server.eval("runs") == 0
    victim.check_served()


@cases(
    slash_in_segment=[b"a/b"],
    encoded_slash=[b"a%2Fb"],
    encoded_twice=[b"a%252Fb"],
    dot_dot=[b"a", b"b", b".."],
    dot=[b"a", b"."],
    empty_segment_inside=[b"a", b"", b"b"],
    empty_segment_at_end=[b"a", b""],
    bad_utf8=[b"\xff\xfe"],
    overlong_utf8_slash=[b"a\xc0\xafb"],
    nul=[b"a\0"],
    longest=[b"x" * 255],
    many=[b"a"] * 100,
)
def test_segments_of_the_path_are_opaque(segments):
    victim = Victim()
    request = coapmsg.Message(coapmsg.CON, coapmsg.GET, None, b"t", [(coapmsg.URI_PATH, s) for s in segments])
    answer = coapmsg.decode(victim.reply(request.encode()))
    assert answer.dotted == "4.04", answer
    assert victim.server.eval("runs") == 0
    victim.check_served()


@cases(none=[], one_empty=[b""])
def test_root(segments):
    victim = Victim()
    request = coapmsg.Message(coapmsg.CON, coapmsg.GET, None, b"t", [(coapmsg.URI_PATH, s) for s in segments])
    answer = coapmsg.decode(victim.reply(request.encode()))
    assert answer.dotted in (("2.05",) if not segments else ("2.05", "4.04")), answer


@cases(five_hundred=500, as_many_as_fit=1000)
def test_zero_length_options(count):
    victim = Victim()
    data = b"\x40\x01\x12\x34" + A + b"\xe0" + (65000 - 11 - 269).to_bytes(2, "big") + b"\x00" * (count - 1)
    answer = coapmsg.decode(victim.reply(data))
    assert (answer.dotted, answer.payload) == ("2.05", b"good"), answer


@cases(
    empty_datagram=b"",
    too_large=b"\x40\x02\x12\x34" + A + b"\xff" + b"x" * 5000,
    largest=b"\x50\x02\x12\x34" + A + b"\xff" + b"x" * 60000,
)
def test_datagram_of_odd_size(data):
    victim = Victim()
    reply = victim.reply(data)
    if data:
        assert victim.server.eval("runs") == 0, "a datagram cut short was handled"
        if reply is not None:
            assert reply == reset(data) or coapmsg.decode(reply).dotted == "4.13", reply
    victim.check_served()


def test_every_header_of_0_to_5_bytes():
    victim = Victim()
    sent = 0
    for length in range(6):
        for first in range(256) if length else (0,):
            for code in (0, 1, 0x45, 0xFF) if length > 1 else (0,):
                data = bytes([first, code, sent >> 8, sent & 255, 0x00])[:length]
                reply = victim.reply(data)
                sent += 1
                if reply is None:
                    continue
                assert length >= 4 and first >> 6 == 1, (data.hex(), reply.hex())
                assert first >> 4 & 3 in (0, 1), (data.hex(), reply.hex())
                coapmsg.decode(reply)
    assert sent == 1 + 256 + 4 * 4 * 256
    victim.check_served()


def test_every_truncation_and_every_byte_changed_of_a_request():
    victim = Victim()
    options = [(coapmsg.ETAG, b"tag"), (coapmsg.CONTENT_FORMAT, b"\x2a"), (coapmsg.URI_QUERY, b"q=" + b"x" * 20)]
    good = coapmsg.request(coapmsg.POST, "a/b", token=b"toke", options=options, payload=b"body").encode()
    for end in range(len(good)):
        victim.reply(good[:end])
    for at in range(len(good)):
        for value in (0x00, 0x0F, 0x7F, 0x80, 0xD0, 0xE0, 0xF0, 0xFF):
            reply = victim.reply(good[:at] + bytes([value]) + good[at + 1 :])
            if reply is not None:
                coapmsg.decode(reply)
    victim.check_served()
