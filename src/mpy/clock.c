// SPDX-License-Identifier: MIT
//
// The port's clock, and waiting.

#include "py/mphal.h"
#include "py/runtime.h"
#include "port.h"

uint32_t microcoapy_now(void) {
    return (uint32_t)mp_hal_ticks_ms();
}

void microcoapy_sleep(uint32_t milliseconds) {
    mp_event_wait_ms(milliseconds);
}

void microcoapy_port_events(void) {
    mp_event_handle_nowait();
}
