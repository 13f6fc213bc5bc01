# SPDX-License-Identifier: MIT
#
# Part of the repository's Makefile: build/qemu-rv32/firmware.elf, for QEMU's machine virt.
ifndef QEMU_RV32
QEMU_RV32 := $(OUT)/qemu-rv32/firmware.elf

$(OUT)/.packages-rv32: PACKAGES = gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc

# What has changed, the port's own make finds out.
$(QEMU_RV32) build/qemu-rv32/firmware.elf: $(MPY_CROSS) FORCE | $(NEEDED) $(OUT)/.packages-rv32
	$(Q)$(SUBMAKE) -C $(MPY)/ports/qemu BOARD=qemu-rv32 BOARD_DIR=$(ROOT)/boards/qemu-rv32 \
	  BUILD=$(OUT)/qemu-rv32 USER_C_MODULES=$(MODULES) MICROCOAPY_TARGET_DIR=$(OUT)/cargo \
	  MICROPY_MPYCROSS=$(MPY_CROSS) MICROPY_MPYCROSS_DEPENDENCY=

.PHONY: firmware-rv32
firmware-rv32: $(QEMU_RV32)
	$(Q)python3 tests/firmware/run.py rv32
endif
