// SPDX-License-Identifier: MIT
// In place of the chip's random numbers: those of the emulated board.

#include "esp_random.h"

#include "board.h"

void esp_fill_random(void *buffer, size_t len) {
    board_random(buffer, len);
}
