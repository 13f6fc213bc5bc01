// SPDX-License-Identifier: MIT
//
// From the arguments of a call to values, for all functions that take keywords.

#include "shim.h"

void microcoapy_parse(
    const qstr_short_t *names, uint32_t shape, mp_obj_t *value, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_t allowed[SHAPE_COUNT_MAX];
    size_t count = SHAPE_COUNT(shape), required = SHAPE_REQUIRED(shape), positional = SHAPE_POSITIONAL(shape);
    // Nearly always so. For all else, errors included, MicroPython's parser.
    if (n_kw == 0 && n_args >= required && n_args <= positional) {
        for (size_t i = 0; i < count; i++) {
            value[i] = i < n_args ? args[i] : MP_OBJ_NULL;
        }
        return;
    }
    for (size_t i = 0; i < count; i++) {
        allowed[i].qst = names[i];
        allowed[i].flags = i < required ? MP_ARG_OBJ | MP_ARG_REQUIRED
            : i < positional ? MP_ARG_OBJ : MP_ARG_OBJ | MP_ARG_KW_ONLY;
        allowed[i].defval.u_obj = MP_OBJ_NULL;
    }
    MP_STATIC_ASSERT(sizeof(mp_arg_val_t) == sizeof(mp_obj_t));
    mp_arg_parse_all_kw_array(n_args, n_kw, args, count, allowed, (mp_arg_val_t *)value);
}

mp_int_t microcoapy_int_arg(mp_obj_t value, qstr argument, mp_int_t min, mp_int_t max) {
    if (!mp_obj_is_int(value)) {
        microcoapy_bad_type(argument);
    }
    // A number that is no small int is out of every range asked for here.
    if (!mp_obj_is_small_int(value)) {
        microcoapy_bad_value(argument);
    }
    mp_int_t number = MP_OBJ_SMALL_INT_VALUE(value);
    if (number < min || number > max) {
        microcoapy_bad_value(argument);
    }
    return number;
}

mp_int_t microcoapy_port_arg(mp_obj_t value) {
    return microcoapy_int_arg(value, MP_QSTR_port, 0, UINT16_MAX);
}

bool microcoapy_is_str(mp_obj_t value) {
    return mp_obj_get_type(value) == &mp_type_str;
}

void microcoapy_str_arg(mp_obj_t value, qstr argument) {
    if (!microcoapy_is_str(value)) {
        microcoapy_bad_type(argument);
    }
}

bool microcoapy_items(mp_obj_t value, size_t *len, mp_obj_t **items) {
    const mp_obj_type_t *type = mp_obj_get_type(value);
    if (type != &mp_type_tuple && type != &mp_type_list) {
        return false;
    }
    mp_obj_get_array(value, len, items);
    return true;
}

#if MICROCOAPY_MODERN
void microcoapy_one_or_more(mp_obj_t *value, size_t *len, mp_obj_t **items) {
    if (!microcoapy_items(*value, len, items)) {
        *len = 1;
        *items = value;
    }
}
#endif

void microcoapy_bytes_arg(mp_obj_t value, qstr argument, mp_buffer_info_t *out) {
    if (value == MP_OBJ_NULL || value == mp_const_none) {
        out->buf = NULL;
        out->len = 0;
    } else if (!mp_get_buffer(value, out, MP_BUFFER_READ)) {
        microcoapy_bad_type(argument);
    } else {
        out->buf = (void *)microcoapy_engine_bytes(out->buf, out->len);
    }
}

#if MICROCOAPY_WORD_FLASH
// ESP8266: RAM lies below, instruction RAM and flash from here on.
#define WORD_MEMORY_FROM (0x40000000)

const void *microcoapy_engine_bytes(const void *data, size_t len) {
    uintptr_t from = (uintptr_t)data;
    if (from < WORD_MEMORY_FROM || len == 0) {
        return data;
    }
    uint8_t *copy = m_new(uint8_t, len);
    for (size_t i = 0; i < len; i++) {
        // Volatile: no compiler may load only the byte that is used.
        uint32_t word = *(const volatile uint32_t *)((from + i) & ~(uintptr_t)3);
        copy[i] = word >> 8 * ((from + i) & 3);
    }
    return copy;
}
#else
const void *microcoapy_engine_bytes(const void *data, size_t len) {
    (void)len;
    return data;
}
#endif
