# SPDX-License-Identifier: MIT
"""Group 'build': what `make`, micropython.mk and the workflow files promise.

micropython.mk is tried as a user has it: a copy of the repository beside nothing else, and MicroPython's own
`make -C ports/unix USER_C_MODULES=...`, into a build folder of its own.
"""

import glob
import os
import re
import shutil
import sys
import tempfile

from runner import layers, mptree, ports, process, python, workflow
from runner.report import Failed

sys.path.append(os.path.join(process.ROOT, "tools"))

import elf  # noqa: E402

BUILT = ("build/micropython", "build/micropython-asan", "build/micropython-faults")
PARTS = ("Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "build.rs", "micropython.mk", "src", "include", "tools")
# Core's functions that end in a panic.
PANIC = re.compile(r"9panicking|panic_fmt|slice_\w*fail|unwrap_failed|expect_failed")
# Debian's source of MicroPython comes without its submodules.
PORT_FLAGS = "MICROPY_PY_BTREE=0 MICROPY_PY_FFI=0 MICROPY_PY_SSL=0 MICROPY_SSL_AXTLS=0 MICROPY_SSL_MBEDTLS=0 FROZEN_MANIFEST="
SCRIPT = "import microcoapy; c = microcoapy.Coap(); c.start(0); print(c.poll(1), microcoapy.__version__)"

# An exchange over IPv4, a request to an IPv6 address, and how a custom socket gets such an address.
ADDRESSES = """
import microcoapy
class Socket:
    def sendto(self, data, address):
        print(address)
    def recvfrom(self, size):
        return None
server, client = microcoapy.Coap(), microcoapy.Coap()
server.addIncomingRequestCallback('r', lambda packet, ip, port: server.sendResponse(ip, port, packet.messageid, 'ok', 69))
client.responseCallback = lambda packet, sender: print(packet.payload, sender[0])
server.start(0)
client.start(0)
client.get('127.0.0.1', server.port, 'r')
server.poll(2000), client.poll(2000)
print(client.get('::1', server.port, 'r') > 0)
client.stop()
client.setCustomSocket(Socket())
client.get('[::1]', 5, 'r')
"""


def step(argv, timeout=900):
    status, output = process.run(argv, timeout)
    if status != 0:
        raise Failed("%s: status %s\n%s" % (" ".join(argv), status, output[-6000:]))
    return output


def stamps(paths):
    return {path: os.stat(path).st_mtime_ns for path in paths if os.path.exists(path)}


def second_make_does_nothing():
    step(["make"])
    built = [os.path.join(process.ROOT, path) for path in BUILT]
    before = stamps(built)
    output = step(["make"])
    if stamps(built) != before:
        raise Failed("the second make wrote the interpreter again\n" + output)
    if output:
        raise Failed("the second make had something to do\n" + output)


def make_says_one_line_for_a_step():
    """What MicroPython's build says is shown with V=1 alone."""
    output = step(["make", "-W", "Makefile"])
    if output != "build/micropython\n":
        raise Failed(output)
    output = step(["make", "V=1", "-W", "Makefile"])
    if "Including User C Module" not in output:
        raise Failed(output)


def interpreter_has_the_module():
    output = step([os.path.join(process.ROOT, BUILT[0]), "-c", SCRIPT], 20)
    if not output.startswith("False "):
        raise Failed(output)


def panicking_functions(archive):
    """Functions of the engine's own object that can get to core::panicking."""
    with tempfile.NamedTemporaryFile(suffix=".o") as file:
        file.write(elf.engine(archive))
        file.flush()
        output = step(["objdump", "-dr", "--no-show-raw-insn", file.name], 120)
    function, found, seen = "", set(), set()
    for line in output.splitlines():
        label = re.match(r"^[0-9a-f]+ <(.*)>:$", line)
        if label:
            function = label[1]
            seen.add(function)
        elif " R_" in line.replace("\t", " ") and PANIC.search(line) and not PANIC.search(function):
            found.add(function)
    if "mcoap_endpoint_handle_datagram" not in seen:
        raise Failed("%s is not the engine:\n%s" % (archive, output[:1000]))
    return found


def engine_cannot_panic():
    archives = glob.glob(os.path.join(process.ROOT, "build", "unix*", "microcoapy-archive", "libmicrocoapy.a"))
    if not archives:
        raise Failed("no archive in build/unix*")
    for archive in archives:
        found = panicking_functions(archive)
        if found:
            raise Failed("%s: panics in %s" % (archive, " ".join(sorted(found))))


class PortBuild:
    """`make` of a user who has the module in a folder."""

    def __init__(self, folder):
        self.modules = os.path.join(folder, "modules")
        self.module = os.path.join(self.modules, "microcoapy")
        self.build = os.path.join(folder, "build")
        self.interpreter = os.path.join(self.build, "micropython")
        for part in PARTS:
            path = os.path.join(process.ROOT, part)
            if os.path.isdir(path):
                shutil.copytree(path, os.path.join(self.module, part))
            elif os.path.exists(path):
                os.makedirs(self.module, exist_ok=True)
                shutil.copy(path, os.path.join(self.module, part))
        self.argv = ["make", "-C", os.path.join(mptree.source(), "ports", "unix"), "BUILD=" + self.build]
        self.argv += ["USER_C_MODULES=" + self.modules, *PORT_FLAGS.split()]

    def make(self, *settings):
        return step([*self.argv, *settings])

    def edit(self, path, old, new):
        path = os.path.join(self.module, path)
        with open(path) as file:
            text = file.read()
        if old not in text:
            raise Failed("%s has no %r to change" % (path, old))
        with open(path, "w") as file:
            file.write(text.replace(old, new))

    def contains(self, text):
        with open(self.interpreter, "rb") as file:
            return text.encode() in file.read()


def port_alone(report):
    """The whole life of a user's build, each step a test that needs the one before."""

    def builds():
        port.make()
        output = step([port.interpreter, "-c", SCRIPT], 20)
        if not output.startswith("False "):
            raise Failed(output)

    def second_compiles_nothing_of_the_module():
        output = port.make()  # MicroPython itself writes its version header anew
        if "CARGO" in output or "microcoapy/src" in output:
            raise Failed(output)

    def changed_rust_file():
        port.edit("src/ffi/mod.rs", 'env!("CARGO_PKG_VERSION")', '"77.77.77"')
        port.make()
        if not port.contains("77.77.77"):
            raise Failed("the interpreter was not linked with the changed src/ffi/mod.rs")

    def changed_c_file():
        port.edit("src/mpy/errors.c", "%q: not valid", "%q: beyond its range")
        port.make()
        output = step([port.interpreter, "-c", "import microcoapy\ntry: microcoapy.Coap(-1)\nexcept ValueError as e: print(e)"], 20)
        port.edit("src/mpy/errors.c", "%q: beyond its range", "%q: not valid")
        if "beyond its range" not in output:
            raise Failed(output)

    def changed_header_with_a_new_name():
        known, more = "INT(COAP_ACK,", "INT(COAP_NAMED_ANEW, 7),\n    INT(COAP_ACK,"
        port.edit("src/mpy/tables/constants.h", known, more)
        port.make()
        output = step([port.interpreter, "-c", "import microcoapy; print(microcoapy.COAP_TYPE.COAP_NAMED_ANEW)"], 20)
        port.edit("src/mpy/tables/constants.h", more, known)
        if output != "7\n":
            raise Failed(output)

    def without_ipv6():
        for settings, sent, address in ((), ports.has_ipv6(), "::1"), (("MICROCOAPY_IPV6=0",), False, "[::1]"):
            port.make(*settings)
            output = step([port.interpreter, "-c", ADDRESSES], 20)
            # An address that the engine does not know is a name to it, and a custom socket's own affair.
            if output != "b'ok' 127.0.0.1\n%s\n('%s', 5)\n" % (sent, address):
                raise Failed(" ".join(settings) + "\n" + output)

    def passes_without(parts, names, *implied):
        """A build without some parts has none of their names, and passes every test that does not need them. The port has
        neither asyncio nor mbedtls as it is built here."""
        port.make(*["MICROCOAPY_%s=0" % part for part in parts])
        for name in names:
            if step([port.interpreter, "-c", "import microcoapy; print(hasattr(%s))" % name], 20) != "False\n":
                raise Failed("it has " + name)
        tests = [name for name in python.names() if not python.needs(name) & {"ASYNCIO", "DTLS", *parts, *implied}]
        if "loopback" not in tests:
            raise Failed("tests: " + " ".join(tests))
        wrong = []
        for name in tests:
            status, _, difference = python.execute(port.interpreter, name)
            if status != 0 or difference:
                wrong.append("py/%s: exit status %s\n%s" % (name, status, difference))
        if wrong:
            raise Failed("\n".join(wrong))

    def dtls_where_mbedtls_is():
        """And not where a setting leaves it out."""
        build = port.build + "-tls"
        for settings, found in ((), "True\n"), (("MICROCOAPY_DTLS=0",), "False\n"):
            port.make("BUILD=" + build, "MICROPY_PY_SSL=1", "MICROPY_SSL_MBEDTLS=1", *settings)
            argv = [os.path.join(build, "micropython"), "-c", "import microcoapy; print(hasattr(microcoapy, 'Dtls'))"]
            if step(argv, 20) != found:
                raise Failed("with %s: %s" % (" ".join(settings) or "mbedtls", "without" if found == "True\n" else "with"))

    def without_observe():
        passes_without(["OBSERVE"], ["microcoapy, 'Observation'", "microcoapy.Coap(), 'observe'"])

    def without_block():
        passes_without(["BLOCK"], [], "OSCORE")

    def without_oscore():
        names = ["microcoapy, 'SecurityContext'", "microcoapy, 'SequenceFile'", "microcoapy.Coap(), 'secure'"]
        passes_without(["OSCORE"], names)

    def without_discovery_and_flat_names():
        passes_without(["DISCOVERY", "FLAT_NAMES"], ["microcoapy, 'Link'", "microcoapy.Coap(), 'discover'"])
        output = step([port.interpreter, "-c", "try: import coap_macros\nexcept ImportError: print('not there')"], 20)
        if output != "not there\n":
            raise Failed(output)

    def classic_layer_alone():
        passes_without(["MODERN"], ["microcoapy, 'Exchange'"], "OBSERVE", "BLOCK", "DISCOVERY", "OSCORE")

    with tempfile.TemporaryDirectory() as folder:
        try:
            port = PortBuild(folder)
        except Failed as failed:
            report.fail("build/micropython.mk", str(failed))
            return
        changes = (
            second_compiles_nothing_of_the_module, changed_rust_file, changed_c_file, changed_header_with_a_new_name, without_ipv6,
        )
        parts = (dtls_where_mbedtls_is, without_observe, without_block, without_oscore, without_discovery_and_flat_names, classic_layer_alone)
        for test in (builds, *changes, *parts):
            if not report.test("build/micropython.mk/" + test.__name__, test):
                return


def with_the_repository_as_user_c_modules():
    """MicroPython 1.29 takes USER_C_MODULES=<this repository>: the interpreter works, and knows what it is made of."""
    with tempfile.TemporaryDirectory() as folder:
        port = PortBuild(folder)
        tree = mptree.with_root_level_modules(folder)
        port.argv[2] = os.path.join(tree, "ports", "unix")
        settings = ("USER_C_MODULES=" + port.module, "MICROCOAPY_TARGET_DIR=" + os.path.join(process.ROOT, "build", "cargo"))
        port.make(*settings)
        output = step([port.interpreter, "-c", SCRIPT], 20)
        if not output.startswith("False "):
            raise Failed(output)
        output = port.make(*settings)
        if "CARGO" in output or "microcoapy/src" in output:
            raise Failed("a second make compiled the module\n" + output)
        port.edit("src/ffi/mod.rs", 'env!("CARGO_PKG_VERSION")', '"77.77.77"')
        port.make(*settings)
        if not port.contains("77.77.77"):
            raise Failed("the interpreter was not linked with the changed src/ffi/mod.rs")


def coaps_with_mbedtls_3():
    """The mbedtls that ESP-IDF has: every test of DTLS passes with it, and those of connection ids."""
    step(["make", "mbedtls3"])
    interpreter = os.path.join(process.ROOT, "build", "micropython-mbedtls3")
    folder = os.path.join(process.TESTS, "cid")
    tests = [(name, python.FOLDER) for name in python.names() if "DTLS" in python.needs(name)]
    tests += [(name, folder) for name in python.names(folder)]
    if ("dtls", python.FOLDER) not in tests or ("moves", folder) not in tests:
        raise Failed("tests: %s" % tests)
    path = {"MICROPYPATH": ":".join((python.FOLDER, ".frozen")), "COAP_TEST_QUICK": "1"}
    for name, where in tests:
        status, _, difference = python.execute(interpreter, name, environment=path, folder=where)
        if status != 0 or difference:
            raise Failed("%s: exit status %s\n%s" % (name, status, difference))


def run(report, options):
    make = (second_make_does_nothing, make_says_one_line_for_a_step)
    module = (interpreter_has_the_module, engine_cannot_panic, coaps_with_mbedtls_3, with_the_repository_as_user_c_modules)
    shim = (layers.shim_has_layers, layers.few_files_know_the_platform, layers.names_in_tables_stand_apart)
    tests = {f.__name__: f for f in (*make, *module, *shim, workflow.workflows_have_no_mistakes)}
    for name in options.chosen(tests):
        report.test("build/" + name, tests[name])
    if options.chosen(["micropython.mk"]):
        port_alone(report)
