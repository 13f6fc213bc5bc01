# needs: modern,oscore
# The keys of a context are wiped when it is closed, and when it is collected without that.
import gc
from uctypes import bytes_at

import microcoapy
from growing import scrub

# RFC 8613 appendix C.1.1
SECRET = bytes(range(1, 17))
SALT = bytes([0x9E, 0x7C, 0xA9, 0x22, 0x23, 0x78, 0x63, 0x40])
SENDER_KEY = bytes([0xF0, 0x91, 0x0E, 0xD7, 0x29, 0x5E, 0x6A, 0xD4, 0xB5, 0x4F, 0xC7, 0x93, 0x15, 0x43, 0x02, 0xFF])
LENGTH = 224  # of its memory: the key is in there


def made():
    return microcoapy.SecurityContext(SECRET, SALT, sender_id=b"", recipient_id=b"\x01")


def has_key(address):
    return SENDER_KEY in bytes_at(address, LENGTH)


context = made()
print(has_key(id(context)))
context.close()
print(has_key(id(context)))


def with_key(hidden):
    return [number for number in hidden if has_key(~number)]


def make_some():
    # Hidden: the collector would take the number of an address for a pointer.
    return with_key([~id(made()) for _ in range(8)])


hidden = make_some()
print(len(hidden))
scrub()
gc.collect()
# The collector may keep one by chance.
print(len(with_key(hidden)) <= 4)
