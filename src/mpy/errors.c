// SPDX-License-Identifier: MIT
//
// From the engine's results and bad arguments to Python exceptions.

#include "py/mperrno.h"
#include "shim.h"

// Not in MicroPython's own list; this is the number that Linux and lwIP use.
#ifndef MP_EMSGSIZE
#ifdef EMSGSIZE
#define MP_EMSGSIZE EMSGSIZE
#else
#define MP_EMSGSIZE (90)
#endif
#endif

// A constant text per result: the engine's reasons are few, and ROM strings are compressed.
static mp_rom_error_text_t value_error_text(mcoap_result result) {
    switch (result) {
        case MCOAP_ERR_URI:
            return MP_ERROR_TEXT("url: malformed path or query");
        case MCOAP_ERR_OPTION:
            return MP_ERROR_TEXT("options: bad number or length");
        case MCOAP_ERR_TOKEN:
            return MP_ERROR_TEXT("token: longer than 8 bytes");
        case MCOAP_ERR_TYPE:
            return MP_ERROR_TEXT("type, method: not possible here");
        default:
            return MP_ERROR_TEXT("bad argument");
    }
}

void microcoapy_raise(mcoap_result result) {
    switch (result) {
        case MCOAP_ERR_NO_SLOT:
            mp_raise_OSError(MP_ENOBUFS);
        case MCOAP_ERR_TOO_LARGE:
            mp_raise_OSError(MP_EMSGSIZE);
        case MCOAP_ERR_STALE:
            mp_raise_OSError(MP_ENOENT);
        case MCOAP_ERR_STATE:
            mp_raise_OSError(MP_EINVAL);
        case MCOAP_ERR_MEMORY:
            mp_raise_OSError(MP_ENOMEM);
        default:
            mp_raise_msg(&mp_type_ValueError, value_error_text(result));
    }
}

bool microcoapy_sendable(mcoap_result result) {
    switch (result) {
        case MCOAP_OK:
            return true;
        case MCOAP_ERR_NO_SLOT:
        case MCOAP_ERR_TOO_LARGE:
        case MCOAP_ERR_STALE:
            return false;
        default:
            microcoapy_raise(result);
    }
}

void microcoapy_bad_value(qstr argument) {
    mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("%q: out of range"), argument);
}

void microcoapy_bad_type(qstr argument) {
    mp_raise_msg_varg(&mp_type_TypeError, MP_ERROR_TEXT("%q: wrong type"), argument);
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

void microcoapy_bytes_arg(mp_obj_t value, qstr argument, mp_buffer_info_t *out) {
    if (value == mp_const_none) {
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

bool microcoapy_containable(mp_obj_t exception) {
    return mp_obj_is_subclass_fast(MP_OBJ_FROM_PTR(mp_obj_get_type(exception)),
        MP_OBJ_FROM_PTR(&mp_type_Exception));
}
