# SPDX-License-Identifier: MIT
# Datagrams: valid ones, also in answer to one that an endpoint has sent; mutated ones; bytes.

PATHS = (b"value", b"handler", b"classic", b"stream", b"large", b"observed", b"task", b"x", b"", b".well-known")
# RFC 7252 section 12.2, RFC 7641, 7959, 8768, 9175, 7967; and numbers that nobody knows.
NUMBERS = (1, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 20, 23, 27, 28, 35, 39, 60, 252, 258, 292, 9, 2048, 65000, 65535)
VALUES = (b"", b"\0", b"\1", b"\6", b"\x0e", b"\x16", b"\x26", b"\x2a", b"\x0f", b"\xff\xff\xf6", b"abcd", b"12345678", b"123456789")
CODES = (1, 1, 1, 2, 3, 4, 5, 6, 7, 0, 65, 67, 68, 69, 69, 95, 128, 132, 136, 141, 160, 8, 31, 32, 96, 192, 255)


def nibble(value):
    if value < 13:
        return value, b""
    if value < 269:
        return 13, bytes([value - 13])
    return 14, bytes([value - 269 >> 8, value - 269 & 255])


def encode(mtype, code, mid, token, options, payload):
    out = bytearray([0x40 | mtype << 4 | len(token), code, mid >> 8, mid & 255])
    out.extend(token)
    last = 0
    for number, value in sorted(options, key=lambda option: option[0]):
        delta, more = nibble(number - last)
        length, longer = nibble(len(value))
        out.append(delta << 4 | length)
        out.extend(more + longer + value)
        last = number
    if payload:
        out.append(255)
        out.extend(payload)
    return bytes(out)


def options(chance, is_request):
    found = [(11, chance.one(PATHS)) for _ in range(1 + chance.percent(20))] if is_request else []
    while chance.percent(45):
        found.append((chance.one(NUMBERS), chance.one(VALUES)))
    return found


def body(chance):
    return chance.bytes(chance.one((0, 0, 1, 5, 16, 64, 200))) + bytes(chance.one((0, 0, 0, 64, 1024, 1300)))


def new_message(chance):
    code = chance.one(CODES)
    payload = body(chance) if code != 1 or chance.percent(10) else b""
    return encode(chance.below(4), code, chance.bits() & 0xFFFF, chance.bytes(chance.one((0, 1, 4, 8))), options(chance, code < 32), payload)


def answer(chance, sent):
    """To a datagram that an endpoint has sent: with its message id and token."""
    if len(sent) < 4:
        return sent
    token = sent[4 : 4 + (sent[0] & 15)]
    mid = sent[2] << 8 | sent[3]
    kind = chance.below(8)
    if kind == 0:
        return encode(3, 0, mid, b"", [], b"")
    if kind == 1:
        return encode(2, 0, mid, b"", [], b"")
    code = chance.one((69, 69, 69, 69, 68, 65, 67, 95, 132, 136, 141, 129, 160))
    return encode(chance.one((2, 2, 2, 1, 0)), code, mid, token, options(chance, False), body(chance))


def mutated(chance, data):
    data = bytearray(data)
    for _ in range(1 + chance.below(3)):
        at = chance.below(len(data) + 1)
        kind = chance.below(4)
        if kind == 0:
            data = data[:at]
        elif kind == 1:
            data = data[:at] + chance.bytes(1 + chance.below(4)) + data[at:]
        elif at < len(data):
            data[at] = chance.one((0, 1, 15, 0x7F, 0x80, 0xD0, 0xE0, 0xF0, 0xFF, data[at] ^ 1 << chance.below(8)))
    return bytes(data)


def datagram(chance, sent):
    """`sent`: what an endpoint has sent of late, b"" if nothing."""
    kind = chance.below(10)
    if kind == 0:
        return chance.bytes(chance.below(40))
    data = answer(chance, sent) if sent and kind < 6 else new_message(chance)
    return mutated(chance, data) if kind % 3 == 0 else data
