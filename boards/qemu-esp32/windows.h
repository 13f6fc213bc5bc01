// SPDX-License-Identifier: MIT
#ifndef MICROCOAPY_QEMU_ESP32_WINDOWS_H
#define MICROCOAPY_QEMU_ESP32_WINDOWS_H

#include <stdbool.h>

// crt.S
void *spill_windows(void);

// main.c
extern bool collector_spills;

#endif
