// SPDX-License-Identifier: MIT
//
// CoapPacket and CoapOption. A received packet keeps the option bytes as they came; the list of
// options and the query are only made when a program looks at them.

#include <string.h>

#include "py/objstr.h"
#include "protocol.h"
#include "shim.h"
#include "tables/packet_names.h"

typedef struct _option_obj_t {
    mp_obj_base_t base;
    mp_obj_t number; // and the next: as in option_names
    mp_obj_t buffer;
} option_obj_t;

// As mp_obj_new_bytes, which goes through all bytes once more for a hash that is rarely asked for.
static mp_obj_t new_bytes(const uint8_t *data, size_t len) {
    if (len == 0) {
        return mp_const_empty_bytes;
    }
    byte *copy = m_new(byte, len + 1);
    memcpy(copy, data, len);
    copy[len] = 0;
    mp_obj_str_t *self = mp_obj_malloc(mp_obj_str_t, &mp_type_bytes);
    self->hash = 0; // not known
    self->len = len;
    self->data = copy;
    return MP_OBJ_FROM_PTR(self);
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
    if (value != MP_OBJ_NULL && mp_obj_is_type(value, &mp_type_bytes)) {
        return value;
    }
    mp_buffer_info_t buffer;
    microcoapy_bytes_arg(value, MP_QSTR_payload, &buffer);
    return new_bytes(buffer.buf, buffer.len);
}

// CoapOption(number=-1, buffer=b"")
static mp_obj_t option_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    (void)type;
    mp_obj_t value[MP_ARRAY_SIZE(option_names)];
    microcoapy_parse(option_names, SHAPE(MP_ARRAY_SIZE(option_names), 0, 2), value, n_args, n_kw, args);
    mp_obj_t number = value[0] == MP_OBJ_NULL ? MP_OBJ_NEW_SMALL_INT(-1) : value[0];
    return option_new(number, option_value(value[1]));
}

static void option_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    option_obj_t *self = MP_OBJ_TO_PTR(self_in);
    microcoapy_slot_attr(option_names, MP_ARRAY_SIZE(option_names), &self->number, attr, dest);
}

static void option_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    option_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_print_str(print, "CoapOption");
    mp_obj_print_helper(print, mp_obj_new_tuple(2, &self->number), PRINT_REPR);
}

// ---- CoapPacket ------------------------------------------------------------------------------

void *microcoapy_packet_new(size_t size, const mp_obj_type_t *type, const mcoap_event *event) {
    // What most programs never look at becomes no object of its own. The token's bytes stand apart: a place of one block
    // is where MicroPython's allocator goes on from. If there were none, it would search ever longer.
    uint8_t *token = m_new(uint8_t, sizeof(event->token));
    packet_obj_t *self = m_malloc0(size + event->options_len);
    uint8_t *options = (uint8_t *)self + size;
    memcpy(token, event->token, event->token_len);
    for (size_t i = 0; i < event->options_len; i++) {
        options[i] = event->options[i];
    }
    self->token_bytes = token;
    self->token_len = event->token_len;
    self->raw_options = options;
    self->options_len = event->options_len;
    self->base.type = type;
    self->version = MP_OBJ_NEW_SMALL_INT(PROTOCOL_VERSION);
    self->type = MP_OBJ_NEW_SMALL_INT(event->message_type);
    self->method = MP_OBJ_NEW_SMALL_INT(event->code);
    self->messageid = MP_OBJ_NEW_SMALL_INT(event->message_id);
    self->content_format = MP_OBJ_NEW_SMALL_INT(event->content_format);
    self->payload = new_bytes(event->payload, event->payload_len);
    return self;
}

mp_obj_t microcoapy_packet_from_event(const mcoap_event *event) {
    return MP_OBJ_FROM_PTR(microcoapy_packet_new(sizeof(packet_obj_t), &microcoapy_packet_type, event));
}

// CoapPacket()
static mp_obj_t packet_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    (void)type;
    (void)args;
    mp_arg_check_num(n_args, n_kw, 0, 0, false);
    mcoap_event blank = { .code = METHOD_GET, .content_format = MCOAP_CONTENT_FORMAT_NONE };
    return microcoapy_packet_from_event(&blank);
}

static mp_obj_t packet_options(packet_obj_t *self) {
    if (self->options == MP_OBJ_NULL) {
        mp_obj_t list = mp_obj_new_list(0, NULL);
        mcoap_option_cursor cursor = { 0, 0 };
        uint32_t number;
        const uint8_t *value;
        size_t value_len;
        while (mcoap_options_next(self->raw_options, self->options_len, &cursor, &number, &value, &value_len) == MCOAP_OK) {
            mp_obj_list_append(list, option_new(MP_OBJ_NEW_SMALL_INT(number), new_bytes(value, value_len)));
        }
        self->options = list;
    }
    return self->options;
}

static mp_obj_t packet_query(packet_obj_t *self) {
    if (self->query == MP_OBJ_NULL) {
        vstr_t query;
        size_t len = self->options_len; // the options are longer than what they carry
        vstr_init_len(&query, len);
        mcoap_options_query(self->raw_options, len, (uint8_t *)query.buf, len, &query.len);
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

void microcoapy_packet_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    packet_obj_t *self = MP_OBJ_TO_PTR(self_in);
    bool load = dest[0] == MP_OBJ_NULL;
    if (attr == MP_QSTR_code) {
        attr = MP_QSTR_method; // as the modern layer calls it
    }
    if (load && attr == MP_QSTR_text) {
        dest[0] = packet_text(self);
        return;
    }
    if (load && attr == MP_QSTR_token && self->token == MP_OBJ_NULL) {
        self->token = new_bytes(self->token_bytes, self->token_len);
    }
    if (load && attr == MP_QSTR_options) {
        packet_options(self);
    }
    if (load && attr == MP_QSTR_query) {
        packet_query(self);
    }
    if (!microcoapy_slot_attr(packet_names, MP_ARRAY_SIZE(packet_names), &self->version, attr, dest)
        && !microcoapy_own_attr(&self->own, attr, dest) && load) {
        dest[1] = MP_OBJ_SENTINEL; // a method
    }
}

// addOption(number, payload)
static mp_obj_t packet_add_option(mp_obj_t self_in, mp_obj_t number, mp_obj_t payload) {
    packet_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_obj_t option = option_new(
        MP_OBJ_NEW_SMALL_INT(microcoapy_int_arg(number, MP_QSTR_number, 0, UINT16_MAX)), option_value(payload));
    microcoapy_call(packet_options(self), MP_QSTR_append, 1, option, MP_OBJ_NULL);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(packet_add_option_obj, packet_add_option);

// setUriHost(address)
static mp_obj_t packet_set_uri_host(mp_obj_t self_in, mp_obj_t address) {
    microcoapy_str_arg(address, MP_QSTR_address);
    return packet_add_option(self_in, MP_OBJ_NEW_SMALL_INT(OPTION_URI_HOST), address);
}
static MP_DEFINE_CONST_FUN_OBJ_2(packet_set_uri_host_obj, packet_set_uri_host);

// setUriPath(url): one option per segment; a leading slash starts the first one.
static mp_obj_t packet_set_uri_path(mp_obj_t self_in, mp_obj_t url) {
    microcoapy_str_arg(url, MP_QSTR_url);
    size_t len;
    const char *path = mp_obj_str_get_data(url, &len);
    const char *end = path + len;
    if (path < end && *path == '/') {
        path++;
    }
    while (path < end) {
        const char *segment = path;
        while (path < end && *path != '/') {
            path++;
        }
        packet_add_option(self_in, MP_OBJ_NEW_SMALL_INT(OPTION_URI_PATH),
            new_bytes((const uint8_t *)segment, path - segment));
        path++; // the slash, or past the end
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(packet_set_uri_path_obj, packet_set_uri_path);

// setObserve(value): the Observe option, RFC 7641 section 2
static mp_obj_t packet_set_observe(mp_obj_t self_in, mp_obj_t value) {
    return packet_add_option(self_in, MP_OBJ_NEW_SMALL_INT(OPTION_OBSERVE),
        microcoapy_uint_value(value, MP_QSTR_value, OBSERVE_MAX));
}
static MP_DEFINE_CONST_FUN_OBJ_2(packet_set_observe_obj, packet_set_observe);

// getObserveValue() -> the value of the Observe option, or None
static mp_obj_t packet_get_observe_value(mp_obj_t self_in) {
    size_t len;
    mp_obj_t *items;
    if (!microcoapy_items(packet_options(MP_OBJ_TO_PTR(self_in)), &len, &items)) {
        return mp_const_none; // the program has put something else there
    }
    for (size_t i = 0; i < len; i++) {
        mp_buffer_info_t buffer;
        if (!mp_obj_is_type(items[i], &microcoapy_option_type)) {
            continue;
        }
        option_obj_t *option = MP_OBJ_TO_PTR(items[i]);
        if (option->number == MP_OBJ_NEW_SMALL_INT(OPTION_OBSERVE)
            && mp_get_buffer(option->buffer, &buffer, MP_BUFFER_READ) && buffer.len <= sizeof(uint32_t)) {
            uint32_t value = 0;
            for (size_t at = 0; at < buffer.len; at++) {
                value = value << 8 | ((const uint8_t *)buffer.buf)[at];
            }
            return mp_obj_new_int_from_uint(value);
        }
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(packet_get_observe_value_obj, packet_get_observe_value);

static const char *type_name(mp_obj_t type) {
    static const char names[][8] = { "CON", "NONCON", "ACK", "RESET" };
    mp_int_t number = mp_obj_is_small_int(type) ? MP_OBJ_SMALL_INT_VALUE(type) : -1;
    return number >= 0 && number < (mp_int_t)MP_ARRAY_SIZE(names) ? names[number] : "INVALID";
}

static void packet_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    packet_obj_t *self = MP_OBJ_TO_PTR(self_in);
    unsigned code = mp_obj_get_int(self->method);
    mp_printf(print, "type: %s, method: %u.%02u, messageid: ", type_name(self->type),
        CODE_CLASS(code), CODE_DETAIL(code));
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

#include "tables/packet.h"
