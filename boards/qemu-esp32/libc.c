// SPDX-License-Identifier: MIT
//
// More of a C library than qemu-xtensa/sim.c has: Debian's picolibc for Xtensa is compiled for the other calling
// convention, so only its headers serve.

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "py/mphal.h"
#include "py/stream.h"
#include "sim.h"

// crt.S
int simcall_error(int number, int a, int b, int c, int *error);

int errno;

int simcall(int number, int a, int b, int c) {
    int error;
    int result = simcall_error(number, a, b, c, &error);
    if (result == -1) {
        errno = error;
    }
    return result;
}

// ---- libm ---------------------------------------------------------------------------------------

float nanf(const char *tag) {
    (void)tag;
    return __builtin_nanf("");
}

// Which of these the macros of math.h call depends on picolibc's version.
int __finitef(float x) {
    return x - x == 0;
}

int __isnanf(float x) {
    return x != x;
}

int __isinff(float x) {
    return x == x && x - x != 0;
}

// ---- standard input, which lx106's firmware has not ---------------------------------------------

int mp_hal_stdin_rx_chr(void) {
    unsigned char c;
    if (read(STDIN_FILENO, &c, 1) <= 0) {
        exit(0);
    }
    return c;
}

uintptr_t mp_hal_stdio_poll(uintptr_t flags) {
    return flags & MP_STREAM_POLL_WR;
}
