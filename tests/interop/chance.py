# SPDX-License-Identifier: MIT
"""The numbers that a test draws. They follow from its name, or from MICROCOAPY_SEED: the same in every run."""

import os
import random
import zlib

_seed = 0
_drawn = False
_mids = None
_tokens = None


def begin(name):
    """A test begins; `name` with its module's."""
    global _seed, _drawn, _mids, _tokens
    given = os.environ.get("MICROCOAPY_SEED")
    _seed = int(given, 0) if given else zlib.crc32(name.encode())
    _drawn = False
    _mids = _tokens = None


def seed():
    """The seed if the test has drawn, else None."""
    return _seed if _drawn else None


def generator(purpose):
    """Random numbers of the test for one purpose, whatever else draws."""
    global _drawn
    _drawn = True
    return random.Random("%d %s" % (_seed, purpose))


def mid():
    """A message id that the test has not used in its last 65536."""
    global _mids
    if _mids is None:
        _mids = generator("message ids").randrange(0x10000)
    _mids = _mids + 1 & 0xFFFF
    return _mids


def token():
    """Four bytes that nobody can guess, but for whom has the seed."""
    global _tokens
    if _tokens is None:
        _tokens = generator("tokens")
    return _tokens.randbytes(4)
