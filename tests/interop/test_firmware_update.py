# SPDX-License-Identifier: MIT
"""examples/firmware_update.py: a whole update, interrupted and resumed, of an image that changes, and of bad ones."""

import hashlib
import json
import os
import tempfile

import coapmsg
import net
import programs
from harness import cases

EXAMPLE = os.path.join(programs.ROOT, "examples", "firmware_update.py")
BLOCK = 1024
PARTITION = 64 * 4096
LENGTH = 100_000  # not a multiple of anything
MIDDLE = 60  # number of a block in the middle of it

SERVER = """
import binascii, hashlib

def make(seed, length):
    # Bytes that repeat nowhere, the same as image() of the test.
    data = b""
    number = 0
    while len(data) < length:
        data += hashlib.sha256(b"%d %d" % (seed, number)).digest()
        number += 1
    return data[:length]

image = None

def put(seed, length, damage=b""):
    global image, digest
    image = make(seed, length)
    digest = binascii.hexlify(hashlib.sha256(image + damage).digest())

@coap.resource("firmware")
def firmware(request):
    return image

@coap.resource("firmware.sha256")
def firmware_sha256(request):
    return digest
"""


def image(seed, length=LENGTH):
    data = b"".join(hashlib.sha256(b"%d %d" % (seed, n)).digest() for n in range(length // 32 + 1))
    return data[:length]


class Setting:
    """A server with an image, a proxy before it, and a folder for the client's partition."""

    def __init__(self, *put):
        self.server, port = programs.loop_server(SERVER)
        self.put(*put)
        self.held = set()  # numbers of blocks whose responses do not arrive
        self.proxy = net.Proxy(port, self.rule)
        self.folder = tempfile.TemporaryDirectory()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        programs.stop_all()
        self.proxy.close()
        self.folder.cleanup()

    def put(self, *arguments):
        self.server.exec("put(%s)" % ", ".join(repr(a) for a in arguments))

    def rule(self, datagram):
        is_held = not datagram.to_server and datagram.message and number_of(datagram.message) in self.held
        return [] if is_held else [0]

    def client(self):
        uri = "coap://127.0.0.1:%d/firmware" % self.proxy.port
        return programs.Program([programs.INTERPRETER, EXAMPLE, uri, "ota_1"], cwd=self.folder.name)

    def blocks(self, start=0):
        """Numbers of the blocks of the image that were asked for, since record `start`; repetitions do not count."""
        asked = [d for d in self.proxy.records[start:] if d.to_server and d.message.path == "firmware"]
        return [number_of(coapmsg.decode(data)) for data in dict.fromkeys(d.data for d in asked)]

    def interrupted(self, number=MIDDLE):
        """The client is killed when that block of the image does not come. How many records there are until then."""
        before = len(self.proxy.records)
        self.held = {number}
        with self.client() as client:
            self.proxy.wait_for(lambda records: any(d.dropped for d in records[before:]))
            client.kill()
        self.held = set()
        return self.until()

    def until(self):
        """How many records there are of all that the clients have sent so far."""
        with net.RawPeer() as peer:
            peer.nothing_but_pong(("127.0.0.1", self.proxy.port))
        return len(self.proxy.records)

    def file(self, name):
        try:
            with open(os.path.join(self.folder.name, name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def succeeds(self, wanted):
        """Runs the client to its end: the image is in the partition, and is the one to boot."""
        with self.client() as client:
            assert client.wait_end() == 0, client.output
            assert client.output.endswith("verified, to be booted"), client.output
            assert self.file("ota_1")[: len(wanted)] == wanted
            assert (self.file("boot"), self.file("ota_1.json")) == (b"ota_1", None)
            return client.output

    def fails(self, reason):
        """Runs the client to its end: nothing is to boot."""
        with self.client() as client:
            assert client.wait_end() == 1 and reason in client.output, client.output
            assert (self.file("boot"), self.file("ota_1.json")) == (None, None)


def number_of(message):
    """Number of the block that is asked for, or that it has."""
    return (message.uint(coapmsg.BLOCK2) or 0) >> 4


def first_dropped(records):
    """Its number, None so far."""
    return next((number for number, d in enumerate(records) if d.dropped), None)


def count(length):
    return (length + BLOCK - 1) // BLOCK


def test_whole_image():
    with Setting(1, LENGTH) as setting:
        output = setting.succeeds(image(1))
        assert setting.blocks() == list(range(count(LENGTH)))
        assert "%d of %d bytes" % (LENGTH, LENGTH) in output


@cases(one_block=500, blocks_of_the_partition=8 * 4096, whole_partition=PARTITION)
def test_length(length):
    with Setting(1, length) as setting:
        setting.succeeds(image(1, length))
        assert setting.blocks() == list(range(count(length)))


def test_killed_in_the_middle_it_goes_on():
    with Setting(1, LENGTH) as setting:
        until = setting.interrupted()
        assert setting.blocks() == list(range(MIDDLE + 1)), setting.blocks()
        assert setting.file("boot") is None
        state = json.loads(setting.file("ota_1.json"))
        assert state["received"] == 49152, "16 KB parts, of which the fourth was not complete: %s" % state
        setting.succeeds(image(1))
        assert setting.blocks(until) == list(range(49152 // BLOCK, count(LENGTH))), setting.blocks(until)


def test_killed_again_and_again():
    with Setting(1, LENGTH) as setting:
        for number in (3, 17, 20, 21, 64, 97):
            setting.interrupted(number)
            assert setting.file("boot") is None
        setting.succeeds(image(1))


def test_link_lost_it_goes_on_by_itself():
    code = """
import microcoapy, firmware_update
from file_partition import FilePartition
firmware_update.PAUSE_S = 0
with microcoapy.Coap(ack_timeout=200, max_retransmit=1) as coap:
    firmware_update.update(coap, %r, FilePartition(%r), %r, attempts=1000)
"""
    with Setting(1, LENGTH) as setting:
        setting.held = {MIDDLE}
        uri = "coap://127.0.0.1:%d/firmware" % setting.proxy.port
        path = os.path.join(setting.folder.name, "ota_1")
        arguments = [programs.INTERPRETER, "-c", code % (uri, path, path + ".json")]
        with programs.Program(arguments, cwd=os.path.dirname(EXAMPLE)) as client:
            until = setting.proxy.wait_for(first_dropped)
            client.wait_line("^interrupted: ", start=len(client.lines))
            setting.held = set()
            assert client.wait_end() == 0, client.output
        assert setting.file("ota_1")[:LENGTH] == image(1) and setting.file("boot") == b"ota_1"
        assert min(setting.blocks(until)) == 49152 // BLOCK, setting.blocks(until)


@cases(longer=LENGTH + 5000, shorter=20_000)
def test_image_changes_between_two_runs(length):
    with Setting(1, LENGTH) as setting:
        until = setting.interrupted()
        setting.put(2, length)
        output = setting.succeeds(image(2, length))
        assert "the image has changed" in output
        blocks = setting.blocks(until)
        assert blocks[0] == 49152 // BLOCK and blocks[-count(length) :] == list(range(count(length))), blocks


def test_image_changes_while_it_is_read():
    with Setting(1, LENGTH) as setting:
        setting.held = {MIDDLE}
        with setting.client() as client:
            setting.proxy.wait_for(lambda records: any(d.dropped for d in records))
            setting.put(2, LENGTH)
            setting.held = set()
            client.wait_line("verified")
        assert setting.file("ota_1")[:LENGTH] in (image(1), image(2)), "not parts of both"


def test_corrupt_image_is_not_booted():
    with Setting(1, LENGTH, b"damage") as setting:
        setting.fails("the image is corrupt")
        # and the next attempt begins at 0
        setting.put(1, LENGTH)
        until = setting.until()
        setting.succeeds(image(1))
        assert setting.blocks(until)[0] == 0


def test_too_long_for_the_partition():
    with Setting(1, PARTITION + 1) as setting:
        setting.fails("UpdateError")
        assert setting.blocks() == [0], "found out from the first block"


@cases(image="del coap.callbacks['firmware']", digest="del coap.callbacks['firmware.sha256']")
def test_not_there(code):
    with Setting(1, LENGTH) as setting:
        setting.server.exec(code)
        setting.fails("4.04")


def test_state_of_another_image_or_a_damaged_one_is_not_used():
    with Setting(1, LENGTH) as setting:
        for state in (b"", b"{}", b"[1]", b'{"uri": "coap://127.0.0.1/other", "received": 49152, "etag": "00"}'):
            with open(os.path.join(setting.folder.name, "ota_1.json"), "wb") as file:
                file.write(state)
            until = setting.until()
            setting.succeeds(image(1))
            assert setting.blocks(until)[0] == 0
