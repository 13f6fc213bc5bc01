# SPDX-License-Identifier: MIT
# The emulated ESP32-C3: MicroPython's qemu port for the machine virt. Included by boards/firmware.mk.
ifndef RV32_FIRMWARE
RV32_FIRMWARE := $(OUT)/qemu-rv32/firmware.elf

$(OUT)/.packages-rv32: PACKAGES = gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc

# What has changed, the port's own make finds out; but not that of flags, which are all in this file.
$(OUT)/qemu-rv32/.flags: $(ROOT)/boards/qemu-rv32/mpconfigboard.mk
	$(Q)rm -rf $(@D) && mkdir -p $(@D) && touch $@

$(RV32_FIRMWARE): $(MPY_CROSS) $(OUT)/qemu-rv32/.flags FORCE | $(NEEDED) $(OUT)/.packages-rv32
	$(call SAY,$(@:$(ROOT)/%=%))
	+$(Q)$(SUBMAKE) -C $(MPY)/ports/qemu BOARD=qemu-rv32 BOARD_DIR=$(ROOT)/boards/qemu-rv32 \
	  BUILD=$(@D) USER_C_MODULES=$(MODULES) MICROCOAPY_TARGET_DIR=$(OUT)/cargo $(FREEZING) $(QUIETLY)

.PHONY: firmware-rv32-build
firmware-rv32-build: $(RV32_FIRMWARE)
endif
