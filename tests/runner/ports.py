# SPDX-License-Identifier: MIT
"""Ports for tests: each process takes a range that no other one on this machine has, and counts up in it."""

import fcntl
import os
import socket
import tempfile
import threading

FIRST, LAST = 10000, 32000  # outside the kernel's ephemeral range
SIZE = 500


class Ports:
    """A range of ports for this process alone; another run of the tests on this machine has another one."""

    def __init__(self):
        self._lock = threading.Lock()
        self._range = None
        self._next = 0

    def _take_range(self):
        """The first range that nobody has; it is given back when the process ends, however that comes about."""
        folder = os.path.join(tempfile.gettempdir(), "microcoapy-ports-%d" % os.getuid())
        os.makedirs(folder, exist_ok=True)
        for first in range(FIRST, LAST, SIZE):
            file = os.open(os.path.join(folder, str(first)), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                continue
            self._range = first
            return
        raise OSError("all port ranges of %s are taken" % folder)

    def free(self, host="127.0.0.1"):
        """A UDP and TCP port that nobody has bound; given again only after all others of the range."""
        with self._lock:
            if self._range is None:
                self._take_range()
            for _ in range(SIZE):
                port = self._range + self._next
                self._next = (self._next + 1) % SIZE
                if self._is_free(host, port):
                    return port
        raise OSError("no free port from %d to %d" % (self._range, self._range + SIZE - 1))

    @staticmethod
    def _is_free(host, port):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            try:
                udp.bind((host, port))
                tcp.bind((host, port))
            except OSError:
                return False
            return True


free = Ports().free


def has_ipv6():
    """Whether this machine has the loopback address ::1."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True
