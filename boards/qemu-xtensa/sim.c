// SPDX-License-Identifier: MIT
//
// The few functions of a C library that MicroPython needs, and its hardware layer, over QEMU's semihosting.

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "sim.h"

// ---- the C library's part -----------------------------------------------------------------------

void exit(int status) {
    for (;;) {
        simcall(SIM_EXIT, status, 0, 0);
    }
}

void abort(void) {
    exit(134);
}

int open(const char *path, int flags, ...) {
    return simcall(SIM_OPEN, (int)path, flags, 0);
}

ssize_t read(int fd, void *buffer, size_t size) {
    return simcall(SIM_READ, fd, (int)buffer, size);
}

ssize_t write(int fd, const void *buffer, size_t size) {
    return simcall(SIM_WRITE, fd, (int)buffer, size);
}

int close(int fd) {
    return simcall(SIM_CLOSE, fd, 0, 0);
}

int host_arguments(const char ***arguments) {
    // Pointers, then the texts they point to.
    static const char *memory[512];
    int count = simcall(SIM_ARGC, 0, 0, 0);
    if (count < 1 || simcall(SIM_ARGV_SIZE, 0, 0, 0) > (int)sizeof(memory)) {
        return 0;
    }
    simcall(SIM_ARGV, (int)memory, 0, 0);
    *arguments = memory + 1;
    return count - 1;
}

// ---- MicroPython's hardware layer ---------------------------------------------------------------

void mp_hal_get_random(size_t n, uint8_t *out) {
    static int fd = -1;
    if (fd < 0) {
        fd = open("/dev/urandom", O_RDONLY);
    }
    if (read(fd, out, n) != (ssize_t)n) {
        mp_raise_OSError(MP_EIO);
    }
}

mp_uint_t mp_hal_stdout_tx_strn(const char *text, size_t len) {
    return write(STDOUT_FILENO, text, len);
}

// The host's output is no terminal: lines end as they do in its files.
void mp_hal_stdout_tx_strn_cooked(const char *text, size_t len) {
    mp_hal_stdout_tx_strn(text, len);
}

void mp_hal_stdout_tx_str(const char *text) {
    mp_hal_stdout_tx_strn(text, strlen(text));
}

// Both cores count 10,000 cycles per millisecond and wrap after seven minutes: they are asked more often than that. Time
// begins a little before the millisecond counter wraps, so that everything that runs here meets that, too.
#define CYCLES_PER_US (10)
#define CYCLES_PER_MS (1000 * CYCLES_PER_US)
#define TICKS_AT_START ((uint32_t)-250)

mp_uint_t mp_hal_ticks_ms(void) {
    static uint32_t milliseconds = TICKS_AT_START;
    static uint32_t counted;
    uint32_t passed = (cycle_count() - counted) / CYCLES_PER_MS;
    counted += passed * CYCLES_PER_MS;
    milliseconds += passed;
    return milliseconds;
}

mp_uint_t mp_hal_ticks_us(void) {
    return cycle_count() / CYCLES_PER_US;
}

mp_uint_t mp_hal_ticks_cpu(void) {
    return cycle_count();
}

void mp_hal_delay_us(mp_uint_t microseconds) {
    uint32_t start = cycle_count();
    while (cycle_count() - start < microseconds * CYCLES_PER_US) {
    }
}

void mp_hal_delay_ms(mp_uint_t milliseconds) {
    uint32_t start = mp_hal_ticks_ms();
    uint32_t passed = 0;
    while (passed < milliseconds) {
        mp_event_wait_ms(milliseconds - passed);
        passed = mp_hal_ticks_ms() - start;
    }
}
