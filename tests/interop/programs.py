# SPDX-License-Identifier: MIT
"""Starts and stops the programs a test needs; readiness is an event, never a sleep."""

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import net
from net import PATIENCE

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
INTERPRETER = os.path.abspath(os.environ.get("MICROPYTHON") or os.path.join(ROOT, "build", "micropython"))

_running = []


def stop_all():
    """Ends whatever the test left running."""
    while _running:
        _running[-1].close()


class Program:
    """A child process whose lines of output can be waited for."""

    def __init__(self, argv, cwd=None, env=None, stdin=subprocess.PIPE):
        self.argv = argv
        self.lines = []
        self.process = subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=dict(os.environ, **(env or {})),
            bufsize=0,
        )
        self._changed = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        _running.append(self)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def _read(self):
        for raw in self.process.stdout:
            self._line(raw.decode("utf-8", "backslashreplace").rstrip("\n"))
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _line(self, line):
        with self._changed:
            self.lines.append((time.monotonic(), line))
            self._changed.notify_all()

    @property
    def output(self):
        return "\n".join(line for _, line in self.lines)

    def wait(self, condition, timeout, what):
        """Waits until condition() is not None; fails when the program ends or the time is up."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                value = condition()
                if value is not None:
                    return value
                if self._ended:
                    raise AssertionError("%s ended before %s:\n%s" % (self.argv[0], what, self.output))
                if not self._changed.wait(deadline - time.monotonic()):
                    raise AssertionError("no %s within %.0f s:\n%s" % (what, timeout, self.output))

    def wait_line(self, pattern, timeout=PATIENCE, start=0):
        """The match of the first line, from number `start` on, that the pattern is found in."""

        def condition():
            for _, line in self.lines[start:]:
                match = re.search(pattern, line)
                if match:
                    return match
            return None

        return self.wait(condition, timeout, "line matching %r" % pattern)

    def wait_count(self, text, count, timeout=PATIENCE):
        """Waits until the output has the text that many times; it must not have it more often."""
        self.wait(lambda: True if self.output.count(text) >= count else None, timeout, "%d times %r" % (count, text))
        assert self.output.count(text) == count, self.output

    def wait_end(self, timeout=PATIENCE):
        """The exit status, once the program has ended by itself."""
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError("%s still runs after %.0f s:\n%s" % (self.argv, timeout, self.output))
        self._reader.join()
        return status

    def kill(self):
        """Ends it without warning."""
        self.process.kill()
        self.process.wait()

    def signal(self, number):
        self.process.send_signal(number)

    def close(self):
        if self in _running:
            _running.remove(self)
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join()
        self.process.stdout.close()
        if self.process.stdin:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass


class Raised(Exception):
    """The code sent to the agent raised: `name` and `values`."""

    def __init__(self, name, values, text):
        super().__init__(text)
        self.name = name
        self.values = values


class Agent(Program):
    """build/micropython running agent.py, told what to do line by line."""

    SCRIPT = "agent.py"

    def __init__(self, setup="", options=(), env=None):
        if not os.access(INTERPRETER, os.X_OK):
            raise AssertionError("no interpreter at %s: run make first" % INTERPRETER)
        super().__init__([INTERPRETER, *options, os.path.join(HERE, self.SCRIPT)], cwd=HERE, env=env)
        self._answers = []
        self._owed = 0
        self._serving = None
        self.events = []
        self.wait_line("^ready$")
        if setup:
            self.exec(setup)

    def _line(self, line):
        with self._changed:
            try:
                if line.startswith("event "):
                    fields = ast.literal_eval(line[6:])
                    fields["time"] = time.monotonic()
                    self.events.append(fields)
                elif line[:2] in ("= ", "! "):
                    self._answers.append(line)
            except (ValueError, SyntaxError):
                pass  # stays in the output
        super()._line(line)

    def _send(self, kind, code):
        self.process.stdin.write(json.dumps([kind, code]).encode() + b"\n")
        self._owed += 1

    def _answer(self, timeout):
        number = self._owed
        self.wait(lambda: True if len(self._answers) >= number else None, timeout, "answer of the agent")
        line = self._answers[number - 1]
        if line[0] == "!":
            _, name, values = line.split(" ", 2)
            try:
                values = ast.literal_eval(values)
            except (ValueError, SyntaxError):
                values = (values,)
            raise Raised(name, values, line[2:])
        return line[2:]

    def _command(self, kind, code, timeout):
        """Runs code, in between when the agent is serving."""
        if self._serving:
            self._send(kind, code)
            self._send("exec", self._serving)
            self._owed -= 1
            answer = self._answer(timeout)
            self._owed += 1
            return answer
        self._send(kind, code)
        return self._answer(timeout)

    def eval(self, code, timeout=PATIENCE):
        return ast.literal_eval(self._command("eval", code, timeout))

    def exec(self, code, timeout=PATIENCE):
        self._command("exec", code, timeout)

    def start(self, code):
        """Sends code to execute without waiting for its end; `finish` waits."""
        self._send("exec", code)

    def finish(self, timeout=PATIENCE):
        self._answer(timeout)

    def serve(self, name="coap"):
        """Lets the agent serve, from now on also after each command."""
        self._serving = "serve(%s)" % name
        self.start(self._serving)

    def stats(self, name="coap"):
        return self.eval("%s.stats()" % name)

    def begin_waiting(self, code):
        """Starts code that waits, and comes back once it does: the process sleeps."""
        lines = len(self.lines)
        self.start("print('waiting')\n" + code)
        self.wait_line("^waiting$", start=lines)
        deadline = time.monotonic() + PATIENCE
        while True:
            with open("/proc/%d/stat" % self.process.pid) as stat:
                if stat.read().rsplit(")", 1)[1].split()[0] == "S":
                    return
            assert time.monotonic() < deadline, "it does not wait"
            time.sleep(0.001)

    def check_over(self):
        """Nothing is left that could still be sent or end."""
        stats = self.stats()
        assert stats["transmissions_in_use"] == stats["exchanges_in_use"] == 0, stats

    def of(self, kind):
        """The events of that kind so far; of a serving agent, all that it has printed."""
        if self._serving:
            self.eval("0")
        with self._changed:
            return [e for e in self.events if e["kind"] == kind]

    def wait_events(self, kind, count=1, timeout=PATIENCE):
        """The events of that kind once there are `count`."""

        def condition():
            found = [e for e in self.events if e["kind"] == kind]
            return found if len(found) >= count else None

        return self.wait(condition, timeout, "%d events %r" % (count, kind))

    def poll_for(self, count, kind="response", name="coap", timeout=PATIENCE):
        """Polls the object until `count` events of that kind have come."""
        deadline = time.monotonic() + timeout
        while len(self.of(kind)) < count:
            left = deadline - time.monotonic()
            assert left > 0, "only %d of %d %s events:\n%s" % (len(self.of(kind)), count, kind, self.output)
            self.eval("%s.poll(%d)" % (name, min(int(left * 1000) + 1, 500)))
        return self.of(kind)

    def exchange(self, call):
        """Makes the call, polls for its response: the last response event."""
        before = len(self.of("response"))
        sent = self.eval(call)
        assert sent > 0, (call, sent)
        response = self.poll_for(before + 1)[-1]
        assert not self.of("error"), self.of("error")
        return response


class LoopAgent(Agent):
    """The same with an event loop: loop_agent.py."""

    SCRIPT = "loop_agent.py"

    def run(self, code, timeout=PATIENCE):
        """What a coroutine with this body returns."""
        return ast.literal_eval(self._command("run", code, timeout))


def _start(port, dtls):
    return "coap.start(%d%s)" % (port, ", dtls=microcoapy.Dtls(%s)" % dtls if dtls else "")


def loop_server(setup, parameters="", port=None, dtls="", **options):
    """A LoopAgent serving on a port of its own: `setup` may use `coap`; `dtls`: arguments of Dtls. Returns (agent, port)."""
    port = port or net.free_port()
    agent = LoopAgent("coap = microcoapy.Coap(%s)\n%s\n%s" % (parameters, setup, _start(port, dtls)), **options)
    agent.exec("serving = serve(coap)")
    return agent, port


def loop_client(parameters="", setup="", dtls="", **options):
    """A LoopAgent with a started client `coap`; `dtls`: arguments of Dtls."""
    return LoopAgent("coap = microcoapy.Coap(%s)\n%s\n%s" % (parameters, _start(0, dtls), setup), **options)


def server(setup, parameters="", port=None):
    """An agent serving on a port of its own: `setup` may use `coap`. Returns (agent, port)."""
    port = port or net.free_port()
    agent = Agent("coap = new(%s)\ncoap.start(%d)\n%s" % (parameters, port, setup))
    agent.serve()
    return agent, port


def client(parameters="", setup=""):
    """An agent with a started client `coap`; its port is `agent.port`."""
    port = net.free_port()
    agent = Agent("coap = new(%s)\ncoap.start(%d)\n%s" % (parameters, port, setup))
    agent.port = port
    return agent


def needs(program):
    path = shutil.which(program)
    assert path, "%s is missing (its Debian package: tests/runner/setup.py)" % program
    return path


def _two_ports():
    """A free port that is followed by another."""
    port = net.free_port()
    while (following := net.free_port()) != port + 1:
        port = following
    return port


def libcoap_server(*options, host="127.0.0.1", tls="notls"):
    """coap-server-notls, or another `tls`, on a port of its own: (program, port); coaps is on the next port. With the
    host "::" it serves IPv4, too."""
    port = net.free_port() if tls == "notls" else _two_ports()
    program = Program([needs("coap-server-" + tls), "-A", host, "-p", str(port), "-v", "7", *options])
    net.wait_until_up(("127.0.0.1", port))
    return program, port


def libcoap_client(url, *options, timeout=int(PATIENCE), tls="notls"):
    """Runs coap-client-notls, or another `tls`, to its end: (stdout, log)."""
    result = subprocess.run(
        [needs("coap-client-" + tls), "-v", "7", "-B", str(timeout), *options, url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        timeout=timeout + PATIENCE,
    )
    return result.stdout, result.stderr.decode("utf-8", "replace") + result.stdout.decode("utf-8", "replace")


def libcoap_fetch(url, *options, **settings):
    """The same: (payload, log)."""
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "payload")
        _, log = libcoap_client(url, "-o", file, *options, **settings)
        if not os.path.exists(file):
            return b"", log
        with open(file, "rb") as received:
            return received.read(), log


# What our side does when a message is lost, faster than by default; `aiocoap_site.Fast` is the same for aiocoap.
FAST = "ack_timeout=100, max_retransmit=10"

# A resource of ours that is observed: `change(to)` changes its state; %s: what else is said of it.
COUNTER = """
value = 0

@coap.resource("counter", obs=True, %s)
def counter(request):
    return microcoapy.Response(payload=str(value), max_age=60)

def change(to):
    global value
    value = to
    counter.notify()
"""


def _aiocoap(script, port, *arguments):
    port = port or net.free_port()
    program = Program([sys.executable, os.path.join(HERE, script), str(port), *arguments])
    program.wait_line("^ready$")
    return program, port


def aiocoap_site(port=None, period=5.0):
    """aiocoap_site.py on a port of its own: (program, port)."""
    return _aiocoap("aiocoap_site.py", port, str(period))


def aiocoap_oscore_site(folder, port=None, period=5.0):
    """aiocoap_oscore_site.py on a port of its own, with the security context in this folder: (program, port)."""
    return _aiocoap("aiocoap_oscore_site.py", port, str(period), folder)


def interrupt(program):
    program.signal(signal.SIGINT)
