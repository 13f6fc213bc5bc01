# SPDX-License-Identifier: MIT
"""The DTLS descriptions, for any server and client: what a handshake with a shared key has on the wire.

A server is a function that starts it: the port of its coaps. A client is a function of a port and a key, that asks for
/secure: (code, payload) as its user sees them, or None where that is an error.
"""

import errno
import struct

import coapmsg
import credentials
import net
import programs
from credentials import Psk

PATH = "secure"
PAYLOAD = b"for those who have the key"

TLS_PSK_WITH_AES_128_CCM_8 = 0xC0A8

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, DATA = 20, 21, 22, 23  # of a record: RFC 5246 section 6.2.1
CLIENT_HELLO, SERVER_HELLO = 1, 2  # of a handshake's message: section 7.4
CHANGED, FINISHED = "ChangeCipherSpec", "Finished"

# Alerts: level and description.
CLOSE_NOTIFY, BAD_RECORD_MAC, DECRYPT_ERROR = (1, 0), (2, 20), (2, 51)


# ---- servers and clients -------------------------------------------------------------------------


def libcoap_server(tls):
    """What is stored there by PUT is there without DTLS, too: it has no other way."""

    def start():
        _, port, plain = credentials.libcoap_server(tls, Psk(), "-d", "10")
        with net.RawPeer() as peer:
            put = coapmsg.request(coapmsg.PUT, PATH, payload=PAYLOAD)
            assert peer.ask(put, ("127.0.0.1", plain)).dotted == "2.01"
        return port

    return start


def our_server():
    resource = "@coap.resource(%r)\ndef secure(request): return %r" % (PATH, PAYLOAD)
    return programs.loop_server(resource, dtls=Psk().ours(True))[1]


def libcoap_client(tls):
    def ask(port, psk):
        payload, log = credentials.libcoap_fetch(tls, psk, port, PATH, "-U")
        if "cannot send CoAP pdu" in log:
            assert not payload, log
            return None
        assert "c:2.05" in log, log
        return "2.05", payload

    return ask


def our_client(parameters=""):
    def ask(port, psk):
        agent = programs.loop_client(parameters, dtls=psk.ours(False))
        code = "r = await coap.get('coaps://127.0.0.1:%d/%s')\nreturn r.code, r.payload" % (port, PATH)
        try:
            code, payload = agent.run(code, 2 * net.PATIENCE)
        except programs.Raised as error:
            assert error.name == "OSError" and error.values[0] in (errno.ECONNRESET, errno.ETIMEDOUT), error
            return None
        finally:
            agent.close()
        return coapmsg.dotted(code), payload

    return ask


# ---- what is on the wire -------------------------------------------------------------------------


def records(datagram):
    """(type, epoch, body) of each: RFC 6347 section 4.1."""
    data = datagram.data
    while data:
        kind, epoch, length = data[0], int.from_bytes(data[3:5], "big"), int.from_bytes(data[11:13], "big")
        assert data[1] == 0xFE and len(data) >= 13 + length, datagram
        yield kind, epoch, data[13 : 13 + length]
        data = data[13 + length :]


def messages(datagram):
    """(type, number, body) of each message of a handshake that can be read: section 4.2.2. None of them is in fragments."""
    for kind, epoch, body in records(datagram):
        while kind == HANDSHAKE and epoch == 0 and body:
            number, offset, length = struct.unpack(">H3s3s", body[4:12])
            assert offset == bytes(3) and length == body[1:4], datagram
            end = 12 + int.from_bytes(length, "big")
            yield body[0], number, body[12:end]
            body = body[end:]


def parts(datagram):
    """What of a handshake is in it, in a form that is the same when it is sent again."""
    found = {(kind, number) for kind, number, _ in messages(datagram)}
    for kind, epoch, _ in records(datagram):
        if kind == CHANGE_CIPHER_SPEC:
            found.add(CHANGED)
        elif kind == HANDSHAKE and epoch > 0:
            found.add(FINISHED)
    return frozenset(found)


def vector(data, width):
    """The vector that data begins with, whose length has that many bytes; and the rest."""
    end = width + int.from_bytes(data[:width], "big")
    return data[width:end], data[end:]


def offered(hello):
    """cipher_suites of a ClientHello."""
    _, rest = vector(hello[34:], 1)  # session_id
    _, rest = vector(rest, 1)  # cookie
    suites, _ = vector(rest, 2)
    return struct.unpack(">%dH" % (len(suites) // 2), suites)


def selected(hello):
    """cipher_suite of a ServerHello."""
    _, rest = vector(hello[34:], 1)  # session_id
    return int.from_bytes(rest[:2], "big")


def check_hellos(proxy):
    """Each ClientHello has the suite, and the server selects it."""
    said = {kind: [] for kind in (CLIENT_HELLO, SERVER_HELLO)}
    for datagram in proxy.records:
        for kind, _, body in messages(datagram):
            if kind in said:
                assert datagram.to_server == (kind == CLIENT_HELLO), datagram
                said[kind].append(body)
    assert all(TLS_PSK_WITH_AES_128_CCM_8 in offered(hello) for hello in said[CLIENT_HELLO]), proxy.records
    assert said[SERVER_HELLO], proxy.records
    assert all(selected(hello) == TLS_PSK_WITH_AES_128_CCM_8 for hello in said[SERVER_HELLO]), proxy.records


def arrived(proxy, to_server, part):
    """The datagrams of that direction with this part that were not dropped."""
    return [d for d in proxy.records if d.to_server == to_server and not d.dropped and part in parts(d)]


def check_set_up(proxy):
    """The handshake, ChangeCipherSpec and Finished of both, then data of both: what is in it nobody sees."""
    check_hellos(proxy)
    for to_server in (True, False):
        assert arrived(proxy, to_server, CHANGED) and arrived(proxy, to_server, FINISHED), proxy.records
        assert DATA in {kind for d in proxy.records if d.to_server == to_server for kind, _, _ in records(d)}, proxy.records


def alerts_of_server(proxy):
    """(level, description) of those that are not encrypted."""
    bodies = (record[2] for d in proxy.records if not d.to_server for record in records(d) if record[:2] == (ALERT, 0))
    return {tuple(body) for body in bodies}


# ---- the descriptions ----------------------------------------------------------------------------


def shows(proxy, client):
    assert client(proxy.port, Psk()) == ("2.05", PAYLOAD)
    check_set_up(proxy)


def succeeds(server, client):
    """DTLS_01."""
    with net.Proxy(server()) as proxy:
        shows(proxy, client)


def fails(server, client, may_be_silent=False):
    """DTLS_02. With a wrong key the client's Finished fails the check of integrity. Of such a record a server says nothing,
    or bad_record_mac: RFC 6347 section 4.1.2.7; decrypt_error is of what has passed that check, RFC 5246 section 7.2.2."""
    with net.Proxy(server()) as proxy:
        assert client(proxy.port, Psk(key="wrong")) is None
        check_hellos(proxy)
        assert arrived(proxy, True, FINISHED) and not arrived(proxy, False, FINISHED), proxy.records
        said = alerts_of_server(proxy) - {CLOSE_NOTIFY}
        assert said <= {BAD_RECORD_MAC, DECRYPT_ERROR} and (said or may_be_silent), proxy.records
        # and who has the right key is served
        assert client(proxy.port, Psk()) == ("2.05", PAYLOAD)


class Loss:
    """A rule that drops the first datagram with these parts of a handshake."""

    def __init__(self, to_server, lost):
        self.to_server = to_server
        self.lost = lost
        self.met = False

    def __call__(self, datagram):
        meets = not self.met and datagram.to_server == self.to_server and parts(datagram) == self.lost
        self.met = self.met or meets
        return [] if meets else [0]


def survives_loss(server, client):
    """DTLS_03."""
    port = server()
    with net.Proxy(port) as proxy:
        shows(proxy, client)
        last = proxy.records.index(arrived(proxy, False, FINISHED)[0])
        flights = dict.fromkeys((d.to_server, parts(d)) for d in proxy.records[: last + 1])
    assert len(flights) >= 6, flights
    for to_server, lost in flights:
        with net.Proxy(port, Loss(to_server, lost)) as proxy:
            shows(proxy, client)
            dropped = [d for d in proxy.records if d.dropped]
            assert len(dropped) == 1, proxy.records
            later = proxy.records[proxy.records.index(dropped[0]) + 1 :]
            again = set().union(*(parts(d) for d in later if d.to_server == to_server))
            assert lost <= again, proxy.records
