# SPDX-License-Identifier: MIT
#
# What the ports for QEMU's Xtensa cores have in common: included by a board's Makefile after it has named its compiler
# and, in SRC_C, its own files. Then come flags, the link, and MicroPython's mkrules.mk.
ifeq ($(TOP),)
$(error TOP=... must name MicroPython's source; 'make firmware-$(patsubst qemu-%,%,$(notdir $(CURDIR)))' in the repository's root does)
endif
include $(TOP)/py/mkenv.mk

XTENSA := ../qemu-xtensa
QSTR_DEFS = $(XTENSA)/qstrdefsport.h
QSTR_GLOBAL_DEPENDENCIES += $(XTENSA)/mpconfigsim.h
MICROPY_ROM_TEXT_COMPRESSION ?= 1
include $(TOP)/py/py.mk
include $(TOP)/extmod/extmod.mk

# Debian's package.
PICOLIBC ?= /usr/lib/xtensa-lx106-elf

INC += -I. -I$(XTENSA) -I$(TOP) -I$(BUILD)
CFLAGS += $(INC) -isystem $(PICOLIBC)/include -DNDEBUG -Wall -Wpointer-arith -ffunction-sections -fdata-sections

vpath %.c $(XTENSA)
SRC_C += script.c sim.c shared/libc/string0.c
LIB_SRC_C += $(SRC_LIB_LIBM_C) $(SRC_LIB_LIBM_SQRT_SW_C)
OBJ += $(PY_O) $(addprefix $(BUILD)/,$(SRC_C:.c=.o) $(LIB_SRC_C:.c=.o))
SRC_QSTR += $(SRC_C) $(LIB_SRC_C)

all: $(BUILD)/firmware.elf
