# SPDX-License-Identifier: MIT
"""Group 'rust': every test of the crate counts, in every profile of src/config.rs, with each feature, with all and with none.

Run as a program it prints these combinations, a word each; `make lint` looks at the same ones.
"""

import os
import re
import sys

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    sys.dont_write_bytecode = True

from runner import process  # noqa: E402

MANIFEST = os.path.join(process.ROOT, "Cargo.toml")
TARGET = os.path.join(process.ROOT, "build", "cargo-test")
RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored")
BINARY = re.compile(r"^\s*(?:Running|Doc-tests) (.*)")
FAILED = re.compile(r"^test (\S+) \.\.\. FAILED")


def run(report, options):
    if not os.path.exists(MANIFEST):
        report.fail("rust", "no Cargo.toml")
        return
    names = options.chosen(combinations())
    options.parallel([lambda features=features: one(report, features) for features in names])


def combinations():
    """What micropython.mk may ask cargo for: each profile with all features and with none, one with each alone; one
    without OSCORE; the gateway's, which has room for 1,000 peers, with all."""
    profiles = ("profile-unix", "profile-esp32", "profile-esp8266")
    features = ("ipv6", "attributes", "observe", "block", "discovery", "oscore")
    alone = [",".join((profiles[1], feature)) for feature in features]
    gateway = ",".join(("profile-gateway", *features))
    plain = ",".join(("profile-esp8266", *features[:-1]))
    return [",".join(words) for profile in profiles for words in ((profile, *features), (profile,))] + alone + [plain, gateway]


def one(report, features):
    name = "rust/" + features
    # One folder for all, so that dependencies are built once; what depends on features has their hash in its name.
    argv = ["cargo", "test", "--locked", "--no-fail-fast", "--target-dir", TARGET]
    # Unoptimised, an endpoint of the gateway's size is moved by way of the stack more often than a test's thread has room.
    environment = {"RUST_MIN_STACK": str(1 << 24)}
    status, output = process.run([*argv, "--no-default-features", "--features", features], 1800, env=environment)
    binary, failed_here, any_failed = "?", [], False
    for line in output.split("\n"):
        if BINARY.match(line):
            binary, failed_here = BINARY.match(line).group(1).split(" (")[0], []
        elif FAILED.match(line):
            failed_here.append(FAILED.match(line).group(1))
        elif RESULT.match(line):
            passed, failed, ignored = map(int, RESULT.match(line).groups())
            if passed:
                report.ok("%s/%s" % (name, binary), "%d tests" % passed, count=passed)
            for test in failed_here:
                report.fail("%s/%s/%s" % (name, binary, test), _of(output, test))
            if ignored:
                report.fail("%s/%s" % (name, binary), "%d tests ignored" % ignored, count=ignored)
            any_failed |= failed > 0
    if status != 0 and not any_failed:
        report.fail(name, output[-8000:])


def _of(output, name):
    """What the failed test printed."""
    match = re.search(r"---- %s stdout ----\n(.*?)(?=\n---- |\nfailures:)" % re.escape(name), output, re.S)
    return match.group(1) if match else ""


if __name__ == "__main__":
    print(" ".join(combinations()))
