# SPDX-License-Identifier: MIT
#
# How a make-based MicroPython port builds and links microcoapy. Add to the port's make:
#   USER_C_MODULES=<this folder>              MicroPython after 1.28
#   USER_C_MODULES=<the folder that holds it> any MicroPython since 1.25
#
# Settings, on the command line or in the environment:
#   MICROCOAPY_TARGET      the CPU as rustc names it; found out from the C compiler otherwise
#   MICROCOAPY_PROFILE     capacities, src/config.rs: unix, esp32 or esp8266
#   MICROCOAPY_TARGET_DIR  where cargo builds; a folder in the port's build folder otherwise
ifndef MICROCOAPY_INCLUDED
MICROCOAPY_INCLUDED := 1

MICROCOAPY_MOD_DIR := $(USERMOD_DIR)
# The repository itself, wherever links lead: rustup looks for rust-toolchain.toml there.
MICROCOAPY_ROOT := $(patsubst %/,%,$(dir $(realpath $(MICROCOAPY_MOD_DIR)/micropython.mk)))

# ---- C ------------------------------------------------------------------------------------------

MICROCOAPY_SRC_C := $(addprefix $(MICROCOAPY_MOD_DIR)/src/mpy/,\
	address.c \
	coap.c \
	constants.c \
	entropy.c \
	errors.c \
	modmicrocoapy.c \
	packet.c \
	pump.c \
	resources.c \
	send.c \
	socket.c \
	)
SRC_USERMOD_C += $(MICROCOAPY_SRC_C)

MICROCOAPY_VERSION := $(shell sed -n 's/^version *= *"\(.*\)"/\1/p;/^\[dependencies/q' $(MICROCOAPY_ROOT)/Cargo.toml)
CFLAGS_USERMOD += -I$(MICROCOAPY_MOD_DIR)/include -DMICROCOAPY_VERSION=$(MICROCOAPY_VERSION)
# For `import microcoapy.coap_macros`. Needed by the whole build, and these flags go to all of it.
ifeq ($(filter -DMICROPY_MODULE_BUILTIN_SUBPACKAGES=%,$(CFLAGS) $(CFLAGS_EXTRA) $(CFLAGS_USERMOD)),)
CFLAGS_USERMOD += -DMICROPY_MODULE_BUILTIN_SUBPACKAGES=1
endif

# ---- Rust ---------------------------------------------------------------------------------------

# What the C compiler compiles for, in rustc's words. The compiler is asked, because CROSS_COMPILE,
# -m32 and the port all have a say.
MICROCOAPY_CC_MACROS := $(shell $(CC) $(CFLAGS_EXTRA) -dM -E -x c /dev/null 2>/dev/null | sed 's/^.define \([^ ]*\).*/\1/')
MICROCOAPY_CC_HAS = $(filter $(1),$(MICROCOAPY_CC_MACROS))

ifeq ($(MICROCOAPY_TARGET),)
MICROCOAPY_LIBC := $(if $(findstring musl,$(shell $(CC) -dumpmachine)),musl,gnu)
ifneq ($(call MICROCOAPY_CC_HAS,__x86_64__),)
MICROCOAPY_CPU := x86_64
else ifneq ($(call MICROCOAPY_CC_HAS,__i386__),)
MICROCOAPY_CPU := i686
else ifneq ($(call MICROCOAPY_CC_HAS,__aarch64__),)
MICROCOAPY_CPU := aarch64
else ifneq ($(call MICROCOAPY_CC_HAS,__ARM_PCS_VFP),)
MICROCOAPY_CPU := $(if $(call MICROCOAPY_CC_HAS,__ARM_ARCH_7A__),armv7,arm)
MICROCOAPY_LIBC := $(MICROCOAPY_LIBC)eabihf
else ifneq ($(call MICROCOAPY_CC_HAS,__arm__),)
MICROCOAPY_CPU := arm
MICROCOAPY_LIBC := $(MICROCOAPY_LIBC)eabi
else ifneq ($(call MICROCOAPY_CC_HAS,__riscv),)
MICROCOAPY_CPU := riscv64gc
endif
ifneq ($(MICROCOAPY_CPU),)
ifneq ($(call MICROCOAPY_CC_HAS,__linux__),)
MICROCOAPY_TARGET := $(MICROCOAPY_CPU)-unknown-linux-$(MICROCOAPY_LIBC)
else ifneq ($(call MICROCOAPY_CC_HAS,__APPLE__),)
MICROCOAPY_TARGET := $(MICROCOAPY_CPU)-apple-darwin
endif
endif
endif
ifeq ($(MICROCOAPY_TARGET),)
$(error microcoapy does not know which Rust target $(CC) ($(shell $(CC) -dumpmachine 2>/dev/null)) compiles for; \
name it with MICROCOAPY_TARGET=... (rustc --print target-list))
endif

MICROCOAPY_PROFILE ?= unix
MICROCOAPY_TARGET_DIR ?= $(abspath $(BUILD))/microcoapy-rust
MICROCOAPY_LIB := $(MICROCOAPY_TARGET_DIR)/$(MICROCOAPY_TARGET)/release/libmicrocoapy.a
MICROCOAPY_RUST_DEPS := $(shell find $(MICROCOAPY_ROOT)/src -name '*.rs') $(wildcard $(addprefix $(MICROCOAPY_ROOT)/,\
	Cargo.toml Cargo.lock build.rs rust-toolchain.toml .cargo/config.toml micropython.mk))

# cargo may find nothing to do for a change that make has seen: the touch keeps make from asking again.
# It must not see make's job server, which is not passed on to it.
$(MICROCOAPY_LIB): $(MICROCOAPY_RUST_DEPS)
	$(ECHO) "CARGO $@"
	$(Q)PATH="$$PATH:$$HOME/.cargo/bin"; command -v cargo >/dev/null || { \
	  echo "microcoapy: cargo is missing. Install Rust with rustup (https://rustup.rs)." >&2; exit 1; }; \
	cd $(MICROCOAPY_ROOT) && MAKEFLAGS= cargo rustc $(if $(Q),--quiet) --locked --lib --release \
	  --crate-type staticlib --no-default-features --features staticlib,profile-$(MICROCOAPY_PROFILE) \
	  --target $(MICROCOAPY_TARGET) --target-dir $(MICROCOAPY_TARGET_DIR)
	$(Q)$(TOUCH) $@

# LDFLAGS come before the objects on the linker's command line, so the archive's one object is asked
# for by name. Linking must wait for the archive and happen again after it: one of our objects
# depends on it, which works the same in every port.
LDFLAGS_USERMOD += -u mcoap_version $(MICROCOAPY_LIB)
$(patsubst $(USER_C_MODULES)/%.c,$(BUILD)/%.o,$(MICROCOAPY_MOD_DIR)/src/mpy/modmicrocoapy.c): $(MICROCOAPY_LIB)
OBJ_EXTRA_ORDER_DEPS += $(MICROCOAPY_LIB)

endif
