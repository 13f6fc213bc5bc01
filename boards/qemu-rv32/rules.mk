# SPDX-License-Identifier: MIT
# The emulated ESP32-C3: MicroPython's qemu port for the machine virt. Included by boards/firmware.mk.
ifndef RV32_FIRMWARE
RV32_FIRMWARE := $(OUT)/qemu-rv32/firmware.elf

$(OUT)/.packages-rv32: PACKAGES = gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc

# With everything, and with the classic layer alone.
RV32_CLASSIC := $(OUT)/qemu-rv32-classic/firmware.elf
$(RV32_CLASSIC): RV32_SETTINGS := $(CLASSIC_LAYER)

# What has changed, the port's own make finds out; but not that of flags, which are all in this file.
$(OUT)/qemu-rv32/.flags $(OUT)/qemu-rv32-classic/.flags: $(ROOT)/boards/qemu-rv32/mpconfigboard.mk
	$(Q)rm -rf $(@D) && mkdir -p $(@D) && touch $@

RV32_MAKE = $(SUBMAKE) -C $(MPY)/ports/qemu BOARD=qemu-rv32 BOARD_DIR=$(ROOT)/boards/qemu-rv32 BUILD=$(@D) \
	USER_C_MODULES=$(MODULES) MICROCOAPY_TARGET_DIR=$(OUT)/cargo $(FREEZING)

$(RV32_FIRMWARE) $(RV32_CLASSIC): %/firmware.elf: $(MPY_CROSS) %/.flags FORCE | $(NEEDED) $(OUT)/.packages-rv32
	$(call SAY,$(@:$(ROOT)/%=%))
	+$(Q)$(RV32_MAKE) $(RV32_SETTINGS) $(QUIETLY)

$(OUT)/qemu-rv32-dtls/objects: $(MPY_CROSS) $(DTLS_HEADERS)/mbedtls FORCE | $(NEEDED) $(OUT)/.packages-rv32
	$(call SAY,$(@:$(ROOT)/%=%))
	$(Q)mkdir -p $(@D)
	+$(Q)$(RV32_MAKE) $(DTLS_SETTINGS) $(call shim_objects,$(@D)) $(QUIETLY)

.PHONY: firmware-rv32-build
firmware-rv32-build: $(RV32_FIRMWARE) $(RV32_CLASSIC)
endif
