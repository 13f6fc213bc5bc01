# SPDX-License-Identifier: MIT
#
# MicroPython's qemu port on rv32imc, the instruction set of ESP32-C2 and C3:
#   make -C micropython/ports/qemu BOARD=qemu-rv32 BOARD_DIR=<this folder> USER_C_MODULES=...
MICROCOAPY_BOARD_DIR := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))

include boards/VIRT_RV32/mpconfigboard.mk

# rv32imc without more: that the port's startup uses a few instructions of Zicsr was no extension
# until the specification of 2019, and GCC has no libraries for an architecture so named.
RV32_ARCH = rv32imc
AFLAGS += -misa-spec=2.2
LDFLAGS += -misa-spec=2.2

CFLAGS += -DMP_CONFIGFILE='"$(MICROCOAPY_BOARD_DIR)/mpconfigboard.h"'
INC += -I$(MICROCOAPY_BOARD_DIR)
SRC_C += $(MICROCOAPY_BOARD_DIR)/board.c
LDSCRIPT = $(MICROCOAPY_BOARD_DIR)/firmware.ld

# At most; board.c chooses when the board starts.
MICROPY_HEAP_SIZE ?= 262144
LDFLAGS += -Wl,--wrap=gc_init
