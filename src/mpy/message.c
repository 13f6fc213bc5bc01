// SPDX-License-Identifier: MIT
//
// Request and Response of the modern layer, and the exception CoapError: a packet whose options are attributes.

#include <string.h>

#include "py/objexcept.h"
#include "py/objstr.h"
#include "modern.h"
#include "protocol.h"

#if MICROCOAPY_MODERN

#include "tables/message_names.h"

message_obj_t *microcoapy_message_new(const mp_obj_type_t *type, const mcoap_event *event, mp_obj_t sender) {
    message_obj_t *self = microcoapy_packet_new(sizeof(message_obj_t), type, event);
    self->sender = sender;
    self->body = mp_const_none;
    #if MICROCOAPY_OSCORE
    self->security = mp_const_none;
    #endif
    return self;
}

// ---- options as attributes ---------------------------------------------------------------------

static const uint8_t *raw_options(message_obj_t *self, size_t *len) {
    *len = self->incoming.packet.options_len;
    return self->incoming.packet.raw_options;
}

// The value of an option of format uint, or what there is without it.
static mp_obj_t uint_option(message_obj_t *self, uint32_t number, mp_obj_t otherwise) {
    size_t len;
    const uint8_t *raw = raw_options(self, &len);
    uint32_t value = mcoap_options_uint(raw, len, number);
    return value == MCOAP_UNKNOWN ? otherwise : mp_obj_new_int_from_uint(value);
}

// The first value of an option, or None.
static mp_obj_t bytes_option(message_obj_t *self, uint32_t number) {
    size_t len, value_len;
    const uint8_t *value;
    const uint8_t *raw = raw_options(self, &len);
    if (mcoap_options_find(raw, len, number, &value, &value_len) != MCOAP_OK) {
        return mp_const_none;
    }
    return mp_obj_new_bytes(value, value_len);
}

// All values of an option.
static mp_obj_t list_option(message_obj_t *self, uint32_t wanted) {
    size_t len, value_len;
    const uint8_t *value;
    const uint8_t *raw = raw_options(self, &len);
    mcoap_option_cursor cursor = { 0, 0 };
    uint32_t number;
    mp_obj_t list = mp_obj_new_list(0, NULL);
    while (mcoap_options_next(raw, len, &cursor, &number, &value, &value_len) == MCOAP_OK) {
        if (number == wanted) {
            mp_obj_list_append(list, mp_obj_new_bytes(value, value_len));
        }
    }
    return list;
}

// The path, and for a location its query, as a URI has them: '/a/b?x=1'.
static mp_obj_t path_option(message_obj_t *self, bool location) {
    size_t len;
    const uint8_t *raw = raw_options(self, &len);
    vstr_t text;
    // An option has a byte of its own, and each of its value may take three.
    vstr_init_len(&text, 3 * len + 1);
    if (mcoap_options_path(raw, len, location, (uint8_t *)text.buf, text.len, &text.len) != MCOAP_OK) {
        return mp_const_none;
    }
    return mp_obj_new_str_from_vstr(&text);
}

static mp_obj_t query_text(message_obj_t *self) {
    mp_obj_t pair[2] = { MP_OBJ_NULL, MP_OBJ_NULL };
    microcoapy_packet_attr(MP_OBJ_FROM_PTR(self), MP_QSTR_query, pair);
    size_t len;
    const char *text = mp_obj_str_get_data(pair[0], &len);
    return mp_obj_new_str(text, len);
}

static mp_obj_t given(mp_obj_t value, mp_obj_t otherwise) {
    return value == MP_OBJ_NULL ? otherwise : value;
}

// What both have; MP_OBJ_NULL for any other name.
static mp_obj_t common_attr(message_obj_t *self, qstr attr) {
    switch (attr) {
        case MP_QSTR_sender:
            return self->sender;
        case MP_QSTR_body:
            return self->body;
        #if MICROCOAPY_OSCORE
        case MP_QSTR_security:
            return self->security;
        #endif
        case MP_QSTR_content_format:
            return self->incoming.packet.content_format == MP_OBJ_NEW_SMALL_INT(MCOAP_CONTENT_FORMAT_NONE)
                ? mp_const_none : self->incoming.packet.content_format;
        default:
            return MP_OBJ_NULL;
    }
}

// ---- Response ----------------------------------------------------------------------------------

static mp_obj_t response_load(message_obj_t *self, qstr attr) {
    switch (attr) {
        case MP_QSTR_code:
            return self->incoming.packet.method;
        case MP_QSTR_ok:
            return mp_obj_new_bool(CODE_CLASS(mp_obj_get_int(self->incoming.packet.method)) == CODE_CLASS_SUCCESS);
        case MP_QSTR_etag:
            return given(self->etag, bytes_option(self, OPTION_ETAG));
        case MP_QSTR_max_age:
            return given(self->max_age, uint_option(self, OPTION_MAX_AGE, MP_OBJ_NEW_SMALL_INT(MAX_AGE_DEFAULT)));
        case MP_QSTR_location:
            return given(self->location, path_option(self, true));
        case MP_QSTR_observe:
            return uint_option(self, OPTION_OBSERVE, mp_const_none);
        default:
            return common_attr(self, attr);
    }
}

static void response_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    if (dest[0] == MP_OBJ_NULL) {
        dest[0] = response_load(MP_OBJ_TO_PTR(self_in), attr);
        if (dest[0] == MP_OBJ_NULL) {
            microcoapy_packet_attr(self_in, attr, dest);
        }
    }
}

static mp_obj_t none_as_null(mp_obj_t value) {
    return value == mp_const_none ? MP_OBJ_NULL : value;
}

// Response(code=None, payload=b"", content_format=None, *, etag=None, max_age=None, location=None, options=None)
static mp_obj_t response_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_obj_t value[RESPONSE_ARGUMENTS];
    microcoapy_parse(response_arguments, SHAPE(RESPONSE_ARGUMENTS, 0, RESPONSE_POSITIONAL), value, n_args, n_kw, args);
    mcoap_event blank = { .content_format = MCOAP_CONTENT_FORMAT_NONE };
    message_obj_t *self = microcoapy_message_new(type, &blank, mp_const_none);
    self->incoming.packet.method = mp_const_none;
    if (microcoapy_is_given(value[RESPONSE_CODE])) {
        self->incoming.packet.method = value[RESPONSE_CODE];
        microcoapy_int_arg(value[RESPONSE_CODE], MP_QSTR_code, 0, UINT8_MAX);
    }
    if (value[RESPONSE_PAYLOAD] != MP_OBJ_NULL) {
        self->incoming.packet.payload = value[RESPONSE_PAYLOAD];
    }
    if (microcoapy_is_given(value[RESPONSE_CONTENT_FORMAT])) {
        self->incoming.packet.content_format = value[RESPONSE_CONTENT_FORMAT];
    }
    self->incoming.packet.options = microcoapy_is_given(value[RESPONSE_OPTIONS]) ? value[RESPONSE_OPTIONS] : mp_obj_new_list(0, NULL);
    self->etag = none_as_null(value[RESPONSE_ETAG]);
    self->max_age = none_as_null(value[RESPONSE_MAX_AGE]);
    self->location = none_as_null(value[RESPONSE_LOCATION]);
    return MP_OBJ_FROM_PTR(self);
}

static void print_code_payload(const mp_print_t *print, message_obj_t *self) {
    if (mp_obj_is_small_int(self->incoming.packet.method)) {
        unsigned code = MP_OBJ_SMALL_INT_VALUE(self->incoming.packet.method);
        mp_printf(print, "(%u.%02u, ", CODE_CLASS(code), CODE_DETAIL(code));
    } else {
        mp_print_str(print, "(None, ");
    }
    mp_obj_print_helper(print, self->incoming.packet.payload, PRINT_REPR);
    mp_print_str(print, ")");
}

static void response_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    mp_print_str(print, "Response");
    print_code_payload(print, MP_OBJ_TO_PTR(self_in));
}

// ---- Request -----------------------------------------------------------------------------------

static mp_obj_t request_load(message_obj_t *self, qstr attr) {
    switch (attr) {
        case MP_QSTR_code:
            return self->incoming.packet.method;
        case MP_QSTR_path:
            return path_option(self, false);
        case MP_QSTR_query:
            return query_text(self);
        case MP_QSTR_accept:
            return uint_option(self, OPTION_ACCEPT, mp_const_none);
        case MP_QSTR_observe:
            return uint_option(self, OPTION_OBSERVE, mp_const_none);
        case MP_QSTR_etags:
            return list_option(self, OPTION_ETAG);
        case MP_QSTR_if_match:
            return list_option(self, OPTION_IF_MATCH);
        case MP_QSTR_if_none_match:
            return mp_obj_new_bool(bytes_option(self, OPTION_IF_NONE_MATCH) != mp_const_none);
        default:
            return common_attr(self, attr);
    }
}

static void request_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    if (dest[0] == MP_OBJ_NULL) {
        dest[0] = request_load(MP_OBJ_TO_PTR(self_in), attr);
        if (dest[0] == MP_OBJ_NULL) {
            microcoapy_packet_attr(self_in, attr, dest);
        }
    }
}

static void request_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    mp_print_str(print, "Request");
    print_code_payload(print, MP_OBJ_TO_PTR(self_in));
}

#include "tables/message.h"

#endif // MICROCOAPY_MODERN
