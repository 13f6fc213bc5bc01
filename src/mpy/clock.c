// SPDX-License-Identifier: MIT
//
// The port's clock.

#include "port.h"

uint32_t microcoapy_now(void) {
    return (uint32_t)mp_hal_ticks_ms();
}
