# SPDX-License-Identifier: MIT
# The emulated ESP8266. Included by boards/firmware.mk.

ESP8266_PACKAGES := gcc-xtensa-lx106 binutils-xtensa-lx106 picolibc-xtensa-lx106-elf qemu-system-misc gcc make python3
$(OUT)/.packages-esp8266: PACKAGES = $(ESP8266_PACKAGES)

# $(1): settings
define ESP8266_BUILD
$(call SAY,$(@:$(ROOT)/%=%))
$(Q)mkdir -p $(@D)
+$(Q)$(SUBMAKE) -C $(ROOT)/boards/qemu-esp8266 TOP=$(MPY) BUILD=$(@D) USER_C_MODULES=$(MODULES) \
	MICROCOAPY_TARGET_DIR=$(OUT)/cargo $(FREEZING) $(1) $(QUIETLY)
$(Q)touch $@
endef
ESP8266_INPUTS := $(INPUTS) $(wildcard $(addprefix $(ROOT)/boards/,qemu-esp8266/* qemu-xtensa/* targets/*)) \
	$(ROOT)/tools/archive.sh $(ROOT)/tools/features.sh $(ROOT)/tools/xtensa-literals.py $(ROOT)/tools/xtensa-shorten.py

# As our board for 4 MB of flash; with capacities for tests that use more at once; as our board for 1 MB: the classic layer
# alone; with C's read-only data in flash.
$(OUT)/qemu-esp8266/firmware.elf: $(ESP8266_INPUTS) $(MPY_CROSS) | $(NEEDED) $(OUT)/.packages-esp8266
	$(call ESP8266_BUILD,)
$(OUT)/qemu-esp8266-large/firmware.elf: $(ESP8266_INPUTS) $(MPY_CROSS) | $(NEEDED) $(OUT)/.packages-esp8266
	$(call ESP8266_BUILD,MICROCOAPY_PROFILE=esp32)
$(OUT)/qemu-esp8266-classic/firmware.elf: $(ESP8266_INPUTS) $(MPY_CROSS) | $(NEEDED) $(OUT)/.packages-esp8266
	$(call ESP8266_BUILD,$(CLASSIC_LAYER))
$(OUT)/qemu-esp8266-rodata/firmware.elf: $(ESP8266_INPUTS) $(MPY_CROSS) | $(NEEDED) $(OUT)/.packages-esp8266
	$(call ESP8266_BUILD,FLASH_RODATA=1)

$(OUT)/flash32.so: $(ROOT)/boards/qemu-esp8266/flash32.c | $(OUT)/.packages-esp8266
	$(Q)gcc -std=gnu11 -O2 -Wall -Wextra -shared -fPIC -o $@ $<

.PHONY: firmware-esp8266-build demo-esp8266
firmware-esp8266-build: $(OUT)/qemu-esp8266/firmware.elf $(OUT)/qemu-esp8266-large/firmware.elf \
	$(OUT)/qemu-esp8266-classic/firmware.elf $(OUT)/qemu-esp8266-rodata/firmware.elf $(OUT)/flash32.so

demo-esp8266: $(OUT)/qemu-esp8266/firmware.elf | $(OUT)/.packages-test
	$(Q)python3 $(ROOT)/tools/demo_esp8266.py
