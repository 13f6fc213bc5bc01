// SPDX-License-Identifier: MIT
#include <stdbool.h>

#include "../qemu-xtensa/mphalport.h"

// Semihosting: the host's file descriptors.
bool qemu_readable(int fd);
// Lets the host's processor go for a while; a short one when negative.
void qemu_sleep_ms(int32_t milliseconds);
// What -X uart=... names; NULL without it.
extern const char *qemu_uart_path;

#define MICROPY_INTERNAL_WFE(TIMEOUT_MS) qemu_sleep_ms(TIMEOUT_MS)
