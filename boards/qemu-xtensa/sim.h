// SPDX-License-Identifier: MIT
//
// What QEMU's machine 'sim' gives a firmware by semihosting: the host's files, arguments and exit status.
#ifndef MICROCOAPY_QEMU_SIM_H
#define MICROCOAPY_QEMU_SIM_H

#include <stddef.h>
#include <stdint.h>

// Of target/xtensa/xtensa-semi.c in QEMU.
enum {
    SIM_EXIT = 1,
    SIM_READ = 3,
    SIM_WRITE = 4,
    SIM_OPEN = 5,
    SIM_CLOSE = 6,
    SIM_SELECT_ONE = 29,
    SIM_ARGC = 1000,
    SIM_ARGV_SIZE = 1001,
    SIM_ARGV = 1002,
};

// Each board's own.
int simcall(int number, int a, int b, int c);
uint32_t cycle_count(void);

// The host's argument list without the firmware's own name; empty when it is too long.
int host_arguments(const char ***arguments);

// script.c: runs MicroPython with the script arguments[0], to its end; the exit status. If that is 0, the board is reset
// softly, so many times, and the script is run again.
int run_script(void *heap, size_t heap_size, unsigned resets, int n, const char **arguments);

#endif
