// SPDX-License-Identifier: MIT
#include <stddef.h>
#include <stdint.h>

static inline void mp_hal_set_interrupt_char(char c) {
    (void)c;
}

void mp_hal_get_random(size_t n, uint8_t *out);
