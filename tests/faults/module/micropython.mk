# SPDX-License-Identifier: MIT
SRC_USERMOD_C += $(USERMOD_DIR)/faults.c
# Every allocation on MicroPython's heap goes through faults.c first.
LDFLAGS_USERMOD += -Wl,--wrap=gc_alloc -Wl,--wrap=gc_realloc
