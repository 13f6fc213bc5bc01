# SPDX-License-Identifier: MIT
#
# Firmware: archives for all CPUs, and tests on emulated boards. Included by the Makefile.
#   make firmware          all archives, then the tests on all emulated boards
#   make firmware-BOARD    the tests on one: esp8266, rv32, esp32
#   make archives          build/archive/TARGET/libmicrocoapy.a for each CPU
# Each board's rules.mk has the rule firmware-BOARD-build, which tests/runner/firmware.py calls.

# Espressif's chips, then what RP2 and STM32 have.
FIRMWARE_TARGETS := xtensa-esp8266-none-elf \
	xtensa-esp32-none-elf xtensa-esp32s2-none-elf xtensa-esp32s3-none-elf \
	riscv32imc-unknown-none-elf riscv32imac-unknown-none-elf riscv32imafc-unknown-none-elf \
	thumbv6m-none-eabi thumbv7em-none-eabi thumbv7em-none-eabihf thumbv8m.main-none-eabi
FIRMWARE_BOARDS := esp8266 rv32 esp32

# The classic layer alone, of which sizes are measured: as the board of 1 MB.
CLASSIC_LAYER := MICROCOAPY_MODERN=0 MICROCOAPY_IPV6=0

# build/qemu-BOARD-dtls/objects: the shim's objects with coaps, of which sizes are measured: no firmware here has mbedtls. Of
# that only headers are needed, and this machine's will do: alone in a folder, beside no others.
DTLS_HEADERS := $(OUT)/mbedtls
DTLS_SETTINGS = CFLAGS_EXTRA="-DMICROCOAPY_DTLS=1 -I$(DTLS_HEADERS) -I$(ROOT)/boards \
	-DMBEDTLS_CONFIG_FILE='<mbedtls_of_this_machine.h>'"
shim_objects = $(patsubst src/mpy/%.c,$(1)/microcoapy/src/mpy/%.o,$(wildcard src/mpy/*.c))
$(DTLS_HEADERS)/mbedtls: | $(OUT)/.packages-build
	$(Q)mkdir -p $(@D) && ln -sfn /usr/include/mbedtls $@

# Settings that only some targets have, by a board's rules.mk: ARCHIVE_ENV_TARGET.

include $(wildcard $(ROOT)/boards/qemu-*/rules.mk)

.PHONY: archives $(FIRMWARE_TARGETS:%=archive-%) firmware-all $(FIRMWARE_BOARDS:%=firmware-%)
archives: $(FIRMWARE_TARGETS:%=archive-%)
# tools/archive.sh finds out what is to be done.
$(FIRMWARE_TARGETS:%=archive-%): archive-%: | $(OUT)/.cargo
	@echo "$*"
	$(Q)MICROCOAPY_TARGET_DIR=$(OUT)/cargo $(ARCHIVE_ENV_$*) V=$(V) sh $(ROOT)/tools/archive.sh $* $(OUT)/archive/$*

$(FIRMWARE_BOARDS:%=firmware-%): firmware-%: FORCE
	$(Q)python3 $(ROOT)/tests/run.py firmware/$*

firmware-all: archives $(MPY_SOURCE)
	$(Q)python3 $(ROOT)/tests/run.py firmware
