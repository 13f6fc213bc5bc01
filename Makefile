# SPDX-License-Identifier: MIT
#
#   make           build/micropython: MicroPython's unix port with the module
#   make demo      a server and a client talk
#   make test      every test; ends with 'N passed, N failed'
#   make fuzz      a bounded run of the fuzz targets
#   make firmware  archives for all CPUs, and the tests on emulated boards; make demo-esp8266: one of them talks
#   make sizes     flash, RAM, heap and stack of the module, per CPU; LARGEST=20: the largest functions instead
#   make bench     CPU time, instructions and memory beside libcoap and aiocoap
#   make lint      formatting, clippy, and whether include/microcoapy.h is up to date
#   make header    writes include/microcoapy.h
#   make asan      build/micropython-asan, with AddressSanitizer and UndefinedBehaviorSanitizer
#   make faults    build/micropython-faults, in which allocations fail where a test says so
#   make mbedtls3  build/micropython-mbedtls3, with the mbedtls that ESP-IDF has
#   make clean     removes what was built (not what was fetched); make distclean: all of build/
#
# V=1 shows commands. MICROPY_DIR=... builds against a MicroPython tree of your own. MICROCOAPY_CACHE=... keeps what is
# fetched, or built from others' sources, for all checkouts (tools/cache.sh).

ROOT := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
OUT := $(ROOT)/build
CACHE := $(shell sh $(ROOT)/tools/cache.sh)
ifneq ($(words $(ROOT)),1)
$(error MicroPython's build cannot handle a path with spaces: $(ROOT))
endif

V ?= 0
ifeq ($(V),1)
Q :=
else
Q := @
MAKEFLAGS += --no-print-directory
endif

# What takes time says so in a line. MicroPython's own lines are shown with V=1, and when its build fails.
SAY = @echo "$(1)"
QUIETLY = $(if $(Q),>$@.log 2>&1 || { cat $@.log >&2; exit 1; })

# MicroPython's build uses all processors, unless -j says otherwise.
SUBMAKE = $(MAKE) $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 2)) V=$(V) $(if $(Q),-s)

export PATH := $(PATH):$(HOME)/.cargo/bin

.PHONY: all demo test bench firmware sizes fuzz lint header header-check asan faults mbedtls3 clean distclean setup FORCE
.DELETE_ON_ERROR:

all: $(OUT)/micropython

# ---- what the machine needs ----------------------------------------------------------------------

BUILD_PACKAGES := gcc make pkg-config python3 libmbedtls-dev
FETCH_PACKAGES := dpkg-dev debian-archive-keyring
TEST_PACKAGES := python3-venv libcoap3-bin valgrind
BENCH_PACKAGES := libcoap3-dev

# Stamps, so that a second run does not even look.
$(OUT)/.packages-%: tools/install-packages.sh $(ROOT)/Makefile
	$(Q)mkdir -p $(OUT)
	$(Q)tools/install-packages.sh $(PACKAGES)
	$(Q)touch $@
$(OUT)/.packages-build: PACKAGES = $(BUILD_PACKAGES)
$(OUT)/.packages-fetch: PACKAGES = $(FETCH_PACKAGES)
$(OUT)/.packages-test: PACKAGES = $(TEST_PACKAGES)
$(OUT)/.packages-bench: PACKAGES = $(BENCH_PACKAGES)

$(OUT)/.cargo:
	$(Q)command -v cargo >/dev/null || { \
	  echo "make: cargo is missing. Install Rust with rustup (https://rustup.rs)." >&2; exit 1; }
	$(Q)mkdir -p $(OUT) && touch $@

# ---- MicroPython ---------------------------------------------------------------------------------

ifeq ($(MICROPY_DIR),)
MPY := $(OUT)/src/micropython
MPY_CACHED := $(CACHE)/$(shell sed -n 's/^NAME=//p' $(ROOT)/tools/fetch-micropython.sh)
UNIX_BUILD := $(OUT)/unix
MPY_CROSS_BUILD := $(MPY_CACHED).mpy-cross
MPY_SOURCE := $(OUT)/.source
# Nobody edits the fetched source: it is up to date when its stamp is.
MPY_CHANGED :=
else
MPY := $(abspath $(MICROPY_DIR))
ifeq ($(wildcard $(MPY)/ports/unix/Makefile),)
$(error MICROPY_DIR=$(MICROPY_DIR) is no MicroPython source tree)
endif
# A build folder per tree, as objects of one must not be taken for those of another.
UNIX_BUILD := $(OUT)/unix-$(firstword $(shell echo $(MPY) | cksum))
MPY_CROSS_BUILD := $(UNIX_BUILD)/mpy-cross
MPY_SOURCE :=
# Whether anything has changed there, MicroPython's own make finds out.
MPY_CHANGED := FORCE
endif
MPY_CROSS := $(MPY_CROSS_BUILD)/mpy-cross

# Fetched again when the cache has gone.
$(OUT)/.source: tools/fetch-micropython.sh $(if $(wildcard $(MPY)/.complete),,FORCE) | $(OUT)/.packages-fetch
	$(call SAY,micropython source)
	$(Q)sh tools/fetch-micropython.sh $(MPY_CACHED) $(QUIETLY)
	$(Q)mkdir -p $(dir $(MPY)) && ln -sfn $(MPY_CACHED) $(MPY)
	$(Q)touch $@

# Which tree build/micropython is made from; newer than it when that has changed.
$(OUT)/.tree: FORCE
	$(Q)mkdir -p $(OUT); [ "$$(cat $@ 2>/dev/null)" = "$(MPY)" ] || echo $(MPY) >$@

# MicroPython 1.25 looks for modules in the folders of USER_C_MODULES. The repository itself may have
# any name and neighbours, so it gets a folder with links to what the build needs of it.
MODULES := $(OUT)/modules
MODULE_PARTS := Cargo.toml include micropython.mk src
MODULE_LINKS := $(addprefix $(MODULES)/microcoapy/,$(MODULE_PARTS))

$(MODULE_LINKS):
	$(Q)mkdir -p $(@D) && ln -sfn $(ROOT)/$(@F) $@

# asyncio, for every build. micropython-lib is not needed for that, and not there in every tree, but its README.md is asked
# for: any will do.
FREEZING = FROZEN_MANIFEST=$(ROOT)/boards/manifest.py MICROPY_MPYCROSS=$(MPY_CROSS) MICROPY_MPYCROSS_DEPENDENCY= \
	$(if $(wildcard $(MPY)/lib/micropython-lib/README.md),,MPY_LIB_DIR=$(ROOT))
# What MicroPython's submodules provide is not there in every tree.
HAS_MBEDTLS = $(or $(wildcard $(MPY)/lib/mbedtls/library/ssl_tls.c),$(wildcard $(MPY)/debian/patches/*mbedtls*),$(if $(MPY_SOURCE),yes))
# Not stripped: valgrind's suppressions for the collector name its functions.
UNIX_FLAGS = \
	BUILD=$(UNIX_BUILD)$(VARIANT_SUFFIX) \
	USER_C_MODULES=$(MODULES) \
	MICROCOAPY_TARGET_DIR=$(OUT)/cargo \
	$(FREEZING) \
	MICROPY_PY_BTREE=0 MICROPY_PY_FFI=0 MICROPY_SSL_AXTLS=0 STRIP= \
	$(if $(HAS_MBEDTLS),MICROPY_SSL_MBEDTLS=1,MICROPY_PY_SSL=0)

RUST_SOURCES := $(shell find src -name '*.rs')
INPUTS := $(RUST_SOURCES) $(wildcard src/mpy/*.c src/mpy/*.h src/mpy/tables/*.h include/*.h boards/manifest.py build.rs) \
	Cargo.toml Cargo.lock rust-toolchain.toml micropython.mk tools/features.sh Makefile $(MPY_SOURCE) $(MPY_CHANGED) \
	$(OUT)/.tree
NEEDED := $(OUT)/.packages-build $(OUT)/.cargo $(MODULE_LINKS)

# One of several checkouts builds it, the others wait for that.
$(MPY_CROSS): | $(MPY_SOURCE) $(OUT)/.packages-build
	$(call SAY,mpy-cross)
	$(Q)mkdir -p $(@D)
	+$(Q)$(if $(shell command -v flock),flock $(@D).lock) $(SUBMAKE) -C $(MPY)/mpy-cross BUILD=$(@D) $(QUIETLY)

# The old interpreter may be running: it is replaced, not written over.
INSTALL = cmp -s $(1) $@ || { cp $(1) $@.new && mv -f $@.new $@; }; touch $@

$(OUT)/micropython: $(INPUTS) $(MPY_CROSS) | $(NEEDED)
	$(call SAY,build/micropython)
	+$(Q)$(SUBMAKE) -C $(MPY)/ports/unix $(UNIX_FLAGS) $(QUIETLY)
	$(Q)$(call INSTALL,$(UNIX_BUILD)/micropython)

# The same sources with AddressSanitizer and UndefinedBehaviorSanitizer. To be run with
# ASAN_OPTIONS=detect_stack_use_after_return=0: MicroPython's collector scans the stack, which must be the real one.
# MicroPython itself copies no bytes from and to NULL.
SANITIZERS := -fsanitize=address,undefined -fno-sanitize=nonnull-attribute
asan: $(OUT)/micropython-asan
$(OUT)/micropython-asan: VARIANT_SUFFIX := -sanitized
$(OUT)/micropython-asan: $(INPUTS) $(MPY_CROSS) | $(NEEDED)
	$(call SAY,build/micropython-asan)
	+$(Q)$(SUBMAKE) -C $(MPY)/ports/unix $(UNIX_FLAGS) \
	  CFLAGS_EXTRA="$(SANITIZERS) -fno-sanitize-recover=undefined -fno-omit-frame-pointer" \
	  LDFLAGS_EXTRA="$(SANITIZERS)" $(QUIETLY)
	$(Q)$(call INSTALL,$(UNIX_BUILD)$(VARIANT_SUFFIX)/micropython)

# The same with mbedtls 3, which ESP-IDF has; the system's may be 2.28.
MBEDTLS3 := $(CACHE)/mbedtls3-$(firstword $(shell cat tools/mbedtls3/* | cksum))
$(MBEDTLS3)/library/libmbedtls.a: | $(OUT)/.cargo
	$(call SAY,mbedtls 3)
	$(Q)mkdir -p $(OUT)
	$(Q)sh tools/mbedtls3/get.sh $(MBEDTLS3) >$(OUT)/mbedtls3.log 2>&1 || { cat $(OUT)/mbedtls3.log >&2; exit 1; }

mbedtls3: $(OUT)/micropython-mbedtls3
$(OUT)/micropython-mbedtls3: VARIANT_SUFFIX := -mbedtls3
$(OUT)/micropython-mbedtls3: $(INPUTS) $(MPY_CROSS) $(MBEDTLS3)/library/libmbedtls.a | $(NEEDED)
	$(call SAY,build/micropython-mbedtls3)
	+$(Q)$(SUBMAKE) -C $(MPY)/ports/unix $(UNIX_FLAGS) \
	  CFLAGS_EXTRA=-I$(MBEDTLS3)/include LDFLAGS_EXTRA=-L$(MBEDTLS3)/library $(QUIETLY)
	$(Q)$(call INSTALL,$(UNIX_BUILD)$(VARIANT_SUFFIX)/micropython)

# The same with module faults, which makes allocations fail: tests/faults.
FAULTS_MODULES := $(OUT)/modules-faults
FAULTS_LINKS := $(FAULTS_MODULES)/microcoapy $(FAULTS_MODULES)/faults
$(FAULTS_MODULES)/microcoapy: | $(MODULE_LINKS)
	$(Q)mkdir -p $(@D) && ln -sfn $(MODULES)/microcoapy $@
$(FAULTS_MODULES)/faults:
	$(Q)mkdir -p $(@D) && ln -sfn $(ROOT)/tests/faults/module $@

faults: $(OUT)/micropython-faults
$(OUT)/micropython-faults: VARIANT_SUFFIX := -faults
$(OUT)/micropython-faults: $(INPUTS) $(wildcard tests/faults/module/*) $(MPY_CROSS) | $(NEEDED) $(FAULTS_LINKS)
	$(call SAY,build/micropython-faults)
	+$(Q)$(SUBMAKE) -C $(MPY)/ports/unix $(UNIX_FLAGS) USER_C_MODULES=$(FAULTS_MODULES) $(QUIETLY)
	$(Q)$(call INSTALL,$(UNIX_BUILD)$(VARIANT_SUFFIX)/micropython)

# With room for 1,000 peers.
$(OUT)/micropython-gateway: VARIANT_SUFFIX := -gateway
$(OUT)/micropython-gateway: $(INPUTS) $(MPY_CROSS) | $(NEEDED)
	$(call SAY,build/micropython-gateway)
	+$(Q)$(SUBMAKE) -C $(MPY)/ports/unix $(UNIX_FLAGS) MICROCOAPY_PROFILE=gateway $(QUIETLY)
	$(Q)$(call INSTALL,$(UNIX_BUILD)$(VARIANT_SUFFIX)/micropython)

# ---- using it ------------------------------------------------------------------------------------

demo: $(OUT)/micropython
	$(Q)python3 tools/demo.py

test: $(OUT)/micropython $(OUT)/micropython-asan $(OUT)/micropython-faults | $(OUT)/.packages-test
	$(Q)python3 tests/run.py $(TESTS)

bench: $(OUT)/micropython $(OUT)/micropython-gateway | $(OUT)/.packages-test $(OUT)/.packages-bench $(OUT)/.cargo
	$(Q)python3 tools/bench.py
firmware: firmware-all
sizes: firmware-esp8266-build firmware-esp32-build firmware-rv32-build $(OUT)/qemu-esp32-dtls/objects $(OUT)/qemu-rv32-dtls/objects
ifneq ($(LARGEST),)
	$(Q)python3 tools/sizes.py --largest $(LARGEST)
else
	$(Q)status=0; python3 tools/sizes.py || status=1; echo; python3 tools/stack.py || status=1; exit $$status
endif
# Seconds per target.
FUZZ_SECONDS ?= 60
fuzz: $(OUT)/micropython $(OUT)/micropython-asan | $(OUT)/.cargo
	$(Q)tests/fuzz/run.sh $(FUZZ_SECONDS)

# ---- the C header and lint -----------------------------------------------------------------------

CBINDGEN_VERSION := 0.29.2
CBINDGEN := $(CACHE)/cbindgen-$(CBINDGEN_VERSION)

# The machine's own if it is that version.
$(CBINDGEN): | $(OUT)/.cargo
	$(call SAY,cbindgen $(CBINDGEN_VERSION))
	$(Q)mkdir -p $(OUT)/tools
	$(Q)if [ "$$(cbindgen --version 2>/dev/null)" = "cbindgen $(CBINDGEN_VERSION)" ]; then \
	  ln -sfn "$$(command -v cbindgen)" $@; \
	else \
	  cargo install $(if $(Q),--quiet) cbindgen --version $(CBINDGEN_VERSION) --locked --root $(OUT)/tools && \
	  cp $(OUT)/tools/bin/cbindgen $@.new && mv $@.new $@; \
	fi

header: | $(CBINDGEN)
	$(Q)$(CBINDGEN) --quiet --output include/microcoapy.h

header-check: | $(CBINDGEN)
	$(Q)$(CBINDGEN) --quiet | diff -u include/microcoapy.h - || { \
	  echo "include/microcoapy.h is not what src/ffi says: make header" >&2; exit 1; }

# What micropython.mk may ask cargo for; tests/runner/rust.py has the list.
FEATURES = $(shell python3 tests/runner/rust.py)

lint: header-check | $(OUT)/.cargo
	$(Q)cargo fmt --all --check
	$(Q)cargo fmt --manifest-path tests/fuzz/Cargo.toml --check
	$(Q)echo "clippy of the fuzz targets"; cargo clippy --quiet --locked --manifest-path tests/fuzz/Cargo.toml \
	  --target-dir $(OUT)/cargo-lint -- -D warnings
	$(Q)for features in $(FEATURES); do \
	  echo "clippy $$features"; cargo clippy --quiet --locked --all-targets --no-default-features --features $$features \
	    --target-dir $(OUT)/cargo-lint -- -D warnings || { echo "clippy: features $$features" >&2; exit 1; }; \
	done

clean:
	$(Q)rm -rf $(OUT)/unix* $(OUT)/qemu-* $(OUT)/flash32.so $(OUT)/archive $(OUT)/ports $(OUT)/modules $(OUT)/modules-faults \
	  $(OUT)/cargo-lint $(OUT)/cargo-test $(OUT)/micropython $(OUT)/micropython-*
	$(Q)rm -rf $(OUT)/cargo
distclean:
	$(Q)rm -rf $(OUT)

# ---- firmware ------------------------------------------------------------------------------------

include $(ROOT)/boards/firmware.mk
