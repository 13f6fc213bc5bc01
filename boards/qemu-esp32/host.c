// SPDX-License-Identifier: MIT
//
// The few functions of a C library that MicroPython needs, over QEMU's semihosting. Debian's picolibc for Xtensa is
// compiled for the other calling convention, so only its headers serve.

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "py/stream.h"

// Of target/xtensa/xtensa-semi.c in QEMU.
enum { SIM_EXIT = 1, SIM_READ = 3, SIM_WRITE = 4, SIM_OPEN = 5, SIM_CLOSE = 6, SIM_ARGC = 1000, SIM_ARGV_SIZE = 1001, SIM_ARGV = 1002 };

// dc233c as QEMU configures it counts this many cycles per millisecond of virtual time.
#define CYCLES_PER_MS (10000)
#define CYCLES_PER_US (CYCLES_PER_MS / 1000)

int simcall(int nr, int a, int b, int c, int *error);

int errno;

static int call(int nr, int a, int b, int c) {
    int error;
    int result = simcall(nr, a, b, c, &error);
    if (result == -1) {
        errno = error;
    }
    return result;
}

void exit(int status) {
    for (;;) {
        call(SIM_EXIT, status, 0, 0);
    }
}

void abort(void) {
    exit(134);
}

int open(const char *path, int flags, ...) {
    return call(SIM_OPEN, (int)path, flags, 0);
}

ssize_t read(int fd, void *buf, size_t n) {
    return call(SIM_READ, fd, (int)buf, n);
}

ssize_t write(int fd, const void *buf, size_t n) {
    return call(SIM_WRITE, fd, (int)buf, n);
}

int close(int fd) {
    return call(SIM_CLOSE, fd, 0, 0);
}

int host_arguments(const char ***arguments) {
    // Pointers, then the texts they point to.
    static const char *memory[512];
    int count = call(SIM_ARGC, 0, 0, 0);
    if (count < 1 || call(SIM_ARGV_SIZE, 0, 0, 0) > (int)sizeof(memory)) {
        return 0;
    }
    call(SIM_ARGV, (int)memory, 0, 0);
    *arguments = memory + 1;
    return count - 1;
}

void host_random(void *out, size_t len) {
    int fd = open("/dev/urandom", O_RDONLY);
    if (fd < 0 || read(fd, out, len) != (ssize_t)len) {
        mp_raise_OSError(errno);
    }
    close(fd);
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

// ---- MicroPython's hardware layer ---------------------------------------------------------------

int mp_hal_stdin_rx_chr(void) {
    unsigned char c;
    if (read(STDIN_FILENO, &c, 1) <= 0) {
        exit(0);
    }
    return c;
}

mp_uint_t mp_hal_stdout_tx_strn(const char *str, size_t len) {
    write(STDOUT_FILENO, str, len);
    return len;
}

// Not a terminal's line endings: this is the standard output of a command.
void mp_hal_stdout_tx_strn_cooked(const char *str, size_t len) {
    mp_hal_stdout_tx_strn(str, len);
}

void mp_hal_stdout_tx_str(const char *str) {
    mp_hal_stdout_tx_strn(str, strlen(str));
}

uintptr_t mp_hal_stdio_poll(uintptr_t flags) {
    return flags & MP_STREAM_POLL_WR;
}

// The cycle counter wraps every 430 s. It is asked more often than that by all that waits.
mp_uint_t mp_hal_ticks_ms(void) {
    static uint32_t counted, milliseconds, rest;
    uint32_t now = cycle_count();
    uint32_t passed = now - counted;
    counted = now;
    milliseconds += passed / CYCLES_PER_MS;
    rest += passed % CYCLES_PER_MS;
    if (rest >= CYCLES_PER_MS) {
        rest -= CYCLES_PER_MS;
        milliseconds++;
    }
    return milliseconds;
}

mp_uint_t mp_hal_ticks_us(void) {
    return cycle_count() / CYCLES_PER_US;
}

mp_uint_t mp_hal_ticks_cpu(void) {
    return cycle_count();
}

void mp_hal_delay_us(mp_uint_t us) {
    uint32_t start = cycle_count();
    while (cycle_count() - start < us * CYCLES_PER_US) {
    }
}

void mp_hal_delay_ms(mp_uint_t ms) {
    mp_uint_t start = mp_hal_ticks_ms();
    while (mp_hal_ticks_ms() - start < ms) {
        mp_event_handle_nowait();
    }
}
