// SPDX-License-Identifier: MIT
//
// Exceptions: from the engine's results and bad arguments; shown, reported, contained.

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
        #if MICROCOAPY_OSCORE
        case MCOAP_ERR_SECURITY:
            mp_raise_OSError(MP_EACCES);
        #endif
        case MCOAP_ERR_NO_SLOT:
            mp_raise_OSError(MP_ENOBUFS);
        case MCOAP_ERR_TOO_LARGE:
            mp_raise_OSError(MP_EMSGSIZE);
        default:
            mp_raise_OSError(MP_EINVAL);
    }
}

int microcoapy_event_errno(uint8_t kind) {
    switch (kind) {
        case MCOAP_EVENT_RESET:
            return MP_ECONNRESET;
        #if MICROCOAPY_BLOCK
        case MCOAP_EVENT_BAD_BLOCKS:
            return MP_EIO;
        case MCOAP_EVENT_CHANGED:
            return MP_ECONNABORTED;
        case MCOAP_EVENT_NO_ROOM:
            return MP_ENOBUFS;
        #endif
        default:
            return MP_ETIMEDOUT;
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
    if (!mp_obj_exception_match(MP_OBJ_FROM_PTR(exception), MP_OBJ_FROM_PTR(&mp_type_Exception))) {
        nlr_jump(exception);
    }
    microcoapy_report(self, what, MP_OBJ_FROM_PTR(exception));
}
