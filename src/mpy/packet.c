// SPDX-License-Identifier: MIT
//
// CoapPacket and CoapOption. A received packet keeps the option bytes as they came; the list of
// options and the query are only made when a program looks at them.

#include <string.h>

#include "py/objstr.h"
#include "shim.h"

typedef struct _option_obj_t {
    mp_obj_base_t base;
    mp_obj_t number;
    mp_obj_t buffer;
} option_obj_t;

static mp_obj_t new_bytes(const uint8_t *data, size_t len) {
    return len == 0 ? mp_const_empty_bytes : mp_obj_new_bytes(data, len);
}

// ---- CoapOption ------------------------------------------------------------------------------

static mp_obj_t option_new(mp_obj_t number, mp_obj_t buffer) {
    option_obj_t *self = mp_obj_malloc(option_obj_t, &microcoapy_option_type);
    self->number = number;
    self->buffer = buffer;
    return MP_OBJ_FROM_PTR(self);
}

// The bytes an option carries, from whatever a program gives for them.
static mp_obj_t option_value(mp_obj_t value) {
    if (mp_obj_is_type(value, &mp_type_bytes)) {
        return value;
    }
    mp_buffer_info_t buffer;
    microcoapy_bytes_arg(value, MP_QSTR_payload, &buffer);
    return new_bytes(buffer.buf, buffer.len);
}

// CoapOption(number=-1, buffer=b"")
static mp_obj_t option_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    (void)type;
    static const mp_arg_t allowed[] = {
        { MP_QSTR_number, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_INT(-1) } },
        { MP_QSTR_buffer, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_PTR(&mp_const_empty_bytes_obj) } },
    };
    mp_arg_val_t values[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all_kw_array(n_args, n_kw, args, MP_ARRAY_SIZE(allowed), allowed, values);
    return option_new(values[0].u_obj, option_value(values[1].u_obj));
}

static void option_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    option_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_obj_t *slot = attr == MP_QSTR_number ? &self->number : attr == MP_QSTR_buffer ? &self->buffer : NULL;
    if (slot == NULL) {
        return;
    }
    if (dest[0] == MP_OBJ_NULL) {
        dest[0] = *slot;
    } else if (dest[1] != MP_OBJ_NULL) {
        *slot = dest[1];
        dest[0] = MP_OBJ_NULL;
    }
}

static void option_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    option_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_print_str(print, "CoapOption(");
    mp_obj_print_helper(print, self->number, PRINT_REPR);
    mp_print_str(print, ", ");
    mp_obj_print_helper(print, self->buffer, PRINT_REPR);
    mp_print_str(print, ")");
}

MP_DEFINE_CONST_OBJ_TYPE(
    microcoapy_option_type, MP_QSTR_CoapOption, MP_TYPE_FLAG_NONE,
    make_new, option_make_new,
    attr, option_attr,
    print, option_print
    );

// ---- CoapPacket ------------------------------------------------------------------------------

static packet_obj_t *packet_new(void) {
    packet_obj_t *self = mp_obj_malloc(packet_obj_t, &microcoapy_packet_type);
    self->version = MP_OBJ_NEW_SMALL_INT(microcoapy_protocol_version);
    self->type = MP_OBJ_NEW_SMALL_INT(microcoapy_type_con);
    self->method = MP_OBJ_NEW_SMALL_INT(microcoapy_method_get);
    self->token = mp_const_empty_bytes;
    self->payload = mp_const_empty_bytes;
    self->messageid = MP_OBJ_NEW_SMALL_INT(0);
    self->content_format = MP_OBJ_NEW_SMALL_INT(MCOAP_CONTENT_FORMAT_NONE);
    self->query = MP_OBJ_NULL;
    self->options = MP_OBJ_NULL;
    self->raw_options = mp_const_empty_bytes;
    return self;
}

mp_obj_t microcoapy_packet_from_event(const mcoap_event *event) {
    packet_obj_t *self = packet_new();
    self->type = MP_OBJ_NEW_SMALL_INT(event->message_type);
    self->method = MP_OBJ_NEW_SMALL_INT(event->code);
    self->messageid = MP_OBJ_NEW_SMALL_INT(event->message_id);
    self->content_format = MP_OBJ_NEW_SMALL_INT(event->content_format);
    self->token = new_bytes(event->token, event->token_len);
    self->payload = new_bytes(event->payload, event->payload_len);
    self->raw_options = new_bytes(event->options, event->options_len);
    return MP_OBJ_FROM_PTR(self);
}

// CoapPacket()
static mp_obj_t packet_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    (void)type;
    (void)args;
    mp_arg_check_num(n_args, n_kw, 0, 0, false);
    return MP_OBJ_FROM_PTR(packet_new());
}

static mp_obj_t packet_options(packet_obj_t *self) {
    if (self->options == MP_OBJ_NULL) {
        mp_obj_t list = mp_obj_new_list(0, NULL);
        size_t len;
        const uint8_t *raw = (const uint8_t *)mp_obj_str_get_data(self->raw_options, &len);
        mcoap_option_cursor cursor = { 0, 0 };
        uint32_t number;
        const uint8_t *value;
        size_t value_len;
        while (mcoap_options_next(raw, len, &cursor, &number, &value, &value_len) == MCOAP_OK) {
            mp_obj_list_append(list, option_new(MP_OBJ_NEW_SMALL_INT(number), new_bytes(value, value_len)));
        }
        self->options = list;
    }
    return self->options;
}

static mp_obj_t packet_query(packet_obj_t *self) {
    if (self->query == MP_OBJ_NULL) {
        size_t len, query_len = 0;
        const uint8_t *raw = (const uint8_t *)mp_obj_str_get_data(self->raw_options, &len);
        mcoap_options_query(raw, len, NULL, 0, &query_len);
        if (query_len == 0) {
            return self->query = mp_const_empty_bytes;
        }
        vstr_t query;
        vstr_init_len(&query, query_len);
        mcoap_options_query(raw, len, (uint8_t *)query.buf, query_len, &query_len);
        self->query = mp_obj_new_bytes_from_vstr(&query);
    }
    return self->query;
}

// The payload as text: str(payload, "utf-8"), which raises UnicodeError for what is none.
static mp_obj_t packet_text(packet_obj_t *self) {
    mp_buffer_info_t buffer;
    microcoapy_bytes_arg(self->payload, MP_QSTR_payload, &buffer);
    return buffer.len == 0 ? MP_OBJ_NEW_QSTR(MP_QSTR_) : mp_obj_new_str(buffer.buf, buffer.len);
}

static mp_obj_t *packet_slot(packet_obj_t *self, qstr attr) {
    switch (attr) {
        case MP_QSTR_version:
            return &self->version;
        case MP_QSTR_type:
            return &self->type;
        case MP_QSTR_method:
            return &self->method;
        case MP_QSTR_token:
            return &self->token;
        case MP_QSTR_payload:
            return &self->payload;
        case MP_QSTR_messageid:
            return &self->messageid;
        case MP_QSTR_content_format:
            return &self->content_format;
        case MP_QSTR_query:
            return &self->query;
        case MP_QSTR_options:
            return &self->options;
        default:
            return NULL;
    }
}

static void packet_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    packet_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_obj_t *slot = packet_slot(self, attr);
    if (dest[0] == MP_OBJ_NULL) {
        if (attr == MP_QSTR_options) {
            dest[0] = packet_options(self);
        } else if (attr == MP_QSTR_query) {
            dest[0] = packet_query(self);
        } else if (attr == MP_QSTR_text) {
            dest[0] = packet_text(self);
        } else if (slot != NULL) {
            dest[0] = *slot;
        } else {
            dest[1] = MP_OBJ_SENTINEL; // a method
        }
    } else if (slot != NULL && dest[1] != MP_OBJ_NULL) {
        *slot = dest[1];
        dest[0] = MP_OBJ_NULL;
    }
}

// addOption(number, payload)
static mp_obj_t packet_add_option(mp_obj_t self_in, mp_obj_t number, mp_obj_t payload) {
    packet_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_obj_t option = option_new(
        MP_OBJ_NEW_SMALL_INT(microcoapy_int_arg(number, MP_QSTR_number, 0, UINT16_MAX)), option_value(payload));
    mp_obj_t append[3];
    mp_load_method(packet_options(self), MP_QSTR_append, append);
    append[2] = option;
    mp_call_method_n_kw(1, 0, append);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(packet_add_option_obj, packet_add_option);

// setUriHost(address)
static mp_obj_t packet_set_uri_host(mp_obj_t self_in, mp_obj_t address) {
    if (!mp_obj_is_str(address)) {
        microcoapy_bad_type(MP_QSTR_address);
    }
    return packet_add_option(self_in, MP_OBJ_NEW_SMALL_INT(microcoapy_option_uri_host), address);
}
static MP_DEFINE_CONST_FUN_OBJ_2(packet_set_uri_host_obj, packet_set_uri_host);

// setUriPath(url): one option per segment; a leading slash starts the first one.
static mp_obj_t packet_set_uri_path(mp_obj_t self_in, mp_obj_t url) {
    if (!mp_obj_is_str(url)) {
        microcoapy_bad_type(MP_QSTR_url);
    }
    size_t len;
    const char *path = mp_obj_str_get_data(url, &len);
    const char *end = path + len;
    if (path < end && *path == '/') {
        path++;
    }
    while (path < end) {
        const char *slash = memchr(path, '/', end - path);
        const char *stop = slash == NULL ? end : slash;
        packet_add_option(self_in, MP_OBJ_NEW_SMALL_INT(microcoapy_option_uri_path),
            new_bytes((const uint8_t *)path, stop - path));
        path = slash == NULL ? end : slash + 1;
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(packet_set_uri_path_obj, packet_set_uri_path);

static const char *type_name(mp_obj_t type) {
    static const char names[][8] = { "CON", "NONCON", "ACK", "RESET" };
    mp_int_t number = mp_obj_is_small_int(type) ? MP_OBJ_SMALL_INT_VALUE(type) : -1;
    return number >= 0 && number < (mp_int_t)MP_ARRAY_SIZE(names) ? names[number] : "INVALID";
}

static void packet_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    packet_obj_t *self = MP_OBJ_TO_PTR(self_in);
    unsigned class_, detail;
    microcoapy_code_split(mp_obj_get_int(self->method), &class_, &detail);
    mp_printf(print, "type: %s, method: %u.%02u, messageid: ", type_name(self->type), class_, detail);
    mp_obj_print_helper(print, self->messageid, PRINT_STR);
    mp_print_str(print, ", payload: ");
    mp_obj_print_helper(print, self->payload, PRINT_REPR);
}

// toString() -> "type: CON, method: 2.05, messageid: 123, payload: b'..'"
static mp_obj_t packet_to_string(mp_obj_t self_in) {
    vstr_t text;
    mp_print_t print;
    vstr_init_print(&text, 64, &print);
    packet_print(&print, self_in, PRINT_STR);
    return mp_obj_new_str_from_vstr(&text);
}
static MP_DEFINE_CONST_FUN_OBJ_1(packet_to_string_obj, packet_to_string);

static const mp_rom_map_elem_t packet_table[] = {
    { MP_ROM_QSTR(MP_QSTR_addOption), MP_ROM_PTR(&packet_add_option_obj) },
    { MP_ROM_QSTR(MP_QSTR_setUriHost), MP_ROM_PTR(&packet_set_uri_host_obj) },
    { MP_ROM_QSTR(MP_QSTR_setUriPath), MP_ROM_PTR(&packet_set_uri_path_obj) },
    { MP_ROM_QSTR(MP_QSTR_toString), MP_ROM_PTR(&packet_to_string_obj) },
};
static MP_DEFINE_CONST_DICT(packet_dict, packet_table);

MP_DEFINE_CONST_OBJ_TYPE(
    microcoapy_packet_type, MP_QSTR_CoapPacket, MP_TYPE_FLAG_NONE,
    make_new, packet_make_new,
    attr, packet_attr,
    print, packet_print,
    locals_dict, &packet_dict
    );
