// SPDX-License-Identifier: MIT
// As ESP-IDF's.
#include <stddef.h>

void esp_fill_random(void *buffer, size_t len);
