# SPDX-License-Identifier: MIT
"""Group 'docs': every page of docs/, typed by page.py as its reader types it, and what it shows compared.

Each page has a network of its own, where the kernel lets this user make one; else one page runs after the other.
"""

import json
import os
import re
import sys
import time

from runner import page, process, setup
from runner.report import Failed

FOLDER = os.path.join(process.ROOT, "docs")
INDEX = os.path.join(FOLDER, "README.md")
PAGE_LIMIT = 300
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
# A network, and processes that end with the page.
OWN_NETWORK = ["unshare", "--map-root-user", "--net", "--pid", "--fork", "--kill-child"]


def read(path):
    with open(path) as file:
        return file.read()


def pages():
    """Names of the pages in the order of the index, that is the order in which they are read."""
    linked = [link[:-3] for link in LINK.findall(read(INDEX)) if link.endswith(".md") and "/" not in link]
    return list(dict.fromkeys(linked))


def path_of(name):
    return os.path.join(FOLDER, name + ".md")


def sources():
    """(name, text) of each Python example, also of those not run. What is typed at prompts is a program per block."""
    for name in ["README", *pages()]:
        for block in page.blocks(read(path_of(name))):
            where = "docs/%s/line_%d.py" % (name, block.line)
            if block.language == "python":
                yield ("docs/%s/%s" % (name, block.file) if block.file else where), block.text
            elif block.statements:
                yield where, "\n".join(block.statements) + "\n"


def mistakes():
    """What is wrong with the pages before anything is run."""
    names = pages()
    for file in sorted(os.listdir(FOLDER)):
        if file.endswith(".md") and file != "README.md" and file[:-3] not in names:
            yield "docs/%s is not in the index" % file
    for name in ["README", *names]:
        markdown = read(path_of(name))
        try:
            page.check(page.blocks(markdown))
        except page.Wrong as wrong:
            yield "docs/%s.md, %s" % (name, wrong)
        for link in LINK.findall(markdown):
            if not os.path.exists(os.path.join(FOLDER, link)):
                yield "docs/%s.md: no file %s" % (name, link)


class Results:
    """Follows what page.py says of one page: `found` has (name, output or None)."""

    def __init__(self):
        self.planned = None
        self.found = []

    def line(self, line):
        try:
            kind, name, *text = json.loads(line)
        except ValueError:
            return
        if kind == "plan":
            self.planned = name
        else:
            self.found.append((name, text[0] if text else None))


def typed(name, interpreter, wrapper):
    """The page's results; Failed if it does not come to its end."""
    results = Results()
    argv = [*wrapper, sys.executable, "-B", page.__file__, path_of(name), interpreter]
    status, output = process.run(argv, PAGE_LIMIT, on_line=results.line)
    if status != 0 or results.planned is None or len(results.found) != len(results.planned):
        raise Failed("exit status %s\n%s" % (status, output))
    return results.found


def one(report, name, interpreter, wrapper):
    """One test for each program of the page; a second try runs the whole page."""

    def once_more(test):
        output = dict(typed(name, interpreter, wrapper))[test]
        if output is not None:
            raise Failed(output)

    started = time.monotonic()
    try:
        found = typed(name, interpreter, wrapper)
    except Failed as failed:
        report.fail("docs/" + name, str(failed), again=lambda: typed(name, interpreter, wrapper))
        return
    seconds = (time.monotonic() - started) / len(found)
    for test, output in found:
        title = "docs/%s/%s" % (name, test)
        if output is None:
            report.ok(title, seconds=seconds)
        else:
            report.fail(title, output, seconds=seconds, again=lambda test=test: once_more(test))


def can_isolate():
    try:
        return process.run([*OWN_NETWORK, "true"], 10)[0] == 0
    except OSError:
        return False


def run(report, options):
    interpreter = setup.interpreter()
    setup.venv()  # docs/discover.md runs aiocoap-rd
    if options.everything or options.chosen(["pages"]):
        wrong = list(mistakes())
        report.fail("docs/pages", "\n".join(wrong)) if wrong else report.ok("docs/pages")
    chosen = [name for name in pages() if any(name.startswith(p) or p.startswith(name + "/") for p in options.prefixes)]
    chosen = [name for name in chosen if any(block.is_run for block in page.blocks(read(path_of(name))))]
    if can_isolate():
        options.parallel([lambda name=name: one(report, name, interpreter, OWN_NETWORK) for name in chosen], waiting=True)
    else:
        report.note("docs: no network of its own for each page; they run on this machine's ports")
        for name in chosen:
            one(report, name, interpreter, [])
