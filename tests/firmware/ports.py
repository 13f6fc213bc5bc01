# SPDX-License-Identifier: MIT
"""What firmware makers use of us: archives for the CPUs of boards, the object for native modules, micropython.cmake, the
ESP32 family's boards.

Part of the group 'firmware' of tests/run.py. MICROPY_DIR in the environment names MicroPython's source.
"""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import archives  # noqa: E402
import native_module  # noqa: E402
import rv32  # noqa: E402
import shorten  # noqa: E402
from runner import firmware, process, setup  # noqa: E402

ROOT = process.ROOT
MICROPYTHON = os.path.abspath(os.environ.get("MICROPY_DIR") or os.path.join(ROOT, "build", "src", "micropython"))
WORK = os.path.join(ROOT, "build", "ports")
PROJECTS = os.path.join(ROOT, "tests", "firmware", "cmake")
MODULE = os.path.join(ROOT, "micropython.cmake")
PACKAGES = ("cmake", "ninja-build", "binutils", "gcc", "binutils-xtensa-lx106", *rv32.Board.packages, *native_module.PACKAGES)
SHARED_CARGO = {"MICROCOAPY_TARGET_DIR": os.path.join(ROOT, "build", "cargo")}

CHECKS = {}


def check(name):
    """Registers a function under a name; a check fails by raising."""

    def register(function):
        assert name not in CHECKS, name
        CHECKS[name] = function
        return function

    return register


def run(*argv, env=None, timeout=900, fails=False):
    """The command's output; it must succeed, or fail if it is said to."""
    status, output = process.run(list(argv), timeout, env=env)
    assert (status != 0) == fails and status is not None, "%s: status %s\n%s" % (" ".join(argv), status, output[-4000:])
    return output


def same(got, wanted, what):
    assert got == wanted, "%s is %r, not %r" % (what, got, wanted)


def fresh(*parts):
    folder = os.path.join(WORK, *parts)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder


# ---- archives -------------------------------------------------------------------------------------

XTENSA = ("Tensilica Xtensa Processor", r"^0x(0|300)$", "", ())
# Rust target: what the objects' headers and attributes must say, for the C compilers of such boards to link them.
ARCHIVES = {
    "xtensa-esp8266-none-elf": XTENSA,
    "xtensa-esp32-none-elf": XTENSA,
    "xtensa-esp32s2-none-elf": XTENSA,
    "xtensa-esp32s3-none-elf": XTENSA,
    "riscv32imc-unknown-none-elf": ("RISC-V", r"RVC, soft-float ABI", r"Tag_RISCV_arch: \"rv32i\w+_m\w+_c(?!.*_a2)", ()),
    "riscv32imac-unknown-none-elf": ("RISC-V", r"RVC, soft-float ABI", r"Tag_RISCV_arch: \"rv32i\w+_m\w+_a\w+_c", ()),
    "riscv32imafc-unknown-none-elf": ("RISC-V", r"RVC, single-float ABI", r"Tag_RISCV_arch: \"rv32i\w+_a\w+_f", ()),
    "thumbv6m-none-eabi": ("ARM", r"Version5 EABI", r"Tag_CPU_arch: v6S-M", ("Tag_ABI_VFP_args",)),
    "thumbv7em-none-eabi": ("ARM", r"Version5 EABI", r"Tag_CPU_arch: v7E-M", ("Tag_ABI_VFP_args",)),
    "thumbv7em-none-eabihf": ("ARM", r"Version5 EABI", r"Tag_ABI_VFP_args: VFP registers", ()),
    "thumbv8m.main-none-eabi": ("ARM", r"Version5 EABI", r"Tag_CPU_arch: v8-M.mainline", ("Tag_ABI_VFP_args",)),
}


def declared_functions():
    with open(os.path.join(ROOT, "include", "microcoapy.h")) as header:
        names = set(re.findall(r"\b(mcoap_\w+)\(", header.read()))
    assert len(names) > 20, names
    return names


def build_archive(target):
    """The folder with the archive."""
    status, output = process.run(["make", "archive-" + target], 1800)
    if status != 0:
        firmware.raise_missing(output)
    assert status == 0, output[-4000:]
    return os.path.join(ROOT, "build", "archive", target)


def check_archive(target):
    machine, flags, attribute, absent = ARCHIVES[target]
    folder = build_archive(target)
    archive = os.path.join(folder, "libmicrocoapy.a")
    headers = run("readelf", "-hA", archive)
    same(set(re.findall(r"Machine: +(.*)", headers)), {machine}, "machine")
    for found in re.findall(r"Flags: +(.*)", headers):
        assert re.search(flags, found), found
    assert re.search(attribute, headers), headers
    for word in absent:
        assert word not in headers, headers
    symbols = [line.split() for line in run("readelf", "-sW", archive).splitlines()]
    defined = {part[7] for part in symbols if len(part) == 8 and part[4] == "GLOBAL" and part[6] != "UND"}
    same(declared_functions() - defined, set(), "functions of include/microcoapy.h that are missing")
    archives.check_engine(target, folder)


@check("archive/all")
def check_all_archives():
    """No archive that `make archives` builds goes unchecked."""
    with open(os.path.join(ROOT, "boards", "firmware.mk")) as makefile:
        listed = re.search(r"^FIRMWARE_TARGETS :=((?:.*\\\n)*.*)", makefile.read(), re.MULTILINE).group(1)
    same(set(listed.replace("\\", " ").split()), set(ARCHIVES), "FIRMWARE_TARGETS")


for _target in ARCHIVES:
    CHECKS["archive/" + _target] = lambda target=_target: check_archive(target)


for _target in archives.COMPILERS:
    CHECKS["refusals/" + _target] = lambda target=_target: archives.check_refusals(target, build_archive(target))

check("archive/shorten")(shorten.check)

CHECKS.update(("native-module/" + name, function) for name, function in native_module.checks())


@check("stack/self-check")
def check_stack():
    """tools/stack.py, which measures the boards' firmware for `make sizes`, finds what it is to find."""
    return run(sys.executable, os.path.join(ROOT, "tools", "stack.py"), "--self-check").strip()


# ---- which Rust target ----------------------------------------------------------------------------

IDF_TARGETS = {
    "esp32": "xtensa-esp32-none-elf",
    "esp32s2": "xtensa-esp32s2-none-elf",
    "esp32s3": "xtensa-esp32s3-none-elf",
    "esp32c2": "riscv32imc-unknown-none-elf",
    "esp32c3": "riscv32imc-unknown-none-elf",
    "esp32c5": "riscv32imac-unknown-none-elf",
    "esp32c6": "riscv32imac-unknown-none-elf",
    "esp32h2": "riscv32imac-unknown-none-elf",
    "esp32p4": "riscv32imafc-unknown-none-elf",
}
PICO_PLATFORMS = {
    "rp2040": "thumbv6m-none-eabi",
    "rp2350": "thumbv8m.main-none-eabi",
    "rp2350-arm-s": "thumbv8m.main-none-eabi",
    "rp2350-riscv": "riscv32imac-unknown-none-elf",
}
RISCV_FLAGS = {
    "-march=rv32imc -mabi=ilp32": "riscv32imc-unknown-none-elf",
    "-march=rv32imac -mabi=ilp32": "riscv32imac-unknown-none-elf",
    "-march=rv32imafc -mabi=ilp32": "riscv32imac-unknown-none-elf",
    "-march=rv32imafc -mabi=ilp32f": "riscv32imafc-unknown-none-elf",
}
# What compilers for Cortex-M say of themselves; the one that is installed is not asked.
ARM_MACROS = {
    "m0plus": (("__ARM_ARCH_6M__",), "thumbv6m-none-eabi"),
    "m3": (("__ARM_ARCH_7M__",), "thumbv7m-none-eabi"),
    "m4": (("__ARM_ARCH_7EM__",), "thumbv7em-none-eabi"),
    "m4f": (("__ARM_ARCH_7EM__", "__ARM_PCS_VFP"), "thumbv7em-none-eabihf"),
    "m33": (("__ARM_ARCH_8M_MAIN__",), "thumbv8m.main-none-eabi"),
    "m33f": (("__ARM_ARCH_8M_MAIN__", "__ARM_PCS_VFP"), "thumbv8m.main-none-eabihf"),
}
REFUSAL = "microcoapy does not know which Rust target is right for"


def shown(output, variable):
    found = re.search(r"^-- %s=(.*)$" % variable, output, re.MULTILINE)
    assert found, "%s is not shown\n%s" % (variable, output)
    return found.group(1)


def configure(name, *settings, env=None, fails=False):
    folder = fresh("choose", re.sub(r"\W+", "-", name))
    return run(
        "cmake", "-S", os.path.join(PROJECTS, "choose"), "-B", folder, "-DMICROPY_DIR=" + MICROPYTHON,
        "-DUSER_C_MODULES=" + MODULE, *settings, env=env, fails=fails,
    )  # fmt: skip


def check_chosen(name, wanted, *settings, env=None):
    same(shown(configure(name, *settings, env=env), "MICROCOAPY_RUST_TARGET"), wanted, "Rust target")


def check_refused(name, cpu, *settings):
    # cmake breaks lines.
    message = " ".join(configure(name, *settings, fails=True).split())
    assert "%s %s" % (REFUSAL, cpu) in message and "MICROCOAPY_TARGET=" in message, message


def pretend_compiler(name, macros):
    path = os.path.join(fresh("compiler", name), "cc")
    with open(path, "w") as file:
        file.write("#!/bin/sh\n" + "".join("echo '#define %s 1'\n" % macro for macro in macros))
    os.chmod(path, 0o755)
    return "-DCMAKE_C_COMPILER=" + path


def target_checks():
    for name, wanted in IDF_TARGETS.items():
        yield "target/idf/" + name, lambda n=name, w=wanted: check_chosen(n, w, "-DIDF_TARGET=" + n)
    for name, wanted in PICO_PLATFORMS.items():
        yield "target/pico/" + name, lambda n=name, w=wanted: check_chosen(n, w, "-DPICO_PLATFORM=" + n)
    gcc = "-DCOMPILER=riscv64-unknown-elf-gcc"
    for flags, wanted in RISCV_FLAGS.items():
        name = "target/gcc/" + flags.replace(" -mabi=", "/").replace("-march=", "")
        yield name, lambda f=flags, w=wanted: check_chosen(f, w, gcc, "-DCMAKE_C_FLAGS=" + f)
    for name, (macros, wanted) in ARM_MACROS.items():
        yield "target/arm/" + name, lambda n=name, m=macros, w=wanted: check_chosen(n, w, pretend_compiler(n, m))
    yield "target/named", lambda: check_chosen("named", "thumbv7m-none-eabi", "-DMICROCOAPY_TARGET=thumbv7m-none-eabi")
    yield (
        "target/environment",
        lambda: check_chosen("environment", "thumbv7m-none-eabi", env={"MICROCOAPY_TARGET": "thumbv7m-none-eabi"}),
    )
    yield "target/unknown/idf", lambda: check_refused("u1", "IDF_TARGET=esp32x9.", "-DIDF_TARGET=esp32x9")
    yield "target/unknown/pico", lambda: check_refused("u2", "PICO_PLATFORM=host.", "-DPICO_PLATFORM=host")
    yield "target/unknown/rv64", lambda: check_refused("u3", "what ", gcc)
    yield "target/unknown/host", lambda: check_refused("u4", "what ", "-DCOMPILER=gcc")
    yield "target/unknown/nothing", lambda: check_refused("u5", "what ")


CHECKS.update(target_checks())


@check("cmake/settings")
def check_settings():
    output = configure("settings", "-DIDF_TARGET=esp32c3")
    same(shown(output, "MICROCOAPY_PROFILE"), "esp32", "profile")
    output = configure("settings", "-DIDF_TARGET=esp32c3", env={"MICROCOAPY_PROFILE": "unix"})
    same(shown(output, "MICROCOAPY_PROFILE"), "unix", "profile of the environment")
    output = configure("settings", "-DIDF_TARGET=esp32c3", "-DMICROCOAPY_PROFILE=esp8266", env={"MICROCOAPY_PROFILE": "unix"})
    same(shown(output, "MICROCOAPY_PROFILE"), "esp8266", "profile of the command line")


@check("cmake/ipv6")
def check_ipv6():
    """MICROCOAPY_IPV6 reaches the engine, also where it has been built with another setting."""
    folder = fresh("choose", "ipv6")
    for setting in "0", "1":
        output = run(
            "cmake", "-G", "Unix Makefiles", "-S", os.path.join(PROJECTS, "choose"), "-B", folder, "-DIDF_TARGET=esp32c3",
            "-DMICROPY_DIR=" + MICROPYTHON, "-DUSER_C_MODULES=" + MODULE, "-DMICROCOAPY_IPV6=" + setting,
            *("-D%s=%s" % shared for shared in SHARED_CARGO.items()),
        )  # fmt: skip
        run("cmake", "--build", folder, "--target", "microcoapy_archive", timeout=900)
        symbols = run("readelf", "-sW", shown(output, "MICROCOAPY_ARCHIVE"))
        assert "mcoap_peer_from_text" in symbols, symbols
        same("parse_ipv6" in symbols, setting == "1", "IPv6 with MICROCOAPY_IPV6=" + setting)


@check("cmake/sources")
def check_sources():
    """Every C file of the shim is built, by cmake and by make, and is scanned for QSTRs under its plain name; a header
    that changes makes the scan run again."""
    sources = os.path.join(ROOT, "src", "mpy")
    files = {os.path.basename(path) for path in glob.glob(os.path.join(sources, "*.c"))}
    headers = {os.path.relpath(path, sources) for path in glob.glob(os.path.join(sources, "**", "*.h"), recursive=True)}
    listed = shown(configure("sources", "-DIDF_TARGET=esp32c3"), "MICROPY_SOURCE_USERMOD").split(";")
    for path in listed:
        assert os.path.isfile(path), path
    listed = {os.path.relpath(path, sources) for path in listed}
    same(listed, files | headers, "list in micropython.cmake")
    with open(os.path.join(ROOT, "micropython.mk")) as makefile:
        by_make = re.search(r"^MICROCOAPY_SRC_C :=((?:.*\\\n)*.*)", makefile.read(), re.MULTILINE).group(1)
    same(set(re.findall(r"(\w+\.c)\b", by_make)), files, "list in micropython.mk")


# ---- a firmware -----------------------------------------------------------------------------------

# The version that goes into the firmware, or MicroPython's build asks git, whose answer changes while others commit.
VERSION = {"MICROPY_GIT_TAG": "v0.0.0", "MICROPY_GIT_HASH": "0", "SOURCE_DATE_EPOCH": "0"}
# Tests of tests/py that go through every layer, and need no network.
SCRIPTS = ("import_forms", "packet", "constants", "callbacks_reentrant", "stats")


def configure_firmware(folder, module=MODULE):
    run(
        "cmake", "-G", "Ninja", "-S", PROJECTS, "-B", folder, "-DMICROPY_DIR=" + MICROPYTHON,
        "-DUSER_C_MODULES=" + module, *("-D%s=%s" % setting for setting in SHARED_CARGO.items()),
    )  # fmt: skip


def run_scripts(firmware):
    board = rv32.Board(firmware)
    for name in SCRIPTS:
        script = os.path.join(ROOT, "tests", "py", name + ".py")
        output, status = board.run(script, timeout=60)
        with open(script + ".exp") as expected:
            assert status == 0 and output == expected.read(), "%s: status %s\n%s" % (name, status, output)


def with_copy():
    """The parts of the repository that a build reads, to be changed by a check."""
    copy = fresh("copy")
    for part in ("Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "micropython.cmake"):
        shutil.copy2(os.path.join(ROOT, part), copy)
    for part in ("src", "include", "tools", "tests/rust", "boards/targets"):
        shutil.copytree(os.path.join(ROOT, part), os.path.join(copy, part))
    return copy


def check_linked_objects(folder):
    """The shim's objects that are linked are the executable's, compiled as IDF compiles its components."""
    with open(os.path.join(folder, "firmware.map")) as lines:
        linked = set(re.findall(r"^LOAD (\S+/src/mpy/\w+\.c\.o(?:bj)?)$", lines.read(), re.M))
    files = {os.path.basename(path) for path in glob.glob(os.path.join(ROOT, "src", "mpy", "*.c"))}
    same({os.path.basename(path).rpartition(".")[0] for path in linked}, files, "files of the shim that the executable has")
    commands = json.loads(run("ninja", "-C", folder, "--quiet", "-t", "compdb"))
    commands = {command["output"]: command["command"].split() for command in commands}
    for path in linked:
        missing = {"-Os", "-std=gnu17", "-DNDEBUG", "-DESP_PLATFORM", "-msave-restore"} - set(commands[path])
        assert not missing, "%s is compiled without %s" % (path, " ".join(missing))
        undefined = run("riscv64-unknown-elf-nm", "-u", os.path.join(folder, path)).split()
        assert not {"__assert_func", "__assert_no_args"} & set(undefined), "asserts in " + path
        if "/entropy.c." in path:
            assert "esp_fill_random" in undefined, "entropy takes " + " ".join(undefined)


@check("cmake/firmware")
def check_firmware():
    """Builds with MicroPython's cmake files, boots and runs; builds again what a change asks for, and no more."""
    copy = with_copy()
    folder = fresh("firmware")
    configure_firmware(folder, os.path.join(copy, "micropython.cmake"))
    ninja = ("ninja", "-j2", "-C", folder)
    run(*ninja, env=VERSION, timeout=900)
    check_linked_objects(folder)
    run_scripts(os.path.join(folder, "firmware.elf"))

    archive = glob.glob(os.path.join(folder, "microcoapy", "*", "libmicrocoapy.a"))
    same(len(archive), 1, "number of archives")

    def archive_and_firmware():
        return [os.stat(path).st_mtime_ns for path in (archive[0], os.path.join(folder, "firmware.elf"))]

    def built_again():
        before = archive_and_firmware()
        output = run(*ninja, env=VERSION, timeout=900)
        return [now > then for now, then in zip(archive_and_firmware(), before)], output

    again, output = built_again()
    assert again == [False, False] and "cargo" not in output, "nothing had changed\n" + output
    time.sleep(0.1)  # for file systems with coarse times
    with open(os.path.join(copy, "src", "time.rs"), "a") as source:
        source.write("// changed\n")
    same(built_again()[0], [True, True], "what is new after a change of a Rust file (archive, firmware)")
    with open(os.path.join(copy, "src", "added.rs"), "w") as source:
        source.write("//! Added.\n")
    same(built_again()[0], [True, True], "what is new after a Rust file has come")
    with open(os.path.join(copy, "src", "mpy", "constants.c"), "a") as source:
        source.write("// changed\n")
    same(built_again()[0], [False, True], "what is new after a change of a C file")

    # A broken engine ends the build, and the old archive is not taken for it.
    with open(os.path.join(copy, "src", "time.rs"), "a") as source:
        source.write("this is no Rust\n")
    run(*ninja, env=VERSION, timeout=900, fails=True)
    run(*ninja, env=VERSION, timeout=900, fails=True)


# ---- boards of the ESP32 family -------------------------------------------------------------------

# Our board: the port's that it is made from, and ESP-IDF's name of its CPU.
BOARDS = {
    "ESP32_MICROCOAPY": ("ESP32_GENERIC", "esp32"),
    "ESP32_MICROCOAPY_S3": ("ESP32_GENERIC_S3", "esp32s3"),
    "ESP32_MICROCOAPY_C3": ("ESP32_GENERIC_C3", "esp32c3"),
    "ESP32_MICROCOAPY_C6": ("ESP32_GENERIC_C6", "esp32c6"),
}
ESP32_PORT = os.path.join(MICROPYTHON, "ports", "esp32")


def configure_board(board, folder):
    """The port's own CMakeLists.txt with the board, and its sdkconfig as it goes to ESP-IDF."""
    output = run(
        "cmake", "-S", ESP32_PORT, "-B", fresh("board", board), "-DMICROPY_BOARD=" + board,
        "-DMICROPY_BOARD_DIR=" + folder, env={"IDF_PATH": os.path.join(PROJECTS, "idf")},
    )  # fmt: skip
    with open(os.path.join(WORK, "board", board, "sdkconfig.combined")) as file:
        return output, file.read()


def board_macros(folder):
    """What mpconfigboard.h defines, with the port's include folders."""
    header = os.path.join(folder, "mpconfigboard.h")
    output = run("gcc", "-std=gnu99", "-E", "-dM", "-I" + ESP32_PORT, header)
    macros = dict(re.findall(r"^#define ((?:MICROPY|MICROCOAPY|CONFIG)\w+) (.*)$", output, re.MULTILINE))
    assert macros, output
    return macros


def mentioned_in_port(name):
    """Whether MicroPython's port or core reads such a variable or macro."""
    folders = [os.path.join(MICROPYTHON, part) for part in ("ports/esp32", "py", "extmod", "shared")]
    found = subprocess.run(
        ["grep", "-rqw", "--include=*.cmake", "--include=CMakeLists.txt", "--include=*.[ch]", "--exclude-dir=boards", name, *folders]
    )
    return found.returncode == 0


def check_board(board):
    base, idf_target = BOARDS[board]
    folder = os.path.join(ROOT, "boards", board)
    base_folder = os.path.join(ESP32_PORT, "boards", base)
    output, sdkconfig = configure_board(board, folder)
    same(shown(output, "IDF_TARGET"), idf_target, "IDF_TARGET")
    same(shown(output, "MICROCOAPY_RUST_TARGET"), IDF_TARGETS[idf_target], "Rust target")
    same(shown(output, "MICROCOAPY_PROFILE"), "esp32", "profile")
    assert "src/mpy/modmicrocoapy.c" in shown(output, "MICROPY_SOURCE_USERMOD"), output
    assert "CONFIG_" in sdkconfig, "no sdkconfig"

    # The port's board in everything but its name, and what coaps needs.
    base_sdkconfig = run_base(base, base_folder)
    with open(os.path.join(ROOT, "boards", "sdkconfig.dtls")) as file:
        same(sdkconfig, base_sdkconfig + file.read(), "sdkconfig")
    macros, base_macros = board_macros(folder), board_macros(base_folder)
    name = macros.pop("MICROPY_HW_BOARD_NAME")
    assert name != base_macros.pop("MICROPY_HW_BOARD_NAME") and "microcoapy" in name, name
    same(macros, base_macros, "macros")

    with open(os.path.join(folder, "mpconfigboard.cmake")) as file:
        variables = set(re.findall(r"^ *(?:set|list)\((?:APPEND +)?(\w+)", file.read(), re.MULTILINE))
    with open(os.path.join(folder, "mpconfigboard.h")) as file:
        variables |= set(re.findall(r"^#define (\w+)", file.read(), re.MULTILINE))
    assert variables, "no variables"
    with open(MODULE) as file:
        ours = file.read()
    for variable in variables:
        known = re.search(r"\b%s\b" % variable, ours) if variable.startswith("MICROCOAPY_") else mentioned_in_port(variable)
        assert known, "nothing reads %s" % variable


def run_base(base, folder):
    """sdkconfig of a board of the port."""
    run(
        "cmake", "-S", ESP32_PORT, "-B", fresh("board", base), "-DMICROPY_BOARD=" + base, "-DMICROPY_BOARD_DIR=" + folder,
        "-DUSER_C_MODULES=" + MODULE, env={"IDF_PATH": os.path.join(PROJECTS, "idf")},
    )  # fmt: skip
    with open(os.path.join(WORK, "board", base, "sdkconfig.combined")) as file:
        return file.read()


for _board in BOARDS:
    CHECKS["board/" + _board] = lambda board=_board: check_board(board)


@check("board/unknown-variable")
def check_variable_search():
    """The search that check_board relies on can fail."""
    assert mentioned_in_port("SDKCONFIG_DEFAULTS") and not mentioned_in_port("MICROPY_HW_NO_SUCH_THING")


@check("board/all")
def check_all_boards():
    """No board of ours for this port goes unchecked."""
    found = {os.path.basename(os.path.dirname(p)) for p in glob.glob(os.path.join(ROOT, "boards", "*", "mpconfigboard.cmake"))}
    same(found, set(BOARDS), "boards with an mpconfigboard.cmake")


def prepare():
    """Installs what the checks need; Missing when that cannot be."""
    status, output = process.run([os.path.join(ROOT, "tools", "install-packages.sh"), *PACKAGES], 900)
    if status != 0:
        raise setup.Missing(output.strip())
    if not os.path.isfile(os.path.join(MICROPYTHON, "py", "usermod.cmake")):
        raise setup.Missing("no MicroPython source in %s: run make first, or set MICROPY_DIR" % MICROPYTHON)
