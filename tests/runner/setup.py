# SPDX-License-Identifier: MIT
"""Makes what the tests need: build/venv with the Python peers, Debian packages with the others."""

import fcntl
import functools
import hashlib
import os
import shutil
import sys
import threading

from runner import process
from runner.report import Missing

VENV = os.path.join(process.ROOT, "build", "venv")
PYTHON = os.path.join(VENV, "bin", "python")
REQUIREMENTS = os.path.join(process.TESTS, "requirements.txt")
INTERPRETER = os.path.join(process.ROOT, "build", "micropython")
PACKAGES = {name: name for name in ("openssl", "valgrind", "npm")} | {
    "coap-server-notls": "libcoap3-bin", "coap-client-notls": "libcoap3-bin", "node": "nodejs"
}

_lock = threading.Lock()


@functools.lru_cache(maxsize=None)
def cache():
    """The folder for what is fetched, or built from others' sources: tools/cache.sh."""
    status, output = process.run(["sh", os.path.join(process.ROOT, "tools", "cache.sh")], 30)
    if status != 0:
        raise Missing("tools/cache.sh: " + output)
    return output.strip()


def venv():
    """Path of the virtual environment's python, build/venv; one for all checkouts with the same requirements.txt."""
    with _lock:
        return _venv()


@functools.lru_cache(maxsize=None)
def _venv():
    with open(REQUIREMENTS, "rb") as requirements:
        key = "%s %s %s" % (sys.executable, sys.version, requirements.read())
        folder = os.path.join(cache(), "venv-" + hashlib.sha256(key.encode()).hexdigest()[:12])
        with open(folder + ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # another checkout may be making it
            if not os.path.exists(os.path.join(folder, ".complete")):
                make_venv(folder)
        if not os.path.islink(VENV) or os.readlink(VENV) != folder:
            if os.path.isdir(VENV) and not os.path.islink(VENV):
                shutil.rmtree(VENV)
            os.makedirs(os.path.dirname(VENV), exist_ok=True)
            os.symlink(folder, VENV + ".new")
            os.replace(VENV + ".new", VENV)
        return PYTHON


def make_venv(folder):
    python = os.path.join(folder, "bin", "python")
    steps = (
        [sys.executable, "-m", "venv", "--clear", folder],
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS],
    )
    for step in steps:
        try:
            status, output = process.run(step, 600)
        except OSError as error:
            status, output = None, str(error)
        if status != 0:
            raise Missing("cannot make build/venv: %s failed\n%s" % (" ".join(step), output))
    with open(os.path.join(folder, ".complete"), "w"):
        pass


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
