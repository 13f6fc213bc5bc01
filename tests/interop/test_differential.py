# SPDX-License-Identifier: MIT
"""Is it a message? The verdicts of our parser, of aiocoap's and of libcoap's on one corpus: valid messages, the tables of
bad ones, and seeded mutations of both. Every difference belongs to a row of DIFFERENCES, which says by RFC 7252 who is
right."""

import ctypes

import aiocoap
import chance
import coapmsg
import programs
from test_malformed import FORMAT_ERRORS, UNPROCESSABLE

MUTATIONS = 2500
OURS = """
def verdict(data):
    coap = microcoapy.Coap()
    coap.feed(data, ("10.0.0.1", 5683))
    taken = coap.take()
    return coap.stats()["malformed"] == 0, taken and taken[0]
"""
# So that each row of DIFFERENCES has a datagram with any seed.
BAD_UTF8 = b"\x40\x01\x12\x34\xb1\x80"
NUMBER_65536 = b"\x40\x01\x12\x34\xe1\xfe\xf3\x00"
EMPTY_QUERY = b"\x40\x01\x12\x34\xd0\x02"
PROTO_UDP = 1
ROOM = 2048


def valid():
    """Messages with every kind of option extension, code and type."""
    for mtype in range(4):
        for code in (0, 1, 2, 5, 7, 31, 65, 69, 95, 132, 160, 165):
            yield coapmsg.Message(mtype, code, 0x1234) if code == 0 else coapmsg.Message(mtype, code, 0x1234, b"tok", [(11, b"a")], b"x")
    for token in range(9):
        yield coapmsg.Message(coapmsg.CON, 1, 1, bytes(token))
    for number in (1, 4, 11, 12, 13, 14, 268, 269, 270, 2048, 65000, 65535):
        for length in (0, 1, 2, 8, 12, 13, 14, 255, 268, 269, 270):
            yield coapmsg.Message(coapmsg.CON, 1, 1, b"t", [(number, bytes(length))])
    options = [(3, b"host"), (4, b"etag"), (6, b""), (7, b"\x16\x33"), (11, b"a"), (11, b"b"), (12, b"*"), (15, b"q=1"), (17, b"\x3c")]
    yield coapmsg.Message(coapmsg.NON, 2, 7, b"12345678", options + [(23, b"\x06"), (27, b"\x0e"), (60, b"\x01\x00"), (258, b"\x02")], b"body")


def mutated(generator, data):
    data = bytearray(data)
    for _ in range(generator.randrange(1, 3)):
        at = generator.randrange(len(data) + 1)
        kind = generator.randrange(4)
        if kind == 0:
            del data[at:]
        elif kind == 1:
            data[at:at] = generator.randbytes(generator.randrange(1, 4))
        elif at < len(data):
            data[at] = generator.choice([0, 13, 14, 15, 0x7F, 0x80, 0xD0, 0xE0, 0xF0, 0xFE, 0xFF, data[at] ^ 1 << generator.randrange(8)])
    return bytes(data)


def corpus():
    generator = chance.generator("mutations")
    good = [message.encode() for message in valid()] + [message.encode() for message in UNPROCESSABLE.values()]
    found = good + list(FORMAT_ERRORS.values()) + [BAD_UTF8, NUMBER_65536, EMPTY_QUERY]
    found += [data[:end] for data in (good[1], good[-1]) for end in range(len(data))]
    found += [mutated(generator, generator.choice(found)) for _ in range(MUTATIONS)]
    return list(dict.fromkeys(found))


# ---- the three verdicts, and the tests' own ------------------------------------------------------


class Libcoap:
    """coap_pdu_parse of the library that coap-server-notls uses."""

    def __init__(self):
        self.library = ctypes.CDLL("libcoap-3-notls.so.3")
        self.library.coap_pdu_init.restype = ctypes.c_void_p
        self.library.coap_pdu_init.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_uint16, ctypes.c_size_t]
        self.library.coap_pdu_parse.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p]
        self.library.coap_delete_pdu.argtypes = [ctypes.c_void_p]
        self.library.coap_set_log_level(0)

    def __call__(self, data):
        pdu = self.library.coap_pdu_init(0, 0, 0, ROOM)
        try:
            return self.library.coap_pdu_parse(PROTO_UDP, data, len(data), pdu) > 0
        finally:
            self.library.coap_delete_pdu(pdu)


def aiocoap_takes(data):
    """False whatever it raises: not all of that is UnparsableMessage."""
    try:
        aiocoap.Message.decode(data)
    except Exception:
        return False
    return True


def reference(data):
    """The tests' own strict decoder: None where it takes the datagram, else why not."""
    try:
        coapmsg.decode(data)
    except coapmsg.FormatError as error:
        return str(error)
    return None


# ---- the differences -----------------------------------------------------------------------------

# RFC 7252 section 5.10, RFC 7641, 7959, 7967, 8613, 8768, 9175, 9177: shortest and longest value that is defined.
LENGTHS = {
    1: (0, 8),
    3: (1, 255),
    4: (1, 8),
    5: (0, 0),
    6: (0, 3),
    7: (0, 2),
    8: (0, 255),
    9: (0, 255),
    11: (0, 255),
    12: (0, 2),
    14: (0, 4),
    15: (0, 255),
    16: (1, 1),
    17: (0, 2),
    19: (0, 3),
    20: (0, 255),
    23: (0, 3),
    27: (0, 3),
    28: (0, 4),
    31: (0, 3),
    35: (1, 1034),
    39: (1, 255),
    60: (0, 4),
    252: (1, 40),
    258: (0, 1),
    292: (0, 8),
}
STRINGS = (3, 8, 11, 15, 20, 35, 39)


def any_option(data, holds):
    return reference(data) is None and any(holds(number, value) for number, value in coapmsg.decode(data).options)


def is_odd_length(number, value):
    shortest, longest = LENGTHS.get(number, (0, 65535))
    return not shortest <= len(value) <= longest


def is_empty_query(number, value):
    return number == coapmsg.URI_QUERY and not value


def is_no_text(number, value):
    try:
        return number in STRINGS and value.decode() is None
    except UnicodeDecodeError:
        return True


def refused_for(text):
    return lambda data: (reference(data) or "").startswith(text)


# (who differs from us, whether it takes such a datagram, what kind of datagram, why ours is right)
DIFFERENCES = (
    ("aiocoap", True, refused_for("token length"), "section 3: a Token Length of 9 to 15 must be processed as a message format error"),
    ("aiocoap", True, refused_for("token cut short"), "section 3: the token has as many bytes as Token Length says; aiocoap takes the rest of the datagram"),
    ("aiocoap", True, refused_for("Empty message with a body"), "section 4.1: bytes after the message id of an Empty message must be processed as a message format error"),
    ("aiocoap", True, refused_for("payload marker without payload"), "section 3: a marker followed by a zero-length payload must be processed as a message format error"),
    ("aiocoap", True, refused_for("option number"), "section 12.2: option numbers end at 65535; there is no such option, and no number may stand for another"),
    ("aiocoap", False, lambda data: any_option(data, is_no_text), "section 5.4.1: what cannot be understood in an option is the option's affair (4.02 if it is critical), the message is one"),
    ("libcoap", True, refused_for("option number"), "section 12.2: the same; libcoap 4.3.1 lets the 16 bits of a sum wrap"),
    ("libcoap", False, lambda data: any_option(data, is_empty_query), "section 5.10: Uri-Query has 0 to 255 bytes"),
    ("libcoap", False, lambda data: any_option(data, is_odd_length), "section 5.4.3: an option whose length is outside its range is to be treated like an unknown one, the message is one"),
)  # fmt: skip


def row(who, takes, data):
    """The row that a difference belongs to."""
    for index, (peer, its_verdict, is_kind, _) in enumerate(DIFFERENCES):
        if (peer, its_verdict) == (who, takes) and is_kind(data):
            return index
    raise AssertionError("%s %s, we do not: %s (%s)" % (who, "takes it" if takes else "refuses it", data.hex(), reference(data)))


def check_reply(data, reply):
    """To what is no message: RFC 7252 section 3 on unknown versions, 4.2, 4.3."""
    reset = bytes([0x70, 0]) + data[2:4]
    if len(data) < 4 or data[0] >> 6 != 1 or data[0] >> 4 & 3 > 1:
        allowed = (None,)
    else:
        allowed = (reset,) if data[0] >> 4 & 3 == 0 else (None, reset)
    assert reply in allowed, (data.hex(), reply)


def test_is_it_a_message():
    agent = programs.Agent(OURS)
    libcoap = Libcoap()
    count = [0] * len(DIFFERENCES)
    datagrams = corpus()
    for data in datagrams:
        ours, reply = agent.eval("verdict(%r)" % data)
        assert ours == (reference(data) is None), (ours, data.hex(), reference(data))
        if not ours:
            check_reply(data, reply)
        for who, takes in (("aiocoap", aiocoap_takes(data)), ("libcoap", libcoap(data))):
            if takes != ours:
                count[row(who, takes, data)] += 1
    assert all(count), "a row without a difference: %s of %d datagrams" % (count, len(datagrams))
