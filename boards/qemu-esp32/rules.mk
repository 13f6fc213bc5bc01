# SPDX-License-Identifier: MIT
# The emulated ESP32 CPU, and what the archives for its family need. Included by boards/firmware.mk.

ESP32_PACKAGES := binutils-xtensa-lx106 picolibc-xtensa-lx106-elf qemu-system-misc dpkg debian-archive-keyring make python3
$(OUT)/.packages-esp32: PACKAGES = $(ESP32_PACKAGES)

# Fetched again when the script has changed, or the cache has gone.
CLANG_SCRIPT := $(ROOT)/boards/qemu-esp32/get-clang.sh
CLANG_CACHED := $(CACHE)/clang-22-$(firstword $(shell cksum <$(CLANG_SCRIPT)))
$(OUT)/.clang: $(CLANG_SCRIPT) $(if $(wildcard $(OUT)/clang/.complete),,FORCE) | $(OUT)/.packages-esp32
	$(call SAY,clang for the emulated ESP32)
	$(Q)sh $< $(CLANG_CACHED) $(QUIETLY)
	$(Q)ln -sfn $(CLANG_CACHED) $(OUT)/clang
	$(Q)touch $@

# ESP32, S2 and S3: without Espressif's assembler, ours.
ESP32_CHIPS := esp32 esp32s2 esp32s3
ESP32_AS := $(ROOT)/boards/qemu-esp32/xtensa-win-cc --as
esp32_lacks_as = $(if $(shell command -v xtensa-$(1)-elf-as),,$(2))
$(foreach chip,$(ESP32_CHIPS),$(eval \
  ARCHIVE_ENV_xtensa-$(chip)-none-elf = $$(call esp32_lacks_as,$(chip),MICROCOAPY_XTENSA_AS="$$(ESP32_AS)")))
$(foreach chip,$(ESP32_CHIPS),$(eval \
  archive-xtensa-$(chip)-none-elf: | $(call esp32_lacks_as,$(chip),$$(OUT)/.clang)))

ESP32_INPUTS := $(INPUTS) $(wildcard $(ROOT)/boards/qemu-esp32/* $(ROOT)/boards/qemu-esp32/include/* $(ROOT)/boards/qemu-xtensa/*) \
	$(ROOT)/boards/targets/xtensa-dc233c-none-elf.json $(ROOT)/tools/archive.sh $(ROOT)/tools/features.sh $(ROOT)/tools/xtensa-literals.py $(ROOT)/tools/xtensa-shorten.py

# With everything, and with the classic layer alone.
ESP32_FIRMWARE := $(OUT)/qemu-esp32/firmware.elf $(OUT)/qemu-esp32-classic/firmware.elf
$(OUT)/qemu-esp32-classic/firmware.elf: ESP32_SETTINGS := $(CLASSIC_LAYER)
ESP32_MAKE = $(SUBMAKE) -C $(ROOT)/boards/qemu-esp32 TOP=$(MPY) BUILD=$(@D) USER_C_MODULES=$(MODULES) \
	MICROCOAPY_TARGET_DIR=$(OUT)/cargo $(FREEZING)

$(ESP32_FIRMWARE): $(ESP32_INPUTS) $(MPY_CROSS) $(OUT)/.clang | $(NEEDED) $(OUT)/.packages-esp32
	$(call SAY,$(@:$(ROOT)/%=%))
	$(Q)mkdir -p $(@D)
	+$(Q)$(ESP32_MAKE) $(ESP32_SETTINGS) $(QUIETLY)
	$(Q)touch $@

$(OUT)/qemu-esp32-dtls/objects: $(MPY_CROSS) $(OUT)/.clang $(DTLS_HEADERS)/mbedtls FORCE | $(NEEDED) $(OUT)/.packages-esp32
	$(call SAY,$(@:$(ROOT)/%=%))
	$(Q)mkdir -p $(@D)
	+$(Q)$(ESP32_MAKE) $(DTLS_SETTINGS) $(call shim_objects,$(@D)) $(QUIETLY)

.PHONY: firmware-esp32-build
firmware-esp32-build: $(ESP32_FIRMWARE)
