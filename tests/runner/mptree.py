# SPDX-License-Identifier: MIT
"""MicroPython's source: where it is, and a copy in the shape of a later release."""

import os
import re
import shutil

from runner import process
from runner.report import Failed


def source():
    """The tree that build/micropython is made from."""
    path = os.environ.get("MICROPY_DIR") or os.path.join(process.ROOT, "build", "src", "micropython")
    if not os.path.isdir(os.path.join(path, "ports", "unix")):
        raise Failed("no MicroPython source at %s: run make first" % path)
    return os.path.realpath(path)


def link(source, destination):
    """A file more often: no copy where both are on one file system."""
    try:
        os.link(source, destination)
    except OSError:
        shutil.copy2(source, destination)


# MicroPython 1.29: USER_C_MODULES may be a module's own folder, and then its files are named from its parent on.
ROOT_LEVEL = """
USERMOD_IS_ROOT := $(wildcard $(USER_C_MODULES)/micropython.mk)
USERMOD_PARENT := $(if $(USERMOD_IS_ROOT),$(patsubst %/,%,$(dir $(abspath $(USER_C_MODULES)))),$(USER_C_MODULES))
"""


def edit(path, changes):
    """Replaces each (pattern, text); the file is no link any more."""
    with open(path) as file:
        text = file.read()
    for pattern, replacement in changes:
        text, count = re.subn(pattern, lambda match: replacement, text)
        if not count:
            raise Failed("%s has no %s" % (path, pattern))
    os.unlink(path)
    with open(path, "w") as file:
        file.write(text)


def with_root_level_modules(folder):
    """A copy of the tree in the folder, in which USER_C_MODULES may be the module's own folder, as from 1.29 on."""
    tree = os.path.join(folder, "micropython")
    shutil.copytree(source(), tree, copy_function=link, symlinks=True)
    found = r"\$\(wildcard \$\(USER_C_MODULES\)/\*/micropython\.mk\)"
    both = "$(or $(USERMOD_IS_ROOT),$(wildcard $(USER_C_MODULES)/*/micropython.mk))"
    begin = r"(?m)^# C/C\+\+ files that are included in the QSTR/module build$"
    edit(
        os.path.join(tree, "py", "py.mk"),
        [
            (found, both),
            (begin, ROOT_LEVEL),
            (r"patsubst \$\(USER_C_MODULES\)/%", "patsubst $(USERMOD_PARENT)/%"),
        ],
    )
    edit(os.path.join(tree, "py", "mkrules.mk"), [(r"\$\(TOP\) \$\(USER_C_MODULES\)", "$(TOP) $(USERMOD_PARENT)")])
    return tree


def build_root_level(folder, port, *settings):
    """Builds a port (a folder; a relative one is of MicroPython's) with this repository as USER_C_MODULES, in a tree
    in the folder that knows such modules; the firmware's path. The module's folder is named microcoapy."""
    tree = with_root_level_modules(folder)
    build = os.path.join(folder, "build")
    module = os.path.join(process.ROOT, "build", "modules", "microcoapy")
    cargo = os.path.join(process.ROOT, "build", "cargo")
    argv = ["make", "-j2", "-C", os.path.join(tree, port), "TOP=" + tree, "BUILD=" + build, "USER_C_MODULES=" + module]
    argv += ["MICROCOAPY_TARGET_DIR=" + cargo, "FROZEN_MANIFEST=", *settings]
    status, output = process.run(argv, 1800, env={"MAKEFLAGS": ""})
    if status != 0:
        raise Failed("%s: status %s\n%s" % (" ".join(argv), status, output[-4000:]))
    return os.path.join(build, "firmware.elf")
