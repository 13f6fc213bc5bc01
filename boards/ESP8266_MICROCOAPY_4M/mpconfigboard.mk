# SPDX-License-Identifier: MIT
#
# ESP8266_GENERIC, for 2 MB of flash or more, with microcoapy: make -C ports/esp8266 BOARD_DIR=<this folder>
LD_FILES = boards/esp8266_2MiB.ld

MICROPY_PY_ESPNOW ?= 1
MICROPY_PY_BTREE ?= 1
MICROPY_VFS_FAT ?= 1
MICROPY_VFS_LFS2 ?= 1

# The port's manifest, asyncio and what ESP8266_GENERIC adds.
FROZEN_MANIFEST ?= boards/ESP8266_GENERIC/manifest_2MiB.py

# Configures ESP8266_GENERIC's mpconfigboard.h.
CFLAGS += -DMICROPY_ESP8266_2M

USER_C_MODULES ?= $(abspath $(BOARD_DIR)/../usermod)
MICROCOAPY_PROFILE ?= esp8266
