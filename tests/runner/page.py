# SPDX-License-Identifier: MIT
"""One page of docs/: its blocks, and running them as its reader does, with terminals and a folder of files.

As a program (page.py PAGE INTERPRETER) it runs the page with the loopback interface of a network of its own and prints
one JSON list per result: ["plan", [names]], ["pass", name], ["fail", name, text].

Of fenced blocks a page has
- python: a program. Its first line is a comment with its name: it is saved under that name. It has to be run, or
  imported.
- console: what a terminal shows; the paragraph before it says which one ("terminal 2"). Lines that begin with '$ ' are
  commands, with '>>> ' what is typed into the interpreter; '^C' at the beginning and '>>> ^D' are these keys. All else
  is output: '...' in a line stands for anything, as a line of its own for any lines. A block that begins with output
  goes on with what runs in that terminal. A program must have ended before the next '$ ' of its terminal, and before
  the page's end, with status 0 unless it was interrupted; and it must have printed this and nothing more.
- others, and those that are not run: only with not-run="the reason" in the line of the fence.
"""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time

PATIENCE = 60  # seconds until what is to be shown has been shown
FENCE = re.compile(r"^```(\S*) *(.*)$")
STRAY = re.compile(r"^(\s+```|\s*~~~|````)")
NOT_RUN = re.compile(r'^not-run="([^"]+)"$')
FILE = re.compile(r"^# ([a-z_]+\.py)\n")
IMPORT = re.compile(r"^ *(?:import|from) (\w+)", re.MULTILINE)
TERMINAL = re.compile(r"[Tt]erminal (\d)")
PROMPT = ">>> "
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1  # linux/sockios.h, linux/if.h


class Wrong(Exception):
    """What the page shows is not what happens, or the page cannot be run."""


class Block:
    """A fenced block: its language, what else its fence says, its text, its first line, and the paragraph before it."""

    def __init__(self, language, info, line, lead):
        self.language = language
        self.info = info
        self.line = line
        self.lead = lead
        self.text = ""

    @property
    def is_run(self):
        """False: the fence says why not."""
        return not NOT_RUN.match(self.info)

    @property
    def file(self):
        """The name that a program is to be saved as: a comment in its first line."""
        match = FILE.match(self.text)
        return match and match.group(1)

    @property
    def terminal(self):
        numbers = TERMINAL.findall(self.lead)
        return numbers[-1] if numbers else None

    @property
    def statements(self):
        """What is typed at prompts of the interpreter."""
        return [line[len(PROMPT) :] for line in self.text.split("\n") if line.startswith(PROMPT) and line[4:] != "^D"]

    @property
    def commands(self):
        return [line[2:] for line in self.text.split("\n") if line.startswith("$ ")]


def blocks(markdown):
    """The fenced blocks of a page."""
    found, block, lead, paragraph = [], None, "", []
    for number, line in enumerate(markdown.split("\n"), 1):
        fence = FENCE.match(line)
        if STRAY.match(line) and not block:
            raise Wrong("line %d: a fence that is indented, or not of three backquotes" % number)
        if block and line == "```":
            found.append(block)
            block, paragraph = None, []
        elif block:
            block.text += line + "\n"
        elif fence:
            lead = " ".join(paragraph) or lead
            block = Block(fence.group(1), fence.group(2), number, lead)
        elif line.strip():
            paragraph.append(line)
        else:
            lead, paragraph = " ".join(paragraph) or lead, []
    if block:
        raise Wrong("line %d: the block has no end" % block.line)
    return found


def check(page):
    """Raises Wrong if a block of the page would not be run and does not say why."""
    used = " ".join(command for block in page if block.is_run for command in block.commands).split()
    used += [name + ".py" for block in page for name in IMPORT.findall(block.text)]
    for block in page:
        if not block.is_run:
            continue
        where = "line %d: " % block.line
        if block.info:
            raise Wrong(where + "unknown mark %r" % block.info)
        if block.language == "python":
            if not block.file:
                raise Wrong(where + "a program begins with its name, '# name.py'")
            if block.file not in used:
                raise Wrong(where + "%s is never run" % block.file)
        elif block.language != "console":
            raise Wrong(where + 'neither python nor console, and no not-run="reason"')
        elif not block.terminal:
            raise Wrong(where + "the paragraph before it names no terminal")


def pattern(shown):
    """An expression for what is shown: '...' stands for anything in a line, as a line of its own for any lines."""
    expression = ""
    for line in shown.splitlines(True):
        if line == "...\n":
            expression += "(?:.*\n)*?"
        elif line.startswith(PROMPT):
            expression += re.escape(line)
        else:
            expression += ".*".join(re.escape(part) for part in line.split("..."))
    return re.compile(expression)


def name_of(command):
    """What a test of this command is called: its program, or 'repl'."""
    words = command.split()
    programs = [word for word in words if word.endswith(".py")]
    if programs:
        return programs[0]
    return "repl" if words == ["build/micropython"] else os.path.basename(words[0])


class Terminal:
    """Runs commands on a terminal of their own and knows what they should have shown."""

    def __init__(self, folder):
        self.folder = folder
        self.process = None
        self.master = None

    def start(self, command):
        self.name = name_of(command)
        self.shown = ""
        self.output = ""
        self.prompts = False
        self.interrupted = False
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            ["sh", "-c", command if set(command) & set("|&;") else "exec " + command],
            cwd=self.folder,
            env={**os.environ, "TERM": "dumb"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)

    def _read(self, seconds):
        """Reads what there is, or waits that long for it; False at its end."""
        if not select.select([self.master], [], [], max(seconds, 0))[0]:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:  # EIO: nobody has the other end open
            data = b""
        self.output += data.decode("utf-8", "backslashreplace").replace("\r", "")
        return bool(data)

    def expect(self, more=""):
        """Waits until the output is what is shown, with `more` behind it."""
        self.shown += more
        prompt = PROMPT if self.prompts and not self.shown.endswith(PROMPT) and self.process else ""
        wanted = pattern(self.shown + prompt)
        deadline = time.monotonic() + PATIENCE
        alive = True
        while not wanted.fullmatch(self.output):
            if not alive or time.monotonic() > deadline:
                raise Wrong(self._difference(prompt, alive))
            alive = self._read(deadline - time.monotonic())

    def _difference(self, prompt, alive):
        end = "" if alive else "[end, status %s]\n" % self.process.wait()
        return "the page shows:\n%s\nit prints:\n%s%s" % (self.shown + prompt, self.output, end)

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        """Waits for the program's end; nothing but what is shown may have come, and its status must be good."""
        if not self.process:
            return
        deadline = time.monotonic() + PATIENCE
        while self._read(deadline - time.monotonic()):
            if time.monotonic() > deadline:
                raise Wrong("it does not end by itself; it has printed:\n" + self.output)
        os.close(self.master)
        process, self.process, self.master = self.process, None, None
        status = process.wait()
        if not pattern(self.shown).fullmatch(self.output):
            self.process = process
            raise Wrong(self._difference("", False))
        if status != 0 and not self.interrupted:
            raise Wrong("exit status %d; it has printed:\n%s" % (status, self.output))

    def kill(self):
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def line(self, line):
        """One line of a block."""
        if line.startswith("$ "):
            self.start(line[2:])
        elif self.process is None:
            raise Wrong("nothing runs in this terminal that could show %r" % line)
        elif line.startswith(PROMPT):
            self.expect(PROMPT)
            self.prompts = True
            typed = line[len(PROMPT) :]
            self.type("\x04" if typed == "^D" else typed + "\r")
            self.prompts = typed != "^D"
            self.shown += "\n" if typed == "^D" else typed + "\n"
        else:
            if line.startswith("^C"):
                self.expect()
                self.interrupted = True
                self.type("\x03")
            self.shown += line + "\n"


def goes_on(page, number):
    """Whether a later block of the same terminal shows more of the program that this block leaves running."""
    for block in page[number + 1 :]:
        if block.language == "console" and block.terminal == page[number].terminal:
            return not block.text.startswith("$ ")
    return False


class Page:
    def __init__(self, markdown, folder):
        self.blocks = [block for block in blocks(markdown) if block.is_run]
        self.folder = folder
        self.terminals = {}
        self.current = None  # name of the test

    def names(self):
        """The tests of the page, in the order in which they begin."""
        names = [name_of(command) for block in self.blocks for command in block.commands]
        return list(dict.fromkeys(names))

    def run(self):
        for number, block in enumerate(self.blocks):
            if block.language == "python":
                with open(os.path.join(self.folder, block.file), "w") as file:
                    file.write(block.text)
            else:
                try:
                    self.console(block, goes_on(self.blocks, number))
                except Wrong as wrong:
                    raise Wrong("line %d, terminal %s: %s" % (block.line, block.terminal, wrong)) from None
        for number, terminal in self.terminals.items():
            if terminal.process:
                self.current = terminal.name
                raise Wrong("at the page's end %s still runs in terminal %s" % (terminal.name, number))

    def console(self, block, more_follows):
        terminal = self.terminals.setdefault(block.terminal, Terminal(self.folder))
        for line in block.text.splitlines():
            if terminal.process:
                self.current = terminal.name
            if line.startswith("$ "):
                terminal.end()
                self.current = name_of(line[2:])
            terminal.line(line)
        terminal.expect()
        if not more_follows:
            terminal.end()

    def close(self):
        for terminal in self.terminals.values():
            terminal.kill()


def loopback_up():
    """A new network's loopback interface is down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(sock, SIOCGIFFLAGS, request))[1]
        if not flags & IFF_UP:
            fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


def furnish(folder, root, interpreter):
    """What a reader has: the interpreter, the tests' Python programs, the examples."""
    os.mkdir(os.path.join(folder, "build"))
    os.symlink(interpreter, os.path.join(folder, "build", "micropython"))
    os.symlink(os.path.join(root, "build", "venv"), os.path.join(folder, "build", "venv"))
    shutil.copytree(os.path.join(root, "examples"), os.path.join(folder, "examples"))


def main(path, interpreter):
    def say(*result):
        print(json.dumps(result), flush=True)

    loopback_up()
    with open(path) as file:
        markdown = file.read()
    with tempfile.TemporaryDirectory() as folder:
        furnish(folder, os.path.dirname(os.path.dirname(os.path.abspath(path))), interpreter)
        page = Page(markdown, folder)
        say("plan", page.names())
        failed = None
        try:
            page.run()
        except Wrong as wrong:
            failed = page.current
            say("fail", failed, str(wrong))
        finally:
            page.close()
        begun = page.names()
        passed = begun[: begun.index(failed)] if failed else begun
        for name in begun:
            if name in passed:
                say("pass", name)
            elif name != failed:
                say("fail", name, "not run to its end, because of " + failed)


if __name__ == "__main__":
    main(*sys.argv[1:])
