// SPDX-License-Identifier: MIT
#ifndef MICROCOAPY_BOARD_H
#define MICROCOAPY_BOARD_H

#include <stddef.h>
#include <stdint.h>

// Random bytes, the host's.
void board_random(uint8_t *out, size_t len);

// The value of a variable that the emulator was started with, or NULL: lines of NAME=value in its
// -semihosting-config arg=. Not terminated by a zero byte.
const char *board_variable(const char *name, size_t *len);

#endif // MICROCOAPY_BOARD_H
