// SPDX-License-Identifier: MIT
//
// Options that programs give, as pairs of number and bytes: everything that can fail in Python comes before the
// message is begun.

#include <string.h>

#include "py/objstr.h"
#include "shim.h"

mp_obj_t microcoapy_uint_value(mp_obj_t value, qstr argument, mp_int_t max) {
    mp_int_t number = microcoapy_int_arg(value, argument, 0, max);
    uint8_t bytes[4];
    size_t start = sizeof(bytes);
    for (; number != 0; number >>= 8) {
        bytes[--start] = number;
    }
    return mp_obj_new_bytes(bytes + start, sizeof(bytes) - start);
}

static mp_obj_t bytes_value(mp_obj_t value, qstr argument) {
    if (mp_obj_is_int(value)) {
        return microcoapy_uint_value(value, argument, INT32_MAX);
    }
    mp_buffer_info_t buffer;
    microcoapy_bytes_arg(value, argument, &buffer);
    #if !MICROCOAPY_WORD_FLASH
    if (mp_obj_is_type(value, &mp_type_bytes)) {
        return value;
    }
    #endif
    // Not the object's own memory: for the engine's sake (MICROCOAPY_WORD_FLASH), and because a bytearray may change.
    return mp_obj_new_bytes(buffer.buf, buffer.len);
}

static void append(options_t *options, mp_int_t number, mp_obj_t value) {
    if (options->count == options->alloc) {
        options->pairs = m_renew(mp_obj_t, options->pairs, 2 * options->alloc, 2 * (options->alloc + 4));
        options->alloc += 4;
    }
    options->pairs[2 * options->count] = MP_OBJ_NEW_SMALL_INT(number);
    options->pairs[2 * options->count + 1] = value;
    options->count++;
}

void microcoapy_options_append(options_t *options, mp_int_t number, mp_obj_t value, qstr argument) {
    size_t len;
    mp_obj_t *items;
    if (value == MP_OBJ_NULL || value == mp_const_none || value == mp_const_false) {
        return;
    }
    if (value == mp_const_true) {
        append(options, number, mp_const_empty_bytes);
    } else if (microcoapy_items(value, &len, &items)) {
        for (size_t i = 0; i < len; i++) {
            append(options, number, bytes_value(items[i], argument));
        }
    } else {
        append(options, number, bytes_value(value, argument));
    }
}

void microcoapy_options_collect(options_t *options, mp_obj_t given) {
    size_t len;
    mp_obj_t *items;
    if (given == MP_OBJ_NULL || given == mp_const_none) {
        return;
    }
    if (!microcoapy_items(given, &len, &items)) {
        microcoapy_bad_type(MP_QSTR_options);
    }
    // Reading an attribute may run Python code that changes the list.
    for (size_t i = 0, len_now = len; i < len && i < len_now; i++) {
        size_t two;
        mp_obj_t *pair;
        mp_obj_t number, value;
        if (microcoapy_items(items[i], &two, &pair)) {
            if (two != 2) {
                microcoapy_bad_value(MP_QSTR_options);
            }
            number = pair[0];
            value = pair[1];
        } else {
            mp_obj_t item = items[i];
            number = mp_load_attr(item, MP_QSTR_number);
            value = mp_load_attr(item, MP_QSTR_buffer);
        }
        value = bytes_value(value, MP_QSTR_options);
        append(options, microcoapy_int_arg(number, MP_QSTR_options, 0, UINT16_MAX), value);
        microcoapy_items(given, &len_now, &items);
    }
}

void microcoapy_understood_add(understood_t understood, mp_int_t number) {
    for (size_t i = 0; i < MCOAP_UNDERSTOOD; i++) {
        if (understood[i] == 0 || understood[i] == number) {
            understood[i] = number;
            return;
        }
    }
    microcoapy_bad_value(MP_QSTR_understands);
}

void microcoapy_understood_arg(understood_t understood, mp_obj_t given) {
    size_t len;
    mp_obj_t *items;
    memset(understood, 0, sizeof(understood_t));
    if (given == MP_OBJ_NULL || given == mp_const_none) {
        return;
    }
    if (!microcoapy_items(given, &len, &items)) {
        microcoapy_bad_type(MP_QSTR_understands);
    }
    for (size_t i = 0; i < len; i++) {
        microcoapy_understood_add(understood, microcoapy_int_arg(items[i], MP_QSTR_understands, 1, UINT16_MAX));
    }
}

mcoap_result microcoapy_understood_draft(coap_obj_t *self, const understood_t understood) {
    mcoap_result result = MCOAP_OK;
    for (size_t i = 0; i < MCOAP_UNDERSTOOD && understood[i] != 0 && result == MCOAP_OK; i++) {
        result = mcoap_draft_understand(self->endpoint, understood[i]);
        if (result == MCOAP_ERR_OPTION) {
            microcoapy_bad_value(MP_QSTR_understands);
        }
    }
    return result;
}

mcoap_result microcoapy_options_add(coap_obj_t *self, const options_t *options) {
    mcoap_result result = MCOAP_OK;
    const mp_obj_t *pair = options->pairs;
    for (size_t i = 0; i < options->count && result == MCOAP_OK; i++, pair += 2) {
        GET_STR_DATA_LEN(pair[1], data, len);
        result = mcoap_draft_add(self->endpoint, MP_OBJ_SMALL_INT_VALUE(pair[0]), data, len);
    }
    return result;
}
