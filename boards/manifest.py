# SPDX-License-Identifier: MIT
# Frozen into build/micropython and the firmware of the emulated boards. MicroPython's own manifests need micropython-lib,
# which the pinned source does not carry.
include("$(MPY_DIR)/extmod/asyncio")
