# SPDX-License-Identifier: MIT
"""ESP8266's CPU: QEMU's lx106, boards/qemu-esp8266. Every run is watched by the flash rule's plugin."""

import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from runner import process  # noqa: E402

BUILD = os.path.join(process.ROOT, "build")

QEMU = ["qemu-system-xtensa", "-M", "sim", "-cpu", "lx106", "-display", "none", "-monitor", "none", "-serial", "none"]
PLUGIN = os.path.join(BUILD, "flash32.so")
SUMMARY = re.compile(r"^(\d+) bad of (\d+) accesses$", re.M)


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


class Board:
    name = "esp8266"
    # Where a test's own is made for the unix port's larger objects.
    heap_sizes = {"out_of_memory": 61440}

    def build(self):
        """(exit status, output) of make."""
        return process.run(["make", "firmware-esp8266-build"], 1800, env={"MAKEFLAGS": ""})

    def run(self, script, args=(), timeout=30):
        """Runs a script file, in its folder: (output, exit status). Status None when the time was up.

        `args` are NAME=VALUE: HEAP_SIZE in bytes is the heap; LARGE=1 gives the firmware profile unix's capacities. A violation of the flash rule ends the output and
        makes the status 1.
        """
        output, status, summary = self.watched_run(script, args, timeout, firmware("-large" if "LARGE=1" in args else ""))
        found = SUMMARY.search(summary)
        if status == 0 and not (found and found.group(1) == "0" and int(found.group(2)) > 0):
            return "%s\nflash rule: %s\n" % (output, summary or "no report"), 1
        return output, status

    def watched_run(self, script, args=(), timeout=30, elf=None, watched=None):
        """(output, exit status, the plugin's report)"""
        heap = dict(word.split("=", 1) for word in args).get("HEAP_SIZE")
        options = ["-X", "heapsize=" + heap] if heap else []
        with tempfile.TemporaryDirectory() as folder:
            report = os.path.join(folder, "report")
            argv = command([*options, os.path.basename(script)], report, elf, watched)
            status, output = process.run(argv, timeout, os.path.dirname(os.path.abspath(script)))
            summary = ""
            if os.path.exists(report):
                with open(report) as lines:
                    summary = lines.read()
        return output, status, summary
