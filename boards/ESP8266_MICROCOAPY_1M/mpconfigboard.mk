# SPDX-License-Identifier: MIT
#
# ESP8266_GENERIC's variant FLASH_1M with microcoapy: make -C ports/esp8266 BOARD_DIR=<this folder>
LD_FILES = boards/esp8266_1MiB.ld

# 572 KB hold the firmware, of which the stock variant leaves 19 to 62: without TLS, which the port sets itself, the
# classic layer fits with about 21 KB to spare. Each of the others may be set to 1 again as far as it fits.
override MICROPY_PY_SSL = 0
override MICROPY_SSL_AXTLS = 0
MICROPY_PY_ESPNOW ?= 0
MICROPY_PY_BTREE ?= 0
MICROPY_VFS_LFS2 ?= 1

# Configures ESP8266_GENERIC's mpconfigboard.h.
CFLAGS += -DMICROPY_ESP8266_1M

USER_C_MODULES ?= $(abspath $(BOARD_DIR)/../usermod)
MICROCOAPY_PROFILE ?= esp8266
MICROCOAPY_MODERN ?= 0
# The port's network has none.
MICROCOAPY_IPV6 ?= 0
