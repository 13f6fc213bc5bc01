// SPDX-License-Identifier: MIT
#include "boards/ESP8266_GENERIC/mpconfigboard.h"

#undef MICROPY_HW_BOARD_NAME
#define MICROPY_HW_BOARD_NAME "ESP module (1M) with microcoapy"
