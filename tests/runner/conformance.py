# SPDX-License-Identifier: MIT
"""Group 'conformance': the ETSI test descriptions, and tests/CONFORMANCE.md, which must tell what ran."""

import os

from runner import modules, process

TABLE = os.path.join(process.TESTS, "CONFORMANCE.md")
HEAD = """# Conformance

The ETSI CoAP#4 test descriptions that concern what exists, in both roles. `tests/run.py conformance` runs them, checks
every message of a description on the wire, and fails when this table is not what ran; `UPDATE=1 tests/run.py conformance`
writes it. The description of an identifier is in ETSI's document; the plugtest server is `examples/plugtest_server.py`.

| identifier | role of microcoapy | peer | test | result |
|---|---|---|---|---|
"""


def rows(found):
    """One row per test; a test is named IDENTIFIER/peer, its module is the role."""
    lines = []
    for role in found:
        for name, passed in found[role]:
            identifier, _, peer = name.partition("/")
            if not identifier.startswith("TD_"):
                continue
            test = "conformance/%s/%s" % (role, name)
            lines.append("| %s | %s | %s | `%s` | %s |" % (identifier, role, peer, test, "pass" if passed else "FAIL"))
    return sorted(lines)


def run(report, options):
    found = modules.run(report, options, "conformance")
    if not options.everything:
        return
    table = HEAD + "\n".join(rows(found)) + "\n"
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
