# SPDX-License-Identifier: MIT
"""coaps, RFC 7252 section 9.1, both roles, with libcoap's programs over OpenSSL and over GnuTLS: with keys, and with
certificates on both sides. A handshake that fails is an error to the client, and disturbs nobody."""

import errno
import subprocess
import tempfile

import coapmsg
import credentials
import net
import programs
from credentials import PAIRS, TLS, Certificate, Psk
from harness import cases

PARTS = 4

SIZE = 40000  # of a body: 40 blocks

KEYS, CERTIFICATES = PAIRS["psk"], PAIRS["certificate"]


def pattern(length):
    return bytes(i % 251 for i in range(length))


def with_each(**chosen):
    """A case per TLS and value: the argument is (tls, value)."""
    return cases(**{"%s_%s" % (tls, name): (tls, value) for tls in TLS for name, value in chosen.items()})


# ---- our server ----------------------------------------------------------------------------------

RESOURCES = """
@coap.resource("large")
def large(request):
    return Pattern(int(request.query))

@coap.resource("put", methods=("PUT",), into=sink)
def put(request):
    return judge(request.body)
""" + programs.COUNTER % ""


def our_server(secret):
    return programs.loop_server(RESOURCES, dtls=secret.ours(True))


def check_served(tls, secret, port, state=b"0"):
    """An honest client is."""
    payload, log = credentials.libcoap_fetch(tls, secret, port, "counter")
    assert payload == state and "c:2.05" in log, (payload, log)


@with_each(**PAIRS)
def test_server_answers(case):
    tls, pair = case
    _, port = our_server(pair.server)
    check_served(tls, pair.client, port)


@with_each(**PAIRS)
def test_server_is_fetched_from(case):
    tls, pair = case
    _, port = our_server(pair.server)
    payload, log = credentials.libcoap_fetch(tls, pair.client, port, "large?%d" % SIZE, "-v", "3")
    assert payload == pattern(SIZE), (len(payload), log[-500:])


@with_each(**PAIRS)
def test_server_is_sent_to(case):
    tls, pair = case
    _, port = our_server(pair.server)
    with tempfile.NamedTemporaryFile() as file:
        file.write(pattern(SIZE))
        file.flush()
        payload, log = credentials.libcoap_fetch(tls, pair.client, port, "put", "-v", "3", "-m", "put", "-f", file.name)
    assert payload == b"%d True" % SIZE, (payload, log[-500:])


@with_each(**PAIRS)
def test_server_is_observed(case):
    tls, pair = case
    agent, port = our_server(pair.server)
    uri = "coaps://127.0.0.1:%d/counter" % port
    with pair.client.theirs(False) as options:
        client = programs.Program(
            [programs.needs("coap-client-" + tls), *options, "-v", "3", "-w", "-s", "600", "-B", "600", uri]
        )
        client.wait_line("^0$")
    for value in range(1, 6):
        agent.exec("change(%d)" % value)
        client.wait_line("^%d$" % value)
    check_served(tls, pair.client, port, b"5")  # beside the observer


def check_failed(payload, log):
    """libcoap's client ends with an error because the handshake has failed, not because time was up."""
    assert not payload and "cannot send CoAP pdu" in log, log
    assert "session disconnected" in log and "INFO timeout" not in log, log


@with_each(
    wrong_key=(KEYS, Psk(key="wrong")),
    wrong_identity=(KEYS, Psk(identity="another")),
    no_key=(KEYS, Certificate(None)),
    no_certificate=(CERTIFICATES, Certificate(None)),
    unknown_certificate=(CERTIFICATES, Certificate("unknown")),
    expired_certificate=(CERTIFICATES, Certificate("expired")),
    key_where_there_are_certificates=(CERTIFICATES, Psk()),
)
def test_server_refuses(case):
    tls, (pair, wrong) = case
    agent, port = our_server(pair.server)
    check_served(tls, pair.client, port)
    for _ in range(6):  # more than there may be sessions
        check_failed(*credentials.libcoap_fetch(tls, wrong, port, "counter", timeout=20))
    check_served(tls, pair.client, port)
    agent.exec("change(1)")  # it is alive


def s_client(port, authority):
    """OpenSSL's own client, which is strict: its output."""
    return subprocess.run(
        [programs.needs("openssl"), "s_client", "-dtls1_2", "-connect", "127.0.0.1:%d" % port]
        + ["-CAfile", credentials.path(authority + ".pem"), "-verify_return_error", "-verify_hostname", "localhost"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=net.PATIENCE,
    ).stdout.decode()


@cases(
    expired=("expired", "certificate has expired"),
    elsewhere=("elsewhere", "ostname mismatch"),
    unknown=("unknown", "unable to get local issuer certificate"),
)
def test_server_is_refused_by_openssl(case):
    name, reason = case
    _, port = our_server(Certificate(name, None))
    output = s_client(port, "authority")
    assert reason in output and "certificate verify failed" in output, output
    # whoever does not look is served
    check_served("openssl", Certificate(None, None), port)


def test_server_is_accepted_by_openssl():
    _, port = our_server(Certificate("server", None))
    output = s_client(port, "authority")
    assert "Verify return code: 0 (ok)" in output, output
    check_served("openssl", Certificate(None), port)


@cases(openssl="openssl", gnutls="gnutls")
def test_server_is_refused(tls):
    """libcoap's client lets certificates pass that have expired, or have another name; not those of an unknown authority."""
    _, port = our_server(Certificate("unknown", None))
    check_failed(*credentials.libcoap_fetch(tls, Certificate(None), port, "counter"))
    check_served(tls, Certificate(None, "stranger"), port)


# ---- our client ----------------------------------------------------------------------------------

# libcoap carries a repeated block out again, and spoils the body: nothing is lost, nothing has to be repeated.
PATIENT = "ack_timeout=60000"


def our_client(secret, parameters=PATIENT):
    return programs.loop_client(parameters, dtls=secret.ours(False))


def get(agent, port, resource="time", host="localhost"):
    """The code, or the number of the OSError."""
    return agent.run("return await outcome(coap.get('coaps://%s:%d/%s'))" % (host, port, resource), 2 * net.PATIENCE)


CONTENT = coapmsg.code("2.05")


@with_each(**PAIRS)
def test_client_asks(case):
    tls, pair = case
    _, port, _ = credentials.libcoap_server(tls, pair.server)
    assert get(our_client(pair.client), port) == CONTENT


@cases(openssl="openssl", gnutls="gnutls")
def test_client_asks_an_address(tls):
    """A certificate of an address is none of a host, nor the other way round."""
    _, port, _ = credentials.libcoap_server(tls, Certificate("address"))
    client = our_client(CERTIFICATES.client)
    assert get(client, port, host="127.0.0.1") == CONTENT
    assert get(client, port) == errno.ECONNRESET
    _, other, _ = credentials.libcoap_server(tls, Certificate("elsewhere"))
    assert get(client, other, host="127.0.0.1") == errno.ECONNRESET


@with_each(**PAIRS)
def test_client_sends_and_fetches(case):
    tls, pair = case
    _, port, _ = credentials.libcoap_server(tls, pair.server)
    agent = our_client(pair.client)
    uri = "coaps://localhost:%d/example_data" % port
    assert agent.run("return (await coap.put(%r, body=Pattern(%d))).code" % (uri, SIZE)) == coapmsg.code("2.01")
    code = "target = Pattern()\nr = await coap.get(%r, into=target)\nreturn r.code, target.at, target.good" % uri
    assert agent.run(code) == (CONTENT, SIZE, True)


@with_each(**PAIRS)
def test_client_observes(case):
    tls, pair = case
    _, port, _ = credentials.libcoap_server(tls, pair.server)
    agent, other = our_client(pair.client), our_client(pair.client)
    uri = "coaps://localhost:%d/example_data" % port

    def put(value):
        """Of another client."""
        assert other.run("return (await coap.put(%r, '%d')).code >> 5" % (uri, value)) == 2

    put(0)
    agent.exec("observation = coap.observe(%r, callback=lambda r: event('notification', payload=r.payload))" % uri)
    for value in range(1, 6):
        told = agent.wait_events("notification", value)
        assert told[-1]["payload"] == b"%d" % (value - 1), told
        put(value)


# A client that is told nothing gives up when its request has not been answered in time.
HASTY = "ack_timeout=1000, max_retransmit=2"
RESET, SILENCE = (errno.ECONNRESET,), (errno.ECONNRESET, errno.ETIMEDOUT)


@with_each(
    # To a record that fails the check of integrity, a server may say nothing: RFC 6347 section 4.1.2.7.
    wrong_key=(Psk(key="wrong"), KEYS, SILENCE),
    wrong_identity=(Psk(identity="another"), KEYS, SILENCE),
    # GnuTLS' server says nothing to whom it has no credentials for, though RFC 5246 section 7.4.1.3 has an alert.
    key_where_there_are_certificates=(Psk(), CERTIFICATES, SILENCE),
    no_certificate=(Certificate(None), CERTIFICATES, RESET),
    unknown_certificate=(Certificate("unknown"), CERTIFICATES, RESET),
)
def test_client_is_refused(case):
    tls, (wrong, pair, errors) = case
    _, port, _ = credentials.libcoap_server(tls, pair.server)
    client = our_client(wrong, HASTY if errors is SILENCE else PATIENT)
    for _ in range(2):
        error = get(client, port)
        assert error in errors, error
        assert get(our_client(pair.client), port) == CONTENT
    assert client.eval("coap.stats()['exchanges_in_use']") == 0


@with_each(expired="expired", elsewhere="elsewhere", unknown="unknown")
def test_client_refuses(case):
    """A server that is not who it has to be; then the same client asks one that is."""
    tls, name = case
    _, bad, _ = credentials.libcoap_server(tls, Certificate(name, None))
    _, good, _ = credentials.libcoap_server(tls, Certificate("server", None))
    client = our_client(Certificate(None))
    for _ in range(2):
        assert get(client, bad) == errno.ECONNRESET
        assert get(client, good) == CONTENT
    # the server has not suffered
    payload, log = credentials.libcoap_fetch(tls, Certificate(None, None), bad, "time")
    assert payload and "c:2.05" in log, log
