// SPDX-License-Identifier: MIT
//
// From the engine's results and bad arguments to Python exceptions.

#include "py/objtype.h"
#include "shim.h"

// The engine's reasons, by the argument at fault where it is one.
void microcoapy_raise(mcoap_result result) {
    switch (result) {
        case MCOAP_ERR_TYPE:
            mp_raise_ValueError(MP_ERROR_TEXT("type, method: not valid"));
        case MCOAP_ERR_URI:
            microcoapy_bad_value(MP_QSTR_url);
        case MCOAP_ERR_OPTION:
            microcoapy_bad_value(MP_QSTR_options);
        case MCOAP_ERR_PAYLOAD:
            microcoapy_bad_value(MP_QSTR_payload);
        case MCOAP_ERR_TOKEN:
            microcoapy_bad_value(MP_QSTR_token);
        case MCOAP_ERR_NO_SLOT:
            mp_raise_OSError(MP_ENOBUFS);
        case MCOAP_ERR_TOO_LARGE:
            mp_raise_OSError(MP_EMSGSIZE);
        default:
            mp_raise_OSError(MP_EINVAL);
    }
}

void microcoapy_bad_value(qstr argument) {
    mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("%q: not valid"), argument);
}

void microcoapy_bad_type(qstr argument) {
    mp_raise_msg_varg(&mp_type_TypeError, MP_ERROR_TEXT("%q: wrong type"), argument);
}

mp_obj_t microcoapy_os_error(int number) {
    return mp_obj_new_exception_arg1(&mp_type_OSError, MP_OBJ_NEW_SMALL_INT(number));
}

void microcoapy_show(mp_obj_t exception) {
    #if MICROPY_ROM_TEXT_COMPRESSION
    // With a full heap and no emergency exception buffer, MicroPython (1.25) decompresses the text to an address
    // close to 0.
    enum { LONGEST_TEXT = 256 };
    byte *room = m_new_maybe(byte, LONGEST_TEXT);
    if (room == NULL) {
        mp_printf(MICROPY_ERROR_PRINTER, "%q\n", mp_obj_get_type(exception)->name);
        return;
    }
    m_del(byte, room, LONGEST_TEXT);
    #endif
    mp_obj_print_exception(MICROPY_ERROR_PRINTER, exception);
}

void microcoapy_report(coap_obj_t *self, qstr what, mp_obj_t object) {
    if (self->debug != mp_const_false) {
        mp_printf(&mp_plat_print, "microcoapy: %q ", what);
        mp_obj_print_helper(&mp_plat_print, object, PRINT_REPR);
        mp_print_str(&mp_plat_print, "\n");
    }
}

void microcoapy_report_errno(coap_obj_t *self, qstr what, int error) {
    if (self->debug != mp_const_false) {
        microcoapy_report(self, what, microcoapy_os_error(error));
    }
}

void microcoapy_contain(coap_obj_t *self, qstr what, void *exception) {
    const mp_obj_type_t *type = mp_obj_get_type(MP_OBJ_FROM_PTR(exception));
    if (!mp_obj_is_subclass_fast(MP_OBJ_FROM_PTR(type), MP_OBJ_FROM_PTR(&mp_type_Exception))) {
        nlr_jump(exception);
    }
    microcoapy_report(self, what, MP_OBJ_FROM_PTR(exception));
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
