# SPDX-License-Identifier: MIT
"""ESP8266's CPU: QEMU's lx106, boards/qemu-esp8266. Every run is watched by the flash rule's plugin."""

import glob
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from runner import firmware as group  # noqa: E402
from runner import mptree, process, python, setup  # noqa: E402

BUILD = os.path.join(process.ROOT, "build")

QEMU = ["qemu-system-xtensa", "-M", "sim", "-cpu", "lx106", "-display", "none", "-monitor", "none", "-serial", "none"]
BINUTILS = "xtensa-lx106-elf-"
DEVICE = os.path.join(process.TESTS, "firmware", "device")
PORT = os.path.join(BUILD, "src", "micropython", "ports", "esp8266")
PLUGIN = os.path.join(BUILD, "flash32.so")
SUMMARY = re.compile(r"^(\d+) bad of (\d+) accesses$", re.M)


NOT_BUILT = "/not-built"
FLASHED = 0x40100000  # IRAM and flash; below is ROM


def board_folder(size):
    return os.path.join(process.ROOT, "boards", "ESP8266_MICROCOAPY_" + size)


def port_commands(size, *options):
    """What the chip's own port would run for our board, with its build folder named NOT_BUILT. Nothing is run: the SDK
    that it links is no part of this project."""
    with tempfile.TemporaryDirectory() as build:
        argv = ["make", "-n", *options, "BOARD_DIR=" + board_folder(size), "BUILD=" + build]
        status, output = process.run(argv, 120, PORT, {"MAKEFLAGS": ""})
    assert status == 0, output[-4000:]
    return output.replace(build, NOT_BUILT)


def firmware(variant=""):
    return os.path.join(BUILD, "qemu-esp8266" + variant, "firmware.elf")


def quoted(argument):
    """A comma in a value of one of QEMU's options."""
    return argument.replace(",", ",,")


def command(arguments, report=None, elf=None, watched=None):
    argv = QEMU + ["-kernel", elf or firmware(), "-semihosting-config"]
    argv.append("enable=on,target=native" + "".join(",arg=" + quoted(word) for word in ["firmware", *arguments]))
    if report:
        plugin = "%s,report=%s" % (quoted(PLUGIN), quoted(report))
        if watched:
            plugin += ",from=%#x,to=%#x" % watched
        argv += ["-plugin", plugin]
    return argv


def symbols(elf, *names):
    status, output = process.run([BINUTILS + "nm", elf], 60)
    found = {fields[2]: int(fields[0], 16) for fields in map(str.split, output.splitlines()) if len(fields) == 3}
    if status != 0:
        raise AssertionError(output)
    return tuple(found[name] for name in names)


class Board:
    name = "esp8266"

    def build(self):
        """(exit status, output) of make."""
        return process.run(["make", "firmware-esp8266-build"], 1800, env={"MAKEFLAGS": ""})

    def run(self, script, args=(), timeout=30):
        """Runs a script file, in its folder: (output, exit status). Status None when the time was up.

        `args` are NAME=VALUE: HEAP_SIZE in bytes is the heap; RESETS soft resets follow, and the script
        runs after each; LARGE=1 chooses the firmware with the capacities of profile esp32, CLASSIC=1 that with the
        classic layer alone. A violation of the flash rule ends the output and makes the status 1.
        """
        variant = next(("-" + name.lower() for name in ("LARGE", "CLASSIC") if name + "=1" in args), "")
        output, status, summary = self.watched_run(script, args, timeout, firmware(variant))
        found = SUMMARY.search(summary)
        if status == 0 and not (found and found.group(1) == "0" and int(found.group(2)) > 0):
            return "%s\nflash rule: %s\n" % (output, summary or "no report"), 1
        return output, status

    def watched_run(self, script, args=(), timeout=30, elf=None, watched=None):
        """(output, exit status, the plugin's report)"""
        said = dict(word.split("=", 1) for word in args)
        options = []
        for name, option in (("HEAP_SIZE", "heapsize"), ("RESETS", "resets")):
            options += ["-X", "%s=%s" % (option, said[name])] if name in said else []
        with tempfile.TemporaryDirectory() as folder:
            report = os.path.join(folder, "report")
            argv = command([*options, os.path.basename(script)], report, elf, watched)
            status, output = process.run(argv, timeout, os.path.dirname(os.path.abspath(script)))
            summary = ""
            if os.path.exists(report):
                with open(report) as lines:
                    summary = lines.read()
        return output, status, summary

    def extra_tests(self):
        return [
            ("flash_rule_is_checked", self.flash_rule_is_checked),
            ("engine_and_constants_in_flash", self.engine_and_constants_in_flash),
            ("nothing_in_iram", self.nothing_in_iram),
            ("board_1M", lambda: self.real_board("1M", "MICROPY_ESP8266_1M")),
            ("board_4M", lambda: self.real_board("4M", "MICROPY_ESP8266_2M")),
            ("memory_functions_1M", lambda: self.memory_functions("1M")),
            ("memory_functions_4M", lambda: self.memory_functions("4M")),
            ("root_level_module", self.root_level_module),
            ("modem", self.modem),
            ("soft_reset", lambda: group.run_after_soft_resets(self)),
        ]

    def flash_rule_is_checked(self):
        """The plugin reports violations: Debian's compiler reads constants in flash by bytes."""
        script = os.path.join(DEVICE, "rfc7252.py")
        _, status, summary = self.watched_run(script, (), 300, firmware("-rodata"))
        assert status == 0, "exit status %s" % status
        found = SUMMARY.search(summary)
        assert found and int(found.group(1)) > 0, summary or "no report"
        assert re.search(r"^load of 1 bytes at 402[0-9a-f]{5}, pc 402[0-9a-f]{5}$", summary, re.M), summary
        return found.group(0)

    def engine_and_constants_in_flash(self):
        """With all constants in flash, as on the chip, the engine breaks no rule."""
        elf = firmware("-rodata")
        watched = symbols(elf, "_microcoapy_start", "_microcoapy_end")
        assert watched[1] - watched[0] > 10000, "the engine is not where it is watched"
        total = 0
        for script in ("firmware/device/rfc7252", "firmware/device/constants_in_flash", "py/requests_wire", "py/dispatch"):
            path = os.path.join(process.TESTS, script + ".py")
            output, status, summary = self.watched_run(path, (), 300, elf, watched)
            with open(path + ".exp") as expected:
                assert status == 0 and output == expected.read(), "%s: exit status %s\n%s" % (script, status, output)
            found = SUMMARY.search(summary)
            assert found and found.group(1) == "0" and int(found.group(2)) > 0, "%s: %s" % (script, summary)
            total += int(found.group(2))
        return "0 bad of %d accesses" % total

    def nothing_in_iram(self):
        """The chip's own linker script puts our code into flash, and what the engine reads by bytes into RAM."""
        folder = os.path.join(BUILD, "qemu-esp8266")
        objects = glob.glob(os.path.join(folder, "microcoapy", "src", "mpy", "*.o"))
        assert len(objects) >= 11, objects
        with tempfile.TemporaryDirectory() as temporary:
            image = os.path.join(temporary, "image.elf")
            # Ours alone: everything else stays undefined.
            argv = [BINUTILS + "ld", "-nostdlib", "-T", "boards/esp8266_1MiB.ld", "--unresolved-symbols=ignore-all"]
            argv += ["-o", image, "--whole-archive", os.path.join(folder, "microcoapy-archive", "libmicrocoapy.a")]
            status, output = process.run(argv + objects, 120, PORT)
            assert status == 0, output
            status, output = process.run([BINUTILS + "size", "-A", image], 60)
            assert status == 0, output
        sizes = {name: int(size) for name, size in re.findall(r"^(\.\S+) +(\d+)", output, re.M)}
        # Vectors and padding of the script itself.
        assert sizes[".text"] <= 128, "IRAM: %d bytes\n%s" % (sizes[".text"], output)
        assert sizes[".irom0.text"] > 20000, output
        assert sizes[".data"] <= 1024, "constants in RAM: %d bytes\n%s" % (sizes[".data"], output)
        assert sizes[".bss"] == 0, output
        return "flash %d, constants in RAM %d, IRAM %d" % (sizes[".irom0.text"], sizes[".data"], sizes[".text"])

    def real_board(self, size, variant):
        """The board definition parses in the chip's port, says what that knows, and builds our module for the chip."""
        folder = board_folder(size)
        output = port_commands(size, "-p")
        values = dict(re.findall(r"^(\w+) :?= (.*)$", output, re.M))
        assert values["MICROCOAPY_PROFILE"] == "esp8266", values["MICROCOAPY_PROFILE"]
        if size == "1M":
            wanted = {"MICROPY_PY_SSL": "0", "MICROPY_SSL_AXTLS": "0"}
            assert wanted.items() <= values.items(), {name: values[name] for name in wanted}
        everything = "staticlib,profile-esp8266,attributes,ipv6,observe,block,discovery,oscore\n"
        settings = {name: value for name, value in values.items() if name.startswith("MICROCOAPY_") and len(value) == 1}
        argv = ["sh", os.path.join(process.ROOT, "tools", "features.sh"), "xtensa-esp8266-none-elf"]
        status, features = process.run(argv, 60, env=settings)
        assert status == 0 and features == ("staticlib,profile-esp8266\n" if size == "1M" else everything), features
        for variable in ("LD_FILES", "FROZEN_MANIFEST"):
            assert os.path.exists(os.path.join(PORT, values[variable])), values[variable]
        assert re.search(r"archive\.sh xtensa-esp8266-none-elf ", output), "the engine is not built for this CPU"
        # One command for each file of the shim.
        sources = glob.glob(os.path.join(process.ROOT, "src", "mpy", "*.c"))
        for source in sources:
            command = r"^xtensa-lx106-elf-gcc .*--rename-section,\.text=\.irom0\.text .*/%s(?: |$)" % re.escape(os.path.basename(source))
            assert re.search(command, output, re.M), "not compiled for flash: " + source
        self.board_variables(folder, variant)
        argv = [BINUTILS + "gcc", "-E", "-dM", "-I.", "-D" + variant, os.path.join(folder, "mpconfigboard.h")]
        status, macros = process.run(argv, 60, PORT)
        assert status == 0 and re.search(r'MICROPY_HW_BOARD_NAME ".*microcoapy"', macros), macros
        return "%d files for flash" % len(sources)

    def memory_functions(self, size):
        """The real port's link, with what was built for this board: memcpy and the like are the firmware's own, not the
        ROM's, which its linker script offers and which cannot read bytes from flash."""
        output = port_commands(size)
        link = re.search(r"^xtensa-lx106-elf-ld .*/firmware\.elf .*$", output, re.M).group(0).split()
        ours = os.path.join(BUILD, "qemu-esp8266")
        with tempfile.TemporaryDirectory() as temporary:
            image = os.path.join(temporary, "firmware.elf")
            argv = []
            for word in link:
                if word.startswith(NOT_BUILT):
                    word = image if word.endswith(".elf") else ours + word[len(NOT_BUILT) :]
                    if word != image and not os.path.exists(word):
                        continue  # of the port, which needs the SDK
                elif word.startswith("-Map") or word.startswith("-l") and word != "-lgcc":
                    continue
                argv.append(word)
            for needed in ("shared/libc/string0.o", "microcoapy/src/mpy/pump.o", "microcoapy-archive/libmicrocoapy.a"):
                assert os.path.join(ours, needed) in argv, "%s is not linked: %s" % (needed, " ".join(link))
            # What the SDK would keep is not there: everything is kept. So much fits no region.
            argv += ["--unresolved-symbols=ignore-all", "--no-gc-sections", "--noinhibit-exec"]
            status, output = process.run(argv, 120, PORT)
            assert os.path.exists(image), "status %s\n%s" % (status, output[-4000:])
            addresses = symbols(image, "memcpy", "memmove", "memset", "memcmp")
        assert all(address >= FLASHED for address in addresses), "of the ROM: " + " ".join(map(hex, addresses))
        return " ".join(map(hex, addresses))

    def root_level_module(self):
        """USER_C_MODULES is this repository, as MicroPython 1.29 has it: the firmware is built, our code is for flash."""
        with tempfile.TemporaryDirectory() as folder:
            elf = mptree.build_root_level(folder, os.path.join(process.ROOT, "boards", "qemu-esp8266"))
            code = 0
            for path in glob.glob(os.path.join(folder, "build", "microcoapy", "src", "mpy", "*.o")):
                status, output = process.run([BINUTILS + "size", "-A", path], 60)
                sizes = {name: int(size) for name, size in re.findall(r"^(\.\S+) +(\d+)", output, re.M)}
                assert status == 0 and ".irom0.text" in sizes and not sizes.get(".text"), "%s\n%s" % (path, output)
                code += sizes[".irom0.text"]
            assert code > 10000, "%d bytes" % code
            script = os.path.join(python.FOLDER, "packet.py")
            output, status, _ = self.watched_run(script, (), 300, elf)
            with open(script + ".exp") as expected:
                assert status == 0 and output == expected.read(), output

    def board_variables(self, folder, variant):
        """What the board sets is used by MicroPython, or by us."""
        with open(os.path.join(folder, "mpconfigboard.mk")) as lines:
            text = lines.read()
        assert "-D%s\n" % variant in text, text
        top = os.path.dirname(os.path.dirname(PORT))
        users = [os.path.join(process.ROOT, "micropython.mk"), os.path.join(PORT, "Makefile")]
        users += glob.glob(os.path.join(top, "py", "*.mk")) + glob.glob(os.path.join(top, "extmod", "*.mk"))
        known = ""
        for path in users:
            with open(path) as lines:
                known += lines.read()
        for variable in re.findall(r"^(?:override )?(\w+) *[?+]?=", text, re.M):
            pattern = r"\b%s\b" if variable.startswith("MICROCOAPY_") else r"\$\(%s\)|\b%s *[?+]?="
            assert re.search(pattern.replace("%s", variable), known), variable + " means nothing to MicroPython"

    def modem(self):
        """tools/demo_esp8266.py: libcoap's server and client talk to the board, in both roles."""
        setup.programs("coap-server-notls", "coap-client-notls")
        argv = [sys.executable, os.path.join(process.ROOT, "tools", "demo_esp8266.py")]
        status, output = process.run(argv, 300)
        assert status == 0, output
