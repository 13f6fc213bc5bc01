# SPDX-License-Identifier: MIT
"""Keys and certificates of the tests of DTLS, as our programs take them and as libcoap's do.

`ours()` has the arguments of Dtls, for a `server` or a client; `theirs(server)` the options of libcoap's programs.
"""

import contextlib
import os
import tempfile

import programs

FOLDER = os.path.join(programs.ROOT, "tests", "certificates")

# How libcoap's programs are built: coap-client-NAME, coap-server-NAME.
TLS = ("openssl", "gnutls")


def path(name):
    """Of a file of ../certificates."""
    return os.path.join(FOLDER, name)


def content(name):
    with open(path(name), "rb") as file:
        return file.read()


class Psk:
    """A key that a client and a server share."""

    def __init__(self, key="sesame", identity="password"):
        self.key = key
        self.identity = identity

    def ours(self, server):
        return "psks={%r: %r}" % (self.identity, self.key) if server else "psk_identity=%r, psk=%r" % (self.identity, self.key)

    @contextlib.contextmanager
    def theirs(self, server):
        """To anybody but this client, libcoap's server has another key."""
        if not server:
            yield ["-u", self.identity, "-k", self.key]
            return
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("hint,%s,%s\n" % (self.identity, self.key))
            file.flush()
            yield ["-h", "hint", "-k", "nobody's", "-i", file.name]


class Certificate:
    """The certificate of that name, or None, and those of the authority, or None, whose certificates the peer's must be."""

    def __init__(self, name, authority="authority"):
        self.name = name
        self.authority = authority

    def ours(self, server):
        arguments = {}
        if self.name:
            arguments = {"cert": content(self.name + ".pem"), "key": content(self.name + ".key")}
        if self.authority:
            arguments["ca"] = content(self.authority + ".pem")
        return ", ".join("%s=%r" % pair for pair in arguments.items())

    @contextlib.contextmanager
    def theirs(self, server):
        options = ["-c", path(self.name + ".pem"), "-j", path(self.name + ".key")] if self.name else []
        yield options + (["-C", path(self.authority + ".pem")] if self.authority else ["-n"])


class Pair:
    """What both sides have."""

    def __init__(self, client, server):
        self.client = client
        self.server = server


PAIRS = {"psk": Pair(Psk(), Psk()), "certificate": Pair(Certificate("client"), Certificate("server"))}


def libcoap_server(tls, secret, *options):
    """(program, port of coaps, port of coap)."""
    with secret.theirs(True) as more:
        program, port = programs.libcoap_server(*more, *options, tls=tls)
    return program, port + 1, port


def libcoap_fetch(tls, secret, port, resource, *options, **settings):
    """(payload, log) of one run of coap-client."""
    with secret.theirs(False) as more:
        return programs.libcoap_fetch("coaps://127.0.0.1:%d/%s" % (port, resource), *more, *options, tls=tls, **settings)
