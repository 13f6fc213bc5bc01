# SPDX-License-Identifier: MIT
"""Makes what the tests need: build/venv with the Python peers, Debian packages with the others."""

import hashlib
import os
import shutil
import sys
import threading

from runner import process

VENV = os.path.join(process.ROOT, "build", "venv")
PYTHON = os.path.join(VENV, "bin", "python")
REQUIREMENTS = os.path.join(process.TESTS, "requirements.txt")
INTERPRETER = os.path.join(process.ROOT, "build", "micropython")
PACKAGES = {"coap-server-notls": "libcoap3-bin", "coap-client-notls": "libcoap3-bin", "valgrind": "valgrind"}

_lock = threading.Lock()


class Missing(Exception):
    """Something the tests need is not there and cannot be made."""


def venv():
    """Path of the virtual environment's python; made when missing or when requirements.txt has changed."""
    with _lock:
        with open(REQUIREMENTS, "rb") as requirements:
            wanted = hashlib.sha256(requirements.read()).hexdigest()
        stamp = os.path.join(VENV, "requirements.sha256")
        if os.path.exists(PYTHON) and os.path.exists(stamp):
            with open(stamp) as made:
                if made.read() == wanted:
                    return PYTHON
        steps = (
            [sys.executable, "-m", "venv", "--clear", VENV],
            [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS],
        )
        for step in steps:
            try:
                status, output = process.run(step, 300)
            except OSError as error:
                status, output = None, str(error)
            if status != 0:
                raise Missing("cannot make build/venv: %s failed\n%s" % (" ".join(step), output))
        with open(stamp, "w") as made:
            made.write(wanted)
        return PYTHON


def programs(*names):
    """Makes sure these programs are installed; with root's rights by apt-get."""
    with _lock:
        absent = [name for name in names if not shutil.which(name)]
        if not absent:
            return
        packages = sorted({PACKAGES[name] for name in absent})
        reason = "not installed, and only root may install"
        if os.geteuid() == 0 and shutil.which("apt-get"):
            environment = {"DEBIAN_FRONTEND": "noninteractive"}
            process.run(["apt-get", "update"], 300, env=environment)
            _, reason = process.run(["apt-get", "install", "-y", *packages], 600, env=environment)
        absent = [name for name in names if not shutil.which(name)]
        if absent:
            raise Missing("missing: %s (Debian: apt-get install %s)\n%s" % (", ".join(absent), " ".join(packages), reason))


def interpreter():
    """Path of the interpreter under test; MICROPYTHON in the environment names another."""
    path = os.path.abspath(os.environ.get("MICROPYTHON") or INTERPRETER)
    if not os.access(path, os.X_OK):
        raise Missing("no interpreter at %s: run make first" % path)
    return path
