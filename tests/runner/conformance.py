# SPDX-License-Identifier: MIT
"""Group 'conformance': the ETSI test descriptions, and tests/CONFORMANCE.md, which must tell what ran."""

import os

from runner import modules, process

TABLE = os.path.join(process.TESTS, "CONFORMANCE.md")
HEAD = """# Conformance

The ETSI CoAP#4 test descriptions that concern what exists, in both roles. `tests/run.py conformance` runs them, checks
every message of a description on the wire, and fails when this table is not what ran; `UPDATE=1 tests/run.py conformance`
writes it. The description of an identifier is in ETSI's document; the plugtest server is `examples/plugtest_server.py`.

Of DTLS there are the descriptions with a shared key. 04 to 07 are of raw public keys, RFC 7250, which mbedtls 2.28 does not
have. In 02 the description wants the alert decrypt_error; a wrong key makes the record with Finished fail its check of
integrity, to which RFC 6347 section 4.1.2.7 admits bad_record_mac or silence alone: both pass, for a server of ours the alert.

| identifier | role of microcoapy | peer | test | result |
|---|---|---|---|---|
"""

# Every description of ETSI's lists "base", "block" and "link"; 3 of OBS and 24 to 30 of CORE do not exist there. 4 to 7 of
# DTLS are of raw public keys.
DESCRIPTIONS = {
    "CORE": [*range(1, 24), 31],
    "BLOCK": range(1, 7),
    "OBS": [1, 2, *range(4, 15)],
    "LINK": range(1, 10),
    "DTLS": range(1, 4),
}
ROLES = ("client", "server")


def missing(lines):
    """What no test is named after, as IDENTIFIER (role)."""
    wanted = [("TD_COAP_%s_%02d" % (group, n), role) for group, ns in DESCRIPTIONS.items() for n in ns for role in ROLES]
    return ["%s (%s)" % pair for pair in wanted if not any(line.startswith("| %s | %s |" % pair) for line in lines)]


def rows(found):
    """One row per test; a test is named IDENTIFIER/peer, its module begins with the role."""
    lines = []
    for module in found:
        role = module.partition("_")[0]
        for name, passed in found[module]:
            identifier, _, peer = name.partition("/")
            if not identifier.startswith("TD_"):
                continue
            test = "conformance/%s/%s" % (module, name)
            lines.append("| %s | %s | %s | `%s` | %s |" % (identifier, role, peer, test, "pass" if passed else "FAIL"))
    return sorted(lines)


def run(report, options):
    found = modules.run(report, options, "conformance")
    if not options.everything:
        return
    lines = rows(found)
    for description in missing(lines):
        report.fail("conformance/table", "no test of " + description)
    table = HEAD + "\n".join(lines) + "\n"
    if os.environ.get("UPDATE"):
        with open(TABLE, "w") as file:
            file.write(table)
    try:
        with open(TABLE) as file:
            written = file.read()
    except FileNotFoundError:
        written = ""
    if written == table:
        report.ok("conformance/table")
    else:
        report.fail("conformance/table", "tests/CONFORMANCE.md is not what ran; UPDATE=1 tests/run.py conformance writes it")
