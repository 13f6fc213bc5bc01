// SPDX-License-Identifier: MIT
//
// Random bytes for message ids and tokens, from the port's own source.

#include <string.h>

#include "py/mphal.h"
#include "shim.h"

#if defined(__unix__) || defined(__APPLE__) || MICROPY_VERSION >= MICROPY_MAKE_VERSION(1, 29, 0)

void microcoapy_entropy(coap_obj_t *self, uint8_t *out, size_t len) {
    (void)self;
    mp_hal_get_random(len, out);
}

#elif defined(ESP_PLATFORM)

#include "esp_random.h"

void microcoapy_entropy(coap_obj_t *self, uint8_t *out, size_t len) {
    (void)self;
    esp_fill_random(out, len);
}

#elif defined(__ets__)

// ESP8266: a hardware random number in each read of this register.
#define ESP8266_RANDOM (*(volatile uint32_t *)0x3ff20e44)

void microcoapy_entropy(coap_obj_t *self, uint8_t *out, size_t len) {
    (void)self;
    while (len != 0) {
        uint32_t word = ESP8266_RANDOM;
        size_t part = len < sizeof(word) ? len : sizeof(word);
        memcpy(out, &word, part);
        out += part;
        len -= part;
    }
}

#else // MICROCOAPY_URANDOM

// Looking the function up may search a file system, so that is done once; and one call serves for several tokens.
void microcoapy_entropy(coap_obj_t *self, uint8_t *out, size_t len) {
    if (self->urandom == MP_OBJ_NULL) {
        mp_obj_t os = mp_import_name(MP_QSTR_os, mp_const_none, MP_OBJ_NEW_SMALL_INT(0));
        self->urandom = mp_load_attr(os, MP_QSTR_urandom);
    }
    if (self->random_left < len) {
        mp_obj_t bytes = mp_call_function_1(self->urandom, MP_OBJ_NEW_SMALL_INT(sizeof(self->random)));
        mp_buffer_info_t buffer;
        mp_get_buffer_raise(bytes, &buffer, MP_BUFFER_READ);
        if (buffer.len < sizeof(self->random)) {
            microcoapy_bad_value(MP_QSTR_urandom);
        }
        memcpy(self->random, buffer.buf, sizeof(self->random));
        self->random_left = sizeof(self->random);
    }
    self->random_left -= len;
    uint8_t *unused = self->random + self->random_left;
    memcpy(out, unused, len);
    memset(unused, 0, len); // a token that was used is nobody's business any more
}

#endif
