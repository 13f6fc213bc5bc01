// SPDX-License-Identifier: MIT
//
// MicroPython on a windowed Xtensa core under QEMU, as a command:
//   firmware [NAME=VALUE...] SCRIPT [ARGUMENT...]
// NAME=VALUE is for os.getenv; HEAP_SIZE is the heap's, in bytes, RESETS the number of soft resets after which the script
// runs again. The exit status is the script's.

#include <stdlib.h>
#include <string.h>

#include "py/gc.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "py/stackctrl.h"
#include "sim.h"
#include "windows.h"

#define HEAP_SIZE_DEFAULT (256 * 1024)
#define HEAP_SIZE_MAX (4 * 1024 * 1024)
#define RESETS_MAX (1000)
// Below the checked limit: what C code uses between two checks.
#define STACK_RESERVE (4096)

extern uint32_t _estack, _sstack;

static uint32_t gc_heap[HEAP_SIZE_MAX / sizeof(uint32_t)];

static int n_environment;
static const char **environment;

// From crt.S, for anything but a window exception or alloca's.
void fatal_exception(int kind, int cause, uint32_t epc1, uint32_t depc, uint32_t address) {
    mp_printf(&mp_plat_print, "FATAL exception: vector %d cause %d epc1 %08x depc %08x address %08x\n",
        kind, cause, epc1, depc, address);
    exit(139);
}

// ---- collector ----------------------------------------------------------------------------------

// Off only in abi.c, to see that it matters.
bool collector_spills = true;

void gc_collect(void) {
    gc_collect_start();
    // Roots may be in registers of any caller that is still in the register file: in a scan of the stack
    // they are found only after they were written there.
    void **lowest = collector_spills ? spill_windows() : __builtin_frame_address(0);
    gc_collect_root(lowest, (void **)&_estack - lowest);
    gc_collect_end();
}

// ---- the command --------------------------------------------------------------------------------

char *getenv(const char *name) {
    size_t len = strlen(name);
    for (int i = 0; i < n_environment; i++) {
        if (strncmp(environment[i], name, len) == 0 && environment[i][len] == '=') {
            return (char *)environment[i] + len + 1;
        }
    }
    return NULL;
}

// A variable's number; 0 for what is none, or too large.
static size_t number(const char *name, size_t otherwise, size_t max) {
    const char *text = getenv(name);
    if (text == NULL) {
        return otherwise;
    }
    size_t value = 0;
    while (*text >= '0' && *text <= '9' && value <= max) {
        value = value * 10 + (*text++ - '0');
    }
    return *text == 0 && value <= max ? value : 0;
}

void c_start(void) {
    const char **arguments = NULL;
    int n = host_arguments(&arguments);
    environment = arguments;
    while (n > 0 && strchr(arguments[0], '=') != NULL) {
        arguments++;
        n--;
        n_environment++;
    }
    mp_stack_set_top(&_estack);
    mp_stack_set_limit((char *)&_estack - (char *)&_sstack - STACK_RESERVE);
    size_t heap = number("HEAP_SIZE", HEAP_SIZE_DEFAULT, HEAP_SIZE_MAX);
    if (n == 0 || heap == 0) {
        mp_printf(&mp_plat_print, "usage: firmware [NAME=VALUE...] SCRIPT [ARGUMENT...]; HEAP_SIZE is at most %d\n",
            HEAP_SIZE_MAX);
        exit(2);
    }
    exit(run_script(gc_heap, heap, number("RESETS", 0, RESETS_MAX), n, arguments));
}
