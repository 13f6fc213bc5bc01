// SPDX-License-Identifier: MIT
//
// Random bytes for message ids and tokens, from the port's own source.

#include <string.h>

#include "shim.h"

#if MICROCOAPY_ENTROPY == MICROCOAPY_ENTROPY_HAL

void microcoapy_entropy(coap_obj_t *self, uint8_t *out, size_t len) {
    (void)self;
    mp_hal_get_random(len, out);
}

#elif MICROCOAPY_ENTROPY == MICROCOAPY_ENTROPY_IDF

#include "esp_random.h"

void microcoapy_entropy(coap_obj_t *self, uint8_t *out, size_t len) {
    (void)self;
    esp_fill_random(out, len);
}

#elif MICROCOAPY_ENTROPY == MICROCOAPY_ENTROPY_ESP8266

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

#else // MICROCOAPY_ENTROPY_OS

// Looking the function up may search a file system, so that is done once; and one call serves for several tokens.
void microcoapy_entropy(coap_obj_t *self, uint8_t *out, size_t len) {
    entropy_t *entropy = &self->entropy;
    if (entropy->urandom == MP_OBJ_NULL) {
        mp_obj_t os = mp_import_name(MP_QSTR_os, mp_const_none, MP_OBJ_NEW_SMALL_INT(0));
        entropy->urandom = mp_load_attr(os, MP_QSTR_urandom);
    }
    if (entropy->left < len) {
        mp_obj_t bytes = mp_call_function_1(entropy->urandom, MP_OBJ_NEW_SMALL_INT(sizeof(entropy->bytes)));
        mp_buffer_info_t buffer;
        mp_get_buffer_raise(bytes, &buffer, MP_BUFFER_READ);
        if (buffer.len < sizeof(entropy->bytes)) {
            microcoapy_bad_value(MP_QSTR_urandom);
        }
        memcpy(entropy->bytes, buffer.buf, sizeof(entropy->bytes));
        entropy->left = sizeof(entropy->bytes);
    }
    entropy->left -= len;
    uint8_t *unused = entropy->bytes + entropy->left;
    memcpy(out, unused, len);
    memset(unused, 0, len); // a token that was used is nobody's business any more
}

#endif
