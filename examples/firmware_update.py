# Updates the firmware: an image is downloaded block by block into a partition, from where an earlier download was
# interrupted, and verified; only then it is the one to boot.
#
#   firmware_update.py URI FILE     tries it on the unix port: the file plays the partition
#
# On an ESP32, after the network is up:
#
#   import esp32, firmware_update, machine, microcoapy
#   partition = esp32.Partition(esp32.Partition.RUNNING).get_next_update()
#   with microcoapy.Coap() as coap:
#       firmware_update.update(coap, "coap://192.168.1.2/firmware", partition)
#   machine.reset()
#
# The server has the image at URI, with an ETag, and its SHA-256 as hexadecimal digits at URI + ".sha256". The digest
# finds errors. It is no proof of where the image comes from: that takes a signature, or a protected connection.
import binascii
import errno
import hashlib
import json
import os
import sys
import time

import microcoapy

BLOCK_COUNT, BLOCK_SIZE = 4, 5  # what ioctl() of a block device is asked for
LARGEST_BLOCK = 1024  # bytes, of a message (RFC 7959): a download is resumed at a multiple of it
SAVE_EVERY = 16384  # bytes of the image between two writes of the state, which wear the flash, too
PAUSE_S = 5  # before the next attempt


class UpdateError(Exception):
    """There is no image, or not the right one. The partition to boot is as before."""


class State:
    """How far a download has come, in a file: which image (URI and ETag), how many bytes are in the partition."""

    def __init__(self, path):
        self.path = path

    def load(self, uri):
        """(bytes, ETag) for `resume`; None to begin at 0."""
        try:
            with open(self.path) as file:
                state = json.load(file)
            return (state["received"], binascii.unhexlify(state["etag"])) if state["uri"] == uri else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, uri, received, etag):
        with open(self.path + ".new", "w") as file:
            json.dump({"uri": uri, "received": received, "etag": binascii.hexlify(etag).decode()}, file)
        os.rename(self.path + ".new", self.path)  # the old one or the new one, whenever the power fails

    def clear(self):
        try:
            os.remove(self.path)
        except OSError:
            pass


class Download:
    """One attempt. `received`: bytes of the image."""

    def __init__(self, coap, uri, partition, state, show):
        self.uri = uri
        self.state = state
        self.show = show
        # What is in the partition for certain are whole blocks of it; and `resume` wants whole blocks of messages.
        self.step = max(partition.ioctl(BLOCK_SIZE, 0), LARGEST_BLOCK)
        self.resumed = state.load(uri)
        self.saved = self.received = self.resumed[0] if self.resumed else 0
        if self.resumed:
            print("resuming after %d bytes" % self.saved)
        self.room = partition.ioctl(BLOCK_COUNT, 0) * partition.ioctl(BLOCK_SIZE, 0)
        self.exchange = coap.get(uri, into=partition, resume=self.resumed, progress=self.progress)

    def progress(self, received, total):
        if (total or received) > self.room:
            raise UpdateError("the image has more than the %d bytes of the partition" % self.room)
        self.received = received
        whole = received // self.step * self.step
        # Not the whole image: there must be a block left to ask for.
        if self.exchange.etag and whole - self.saved >= SAVE_EVERY and received != total:
            self.state.save(self.uri, whole, self.exchange.etag)
            self.saved = whole
        if self.show:
            self.show(received, total)

    def run(self):
        """The response. OSError when it was interrupted, ECONNABORTED of it when the image has changed."""
        r = self.exchange.wait()
        if not r.ok and self.resumed:
            raise OSError(errno.ECONNABORTED)  # the image may be shorter now
        if not r.ok:
            raise UpdateError("%s: %d.%02d %s" % (self.uri, r.code >> 5, r.code & 31, r.text))
        return r


def digest(partition, length):
    """SHA-256 of the first bytes of the partition, as hexadecimal digits."""
    block = bytearray(partition.ioctl(BLOCK_SIZE, 0))
    sha = hashlib.sha256()
    for number in range((length + len(block) - 1) // len(block)):
        partition.readblocks(number, block)
        sha.update(memoryview(block)[: length - number * len(block)])
    return binascii.hexlify(sha.digest()).decode()


def attempt(coap, uri, partition, state, show):
    wanted = coap.get(uri + ".sha256").wait()
    if not wanted.ok:
        raise UpdateError("%s.sha256: %d.%02d" % (uri, wanted.code >> 5, wanted.code & 31))
    download = Download(coap, uri, partition, state, show)
    download.run()
    if digest(partition, download.received) != wanted.text.strip().lower():
        state.clear()
        raise UpdateError("the image is corrupt")
    partition.set_boot()
    state.clear()


def update(coap, uri, partition, state_file="update.json", show=None, attempts=5):
    """Returns when the new image is the one to boot. UpdateError; OSError if the link fails in each attempt.

    show(received, total) is called as it goes on; total is None while the server has not told it. Called again after
    any interruption, also in another run of the interpreter, it continues the download.
    """
    state = State(state_file)
    while True:
        attempts -= 1
        try:
            return attempt(coap, uri, partition, state, show)
        except OSError as error:
            changed = error.errno == errno.ECONNABORTED
            if changed:
                state.clear()
            if attempts <= 0:
                raise
            print("the image has changed" if changed else "interrupted: %s" % error)
            if not changed:
                time.sleep(PAUSE_S)


def show_bytes(received, total):
    if received % 16384 == 0 or received == total:
        print("%d of %s bytes" % (received, total))


if __name__ == "__main__":
    from file_partition import FilePartition

    with microcoapy.Coap() as coap:
        update(coap, sys.argv[1], FilePartition(sys.argv[2]), sys.argv[2] + ".json", show_bytes)
    print("verified, to be booted")
