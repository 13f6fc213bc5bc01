// SPDX-License-Identifier: MIT
//
// What QEMU's semihosting gives the firmware: the host's files, arguments and exit status.
#ifndef MICROCOAPY_QEMU_ESP32_HOST_H
#define MICROCOAPY_QEMU_ESP32_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// crt.S
uint32_t cycle_count(void);
void *spill_windows(void);

// The host's argument list without the firmware's own name; empty when it is too long.
int host_arguments(const char ***arguments);
void host_random(void *out, size_t len);

// main.c
extern bool collector_spills;

#endif
