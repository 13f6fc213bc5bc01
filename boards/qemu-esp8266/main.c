// SPDX-License-Identifier: MIT
//
// MicroPython on the lx106 core, ESP8266's, as QEMU's 'sim' machine has it: semihosting gives files, arguments, waiting
// and an exit status, so a program of the host's is run and ended like by the unix port.
//
//   firmware [-X heapsize=BYTES[k]] [-X resets=COUNT] [-X uart=PATH] SCRIPT [ARGUMENT...]

#include <stdlib.h>
#include <string.h>

#include "py/gc.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "py/stackctrl.h"
#include "sim.h"

enum { SELECT_NOTHING = 0, SELECT_READ = 1 };

uintptr_t gc_registers(uintptr_t registers[4]);
extern uint32_t _stack_top;

// What the chip's port leaves for C and Python.
#define STACK_SIZE (8 * 1024)
#define HEAP_SIZE_MAX (256 * 1024)
#define HEAP_SIZE_DEFAULT (128 * 1024)
static uint32_t heap[HEAP_SIZE_MAX / 4];
const char *qemu_uart_path;

// The host's, not the C library's: seconds and microseconds, 32 bits each.
static int select_one(int fd, int what, uint32_t milliseconds) {
    uint32_t timeval[2] = { milliseconds / 1000, milliseconds % 1000 * 1000 };
    return simcall(SIM_SELECT_ONE, fd, what, (int)timeval);
}

bool qemu_readable(int fd) {
    return select_one(fd, SELECT_READ, 0) > 0;
}

void qemu_sleep_ms(int32_t milliseconds) {
    select_one(0, SELECT_NOTHING, milliseconds < 0 ? 1 : milliseconds);
}

uint32_t cycle_count(void) {
    uint32_t count;
    __asm volatile ("rsr %0, ccount" : "=r" (count));
    return count;
}

void fatal_exception(int kind, int cause, uint32_t pc, uint32_t address, uint32_t caller) {
    mp_printf(&mp_plat_print, "exception %d: cause %d, pc %08x, address %08x, a0 %08x\n", kind, cause, pc, address, caller);
    exit(139);
}

void gc_collect(void) {
    uintptr_t registers[4];
    gc_collect_start();
    uintptr_t sp = gc_registers(registers);
    gc_collect_root((void **)registers, MP_ARRAY_SIZE(registers));
    gc_collect_root((void **)sp, ((uintptr_t)&_stack_top - sp) / sizeof(void *));
    gc_collect_end();
}

// The index of the script; -1 if the command line is not understood.
static int parse_options(int n, const char **arguments, size_t *heap_size, unsigned *resets) {
    int i = 0;
    for (; i + 1 < n && strcmp(arguments[i], "-X") == 0; i += 2) {
        const char *option = arguments[i + 1];
        if (strncmp(option, "heapsize=", 9) == 0) {
            char *end;
            *heap_size = strtoul(option + 9, &end, 0) << (*end == 'k' ? 10 : 0);
            if (*heap_size < 4096 || *heap_size > HEAP_SIZE_MAX) {
                return -1;
            }
        } else if (strncmp(option, "resets=", 7) == 0) {
            *resets = strtoul(option + 7, NULL, 10);
        } else if (strncmp(option, "uart=", 5) == 0) {
            qemu_uart_path = option + 5;
        } else {
            return -1;
        }
    }
    return i < n ? i : -1;
}

void c_start(void) {
    const char **arguments = NULL;
    size_t heap_size = HEAP_SIZE_DEFAULT;
    int n = host_arguments(&arguments);
    unsigned resets = 0;
    int script = parse_options(n, arguments, &heap_size, &resets);
    mp_stack_set_top(&_stack_top);
    mp_stack_set_limit(STACK_SIZE - 192);
    if (script < 0) {
        mp_printf(&mp_plat_print, "usage: firmware [-X heapsize=BYTES[k]] [-X resets=COUNT] [-X uart=PATH] SCRIPT [ARGUMENT...]\n");
        exit(2);
    }
    exit(run_script(heap, heap_size, resets, n - script, arguments + script));
}
