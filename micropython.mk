# SPDX-License-Identifier: MIT
#
# How a make-based MicroPython port builds and links microcoapy. Add to the port's make:
#   USER_C_MODULES=<this folder>              MicroPython after 1.28
#   USER_C_MODULES=<the folder that holds it> any MicroPython since 1.25
#
# Settings, on the command line or in the environment:
#   MICROCOAPY_TARGET      the CPU as rustc names it; found out from the C compiler otherwise
#   MICROCOAPY_PROFILE     capacities, src/config.rs: gateway, unix, esp32 or esp8266; by the CPU otherwise
#   MICROCOAPY_IPV6, MICROCOAPY_OBSERVE, MICROCOAPY_BLOCK, MICROCOAPY_DISCOVERY
#                          0: without that; 1 otherwise; see tools/features.sh
#   MICROCOAPY_OSCORE      0: without OSCORE, which needs block-wise transfer
#   MICROCOAPY_DTLS        0: without coaps; it is there where the port's mbedtls has what it needs
#   MICROCOAPY_MODERN      0: only the classic layer, without the last three
#   MICROCOAPY_FLAT_NAMES  0: no modules coap_macros, coap_packet and coap_option
#   MICROCOAPY_TARGET_DIR  where cargo builds; a folder in the port's build folder otherwise
ifndef MICROCOAPY_INCLUDED
MICROCOAPY_INCLUDED := 1

MICROCOAPY_MOD_DIR := $(USERMOD_DIR)
# The repository itself, wherever links lead: rustup looks for rust-toolchain.toml there.
MICROCOAPY_ROOT := $(patsubst %/,%,$(dir $(realpath $(MICROCOAPY_MOD_DIR)/micropython.mk)))

# ---- C ------------------------------------------------------------------------------------------

MICROCOAPY_SRC_C := $(addprefix $(MICROCOAPY_MOD_DIR)/src/mpy/,\
	address.c \
	answering.c \
	arguments.c \
	async.c \
	body.c \
	clock.c \
	coap.c \
	constants.c \
	discover.c \
	dispatch.c \
	dtls.c \
	dtls_config.c \
	dtls_places.c \
	dtls_resume.c \
	dtls_session.c \
	entropy.c \
	errors.c \
	exchange.c \
	link.c \
	link_fd.c \
	link_manual.c \
	link_methods.c \
	link_object.c \
	link_stream.c \
	message.c \
	method.c \
	modmicrocoapy.c \
	options.c \
	packet.c \
	paths.c \
	pump.c \
	request.c \
	resource.c \
	security.c \
	send.c \
	sequence.c \
	serve.c \
	slots.c \
	sockaddr.c \
	)
SRC_USERMOD_C += $(MICROCOAPY_SRC_C)
# Names are in headers too: when one changes, the names of all files are gathered anew.
QSTR_GLOBAL_DEPENDENCIES += $(wildcard $(MICROCOAPY_MOD_DIR)/src/mpy/*.h $(MICROCOAPY_MOD_DIR)/src/mpy/tables/*.h)

MICROCOAPY_VERSION := $(shell sed -n 's/^version *= *"\(.*\)"/\1/p;/^\[dependencies/q' $(MICROCOAPY_ROOT)/Cargo.toml)
CFLAGS_USERMOD += -I$(MICROCOAPY_MOD_DIR)/include -DMICROCOAPY_VERSION=$(MICROCOAPY_VERSION)
# What the C files must know of; tools/features.sh tells the engine. Where nothing is said, both have the same rule.
MICROCOAPY_SETTABLE := $(addprefix MICROCOAPY_,MODERN OBSERVE BLOCK DISCOVERY OSCORE DTLS FLAT_NAMES)
CFLAGS_USERMOD += $(foreach feature,$(MICROCOAPY_SETTABLE),$(if $($(feature)),-D$(feature)=$($(feature))))
# For `import microcoapy.coap_macros`. Needed by the whole build, and these flags go to all of it.
ifeq ($(filter -DMICROPY_MODULE_BUILTIN_SUBPACKAGES=%,$(CFLAGS) $(CFLAGS_EXTRA) $(CFLAGS_USERMOD)),)
CFLAGS_USERMOD += -DMICROPY_MODULE_BUILTIN_SUBPACKAGES=1
endif

# ---- Rust ---------------------------------------------------------------------------------------

# What the C compiler compiles for, in rustc's words. The compiler is asked, because CROSS_COMPILE,
# -m32 and the port all have a say; and only when a recipe runs, because many ports choose compiler
# and CPU after they have included this file.
MICROCOAPY_CC_ASK = $(shell $(CC) $(CFLAGS) $(CFLAGS_EXTRA) -dM -E -x c /dev/null 2>/dev/null | sed 's/^.define \([^ ]*\).*/\1/')
MICROCOAPY_CC_MACROS = $(eval MICROCOAPY_CC_MACROS := $(MICROCOAPY_CC_ASK))$(MICROCOAPY_CC_MACROS)
MICROCOAPY_CC_MACHINE = $(eval MICROCOAPY_CC_MACHINE := $(shell $(CC) -dumpmachine 2>/dev/null))$(MICROCOAPY_CC_MACHINE)
MICROCOAPY_CC_HAS = $(filter $(1),$(MICROCOAPY_CC_MACROS))
# $(1) if all macros named by the words of $(2) are defined.
MICROCOAPY_IF = $(if $(filter-out $(MICROCOAPY_CC_MACROS),$(2)),,$(1))

MICROCOAPY_LIBC = $(if $(findstring musl,$(MICROCOAPY_CC_MACHINE)),musl,gnu)
MICROCOAPY_CPU = $(or \
	$(call MICROCOAPY_IF,x86_64,__x86_64__), \
	$(call MICROCOAPY_IF,i686,__i386__), \
	$(call MICROCOAPY_IF,aarch64,__aarch64__), \
	$(call MICROCOAPY_IF,armv7,__ARM_PCS_VFP __ARM_ARCH_7A__), \
	$(call MICROCOAPY_IF,arm,__arm__), \
	$(call MICROCOAPY_IF,riscv64gc,__riscv))
# How floats are passed: part of an ARM object's type, though nothing of ours has a float.
MICROCOAPY_ARM_FLOAT = $(call MICROCOAPY_IF,hf,__ARM_PCS_VFP)
MICROCOAPY_SYSTEM = $(or \
	$(call MICROCOAPY_IF,unknown-linux-$(MICROCOAPY_LIBC)$(call MICROCOAPY_IF,eabi,__arm__)$(MICROCOAPY_ARM_FLOAT),__linux__), \
	$(call MICROCOAPY_IF,apple-darwin,__APPLE__))
# The windowed chips differ in instructions that macros do not show; Espressif's compilers have the
# chip in their name.
MICROCOAPY_ESP32 = $(filter esp32 esp32s2 esp32s3,$(subst -, ,$(MICROCOAPY_CC_MACHINE)))
MICROCOAPY_RV32 = $(call MICROCOAPY_IF,$(or \
	$(call MICROCOAPY_IF,imafc,__riscv_float_abi_single __riscv_atomic), \
	$(call MICROCOAPY_IF,imac,__riscv_float_abi_soft __riscv_atomic), \
	$(call MICROCOAPY_IF,imc,__riscv_float_abi_soft)),__riscv_mul __riscv_compressed)
MICROCOAPY_DEVICE = $(or \
	$(call MICROCOAPY_IF,xtensa-esp8266-none-elf,__XTENSA_CALL0_ABI__), \
	$(call MICROCOAPY_IF,$(MICROCOAPY_ESP32:%=xtensa-%-none-elf),__XTENSA_WINDOWED_ABI__), \
	$(if $(call MICROCOAPY_CC_HAS,__LP64__),,$(call MICROCOAPY_IF,$(MICROCOAPY_RV32:%=riscv32%-unknown-none-elf),__riscv)), \
	$(call MICROCOAPY_IF,thumbv6m-none-eabi,__ARM_ARCH_6M__), \
	$(call MICROCOAPY_IF,thumbv7m-none-eabi,__ARM_ARCH_7M__), \
	$(call MICROCOAPY_IF,thumbv7em-none-eabi$(MICROCOAPY_ARM_FLOAT),__ARM_ARCH_7EM__), \
	$(call MICROCOAPY_IF,thumbv8m.base-none-eabi,__ARM_ARCH_8M_BASE__), \
	$(call MICROCOAPY_IF,thumbv8m.main-none-eabi$(MICROCOAPY_ARM_FLOAT),__ARM_ARCH_8M_MAIN__))
MICROCOAPY_FOUND = $(strip $(if $(MICROCOAPY_SYSTEM),$(addsuffix -$(MICROCOAPY_SYSTEM),$(MICROCOAPY_CPU)),\
	$(if $(call MICROCOAPY_CC_HAS,_WIN32),,$(MICROCOAPY_DEVICE))))

MICROCOAPY_TARGET_DIR ?= $(abspath $(BUILD))/microcoapy-rust
MICROCOAPY_OUT := $(abspath $(BUILD))/microcoapy-archive
MICROCOAPY_LIB := $(MICROCOAPY_OUT)/libmicrocoapy.a
MICROCOAPY_RUST_DEPS := $(shell find $(MICROCOAPY_ROOT)/src -name '*.rs') $(wildcard $(addprefix $(MICROCOAPY_ROOT)/,\
	Cargo.toml Cargo.lock build.rs rust-toolchain.toml .cargo/config.toml micropython.mk \
	tools/archive.sh tools/features.sh tools/xtensa-literals.py tools/xtensa-shorten.py boards/targets/*.json))

MICROCOAPY_ENVIRONMENT := $(foreach name,MICROCOAPY_PROFILE MICROCOAPY_IPV6 $(MICROCOAPY_SETTABLE),$(name)="$($(name))")

# Changes when the settings do.
MICROCOAPY_SETTINGS := $(MICROCOAPY_OUT)/settings
$(shell mkdir -p $(MICROCOAPY_OUT); \
	set -- "$(MICROCOAPY_TARGET) $(MICROCOAPY_ENVIRONMENT)"; \
	[ "$$(cat $(MICROCOAPY_SETTINGS) 2>/dev/null)" = "$$1" ] || echo "$$1" >$(MICROCOAPY_SETTINGS))

ifeq ($(MICROCOAPY_TARGET),)
MICROCOAPY_TARGET = $(MICROCOAPY_FOUND)
endif
MICROCOAPY_IS_DEVICE = $(findstring -none-,$(MICROCOAPY_TARGET))

# Where Rust has a standard library, cargo alone does it, for speed: there is room. It must not see make's job server,
# which is not passed on to it.
define MICROCOAPY_BUILD_HOST
	PATH="$$PATH:$$HOME/.cargo/bin"; command -v cargo >/dev/null || { \
	  echo "microcoapy: cargo is missing. Install Rust with rustup (https://rustup.rs)." >&2; exit 1; }; \
	cd $(MICROCOAPY_ROOT) && MAKEFLAGS= CARGO_PROFILE_RELEASE_OPT_LEVEL=$(or $(MICROCOAPY_OPT_LEVEL),3) \
	  cargo rustc $(if $(Q),--quiet) --locked --lib --release \
	  --crate-type staticlib --no-default-features \
	  --features "$$($(MICROCOAPY_ENVIRONMENT) sh tools/features.sh $(MICROCOAPY_TARGET))" \
	  --target $(MICROCOAPY_TARGET) --target-dir $(MICROCOAPY_TARGET_DIR) && \
	cp $(MICROCOAPY_TARGET_DIR)/$(MICROCOAPY_TARGET)/release/libmicrocoapy.a $@
endef
# ESP8266 has the functions of compiler_builtins in its ROM, for the whole firmware.
define MICROCOAPY_BUILD_DEVICE
	$(MICROCOAPY_ENVIRONMENT) MICROCOAPY_TARGET_DIR="$(MICROCOAPY_TARGET_DIR)" \
	  MICROCOAPY_BUILTINS=$(if $(findstring esp8266,$(MICROCOAPY_TARGET)),0,1) V=$(if $(Q),0,1) \
	  sh $(MICROCOAPY_ROOT)/tools/archive.sh $(MICROCOAPY_TARGET) $(MICROCOAPY_OUT)
endef

# cargo may find nothing to do for a change that make has seen: the touch keeps make from asking again.
$(MICROCOAPY_LIB): $(MICROCOAPY_RUST_DEPS) $(MICROCOAPY_SETTINGS)
	$(ECHO) "CARGO $@"
	$(Q)$(if $(MICROCOAPY_TARGET),:,echo "microcoapy does not know which Rust target $(CC) ($(MICROCOAPY_CC_MACHINE)) compiles for; \
name it with MICROCOAPY_TARGET=... (rustc --print target-list)" >&2; exit 1)
	$(Q)$(if $(MICROCOAPY_IS_DEVICE),$(MICROCOAPY_BUILD_DEVICE),$(MICROCOAPY_BUILD_HOST))
	$(Q)$(TOUCH) $@

# Where the port's build puts the objects of the files above, whether USER_C_MODULES is this folder or its parent.
MICROCOAPY_OBJECTS := $(patsubst $(MICROCOAPY_MOD_DIR)/%.c,$(BUILD)/$(notdir $(abspath $(MICROCOAPY_MOD_DIR)))/%.o,$(MICROCOAPY_SRC_C))

# LDFLAGS come before the objects on the linker's command line, so the archive's one object is asked for by name.
LDFLAGS_USERMOD += -u mcoap_version
# ESP8266's linker script offers the ROM's memcpy and the like, which cannot read bytes from flash, for what is undefined
# when ld reads it. It comes behind LDFLAGS_USERMOD: an archive there would have the whole firmware use them in place of
# its own. LIBS come last; other ports do not have them, or set them anew.
ifneq ($(filter %esp8266,$(notdir $(CURDIR)))$(findstring lx106,$(CROSS_COMPILE)),)
LIBS += $(MICROCOAPY_LIB)
else
LDFLAGS_USERMOD += $(MICROCOAPY_LIB)
endif
# Linking must wait for the archive and happen again after it: one of our objects depends on it, which works the same in
# every port.
$(filter %/modmicrocoapy.o,$(MICROCOAPY_OBJECTS)): $(MICROCOAPY_LIB)
# The settings are among the flags of the C files, and say which of their strings there are.
$(MICROCOAPY_OBJECTS): $(MICROCOAPY_SETTINGS) $(MICROCOAPY_ROOT)/micropython.mk
QSTR_GLOBAL_DEPENDENCIES += $(MICROCOAPY_SETTINGS)

# ESP8266's linker script puts the code of files that it does not know by name into IRAM, which is
# almost full: ours says that it belongs into flash. (GNU as renames whole names only, so all code of
# a file is in one section. tools/archive.sh names the engine's sections.) Constants have a section of
# their own, .irom0.literal, because only then the linker can leave out those that it finds not needed.
MICROCOAPY_IN_FLASH := -fno-function-sections -fno-reorder-functions -mno-text-section-literals \
	-Wa,--rename-section,.text=.irom0.text
# RISC-V: functions of libgcc save and restore registers, 188 bytes for all; a twelfth of our C code goes.
MICROCOAPY_SAVE_RESTORE := -msave-restore
# What -Os has, or lacks, that makes our C code larger: measured with GCC 12 and clang 22, 1.3 to 2 %.
MICROCOAPY_SMALLER_XTENSA := -fno-cse-follow-jumps -fno-rerun-cse-after-loop -fno-move-loop-invariants -fno-jump-tables \
	-fno-tree-tail-merge -fno-guess-branch-probability
MICROCOAPY_SMALLER_RISCV := -fno-expensive-optimizations -fno-caller-saves -fno-move-loop-invariants -fno-jump-tables \
	-fno-tree-dominator-opts -fno-tree-tail-merge -fno-partial-inlining -fno-guess-branch-probability \
	-finline-limit=0
MICROCOAPY_SMALLER_CLANG := -Oz
MICROCOAPY_CC_CLANG = $(eval MICROCOAPY_CC_CLANG := $(findstring clang,$(shell $(CC) --version 2>/dev/null)))$(MICROCOAPY_CC_CLANG)
MICROCOAPY_SMALLER = $(if $(MICROCOAPY_CC_CLANG),$(MICROCOAPY_SMALLER_CLANG),\
	$(if $(findstring xtensa,$(MICROCOAPY_CC_MACHINE)),$(MICROCOAPY_SMALLER_XTENSA)) \
	$(if $(findstring riscv,$(MICROCOAPY_CC_MACHINE)),$(MICROCOAPY_SMALLER_RISCV)))
# As for Rust; CFLAGS cannot ask for the target, which is found with them.
MICROCOAPY_FASTER = $(if $(findstring linux,$(MICROCOAPY_CC_MACHINE))$(findstring apple,$(MICROCOAPY_CC_MACHINE)),-O2)
$(MICROCOAPY_OBJECTS): private CFLAGS += \
	$(if $(findstring lx106,$(MICROCOAPY_CC_MACHINE)),$(MICROCOAPY_IN_FLASH)) \
	$(if $(findstring riscv,$(MICROCOAPY_CC_MACHINE)),$(MICROCOAPY_SAVE_RESTORE)) \
	$(or $(MICROCOAPY_FASTER),$(MICROCOAPY_SMALLER))

endif
