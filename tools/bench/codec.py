# SPDX-License-Identifier: MIT
"""Decoding and encoding a message, beside the Rust crate coap-lite: benches/codec.rs measures both by turns."""

import subprocess

from rates import built

COAP_LITE = "coap-lite"
NAMES = "microcoapy's engine", COAP_LITE


def measure():
    """{message: (nanoseconds of our decoding and encoding, of coap-lite's)}"""
    # As micropython.mk builds the engine for systems.
    program = built("codec", CARGO_PROFILE_RELEASE_OPT_LEVEL="3")
    lines = subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
    sums = {}
    for line in lines:
        what, _, times = line.rpartition(": ")
        message = what.partition(" ")[2]
        ours, theirs = map(float, times.split())
        before = sums.get(message, (0, 0))
        sums[message] = before[0] + ours, before[1] + theirs
    assert sums, "benches/codec.rs has measured nothing"
    return sums


def show():
    print("| decoding and encoding a message, ns | %s | %s |" % NAMES)
    print("|---|---|---|")
    for message, (ours, theirs) in measure().items():
        print("| %s | %.0f | %.0f (%.1f) |" % (message, ours, theirs, theirs / ours))
