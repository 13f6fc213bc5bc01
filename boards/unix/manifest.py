# SPDX-License-Identifier: MIT
# Frozen into build/micropython. MicroPython's own manifest needs micropython-lib, which the pinned
# source does not carry.
include("$(MPY_DIR)/extmod/asyncio")
