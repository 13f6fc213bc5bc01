// SPDX-License-Identifier: MIT
//
// The methods of Coap that send. All of them collect what the program gave, Python objects and
// their errors first, and then hand it to the engine in one go: no Python code runs between
// the begin of a draft and its end.

#include <string.h>

#include "shim.h"

// What a message is made of, as the program gave it.
typedef struct {
    mp_obj_t ip;
    mp_obj_t url; // or None
    mp_obj_t token;
    mp_obj_t payload;
    mp_obj_t query;
    mp_obj_t *options; // number, value, number, value...
    size_t n_options;
    mp_int_t port;
    mp_int_t content_format;
    mp_int_t message_id; // of the request to answer, or -1; afterwards the one it was sent with
    uint8_t type;
    uint8_t code;
} message_t;

// The same once nothing of it can fail in Python any more. The objects above keep the bytes alive.
typedef struct {
    peer_t peer;
    mp_buffer_info_t host, url, token, payload, query;
    uint8_t entropy[MCOAP_ENTROPY_LEN];
} draft_t;

static mp_obj_t url_arg(mp_obj_t value) {
    if (!mp_obj_is_str(value)) {
        microcoapy_bad_type(MP_QSTR_url);
    }
    return value;
}

static mp_int_t content_format_arg(mp_obj_t value) {
    return microcoapy_int_arg(value, MP_QSTR_content_format, MCOAP_CONTENT_FORMAT_NONE, UINT16_MAX);
}

// Checks every argument, then finds the peer. False if it cannot be reached.
static bool prepare(coap_obj_t *self, const message_t *message, draft_t *draft) {
    microcoapy_bytes_arg(message->token, MP_QSTR_token, &draft->token);
    microcoapy_bytes_arg(message->payload, MP_QSTR_payload, &draft->payload);
    microcoapy_bytes_arg(message->query, MP_QSTR_query_option, &draft->query);
    if (draft->token.len > MCOAP_TOKEN_MAX) {
        microcoapy_bad_value(MP_QSTR_token);
    }
    if (self->link == LINK_NONE || !microcoapy_peer_from_args(self, message->ip, message->port, &draft->peer)) {
        return false;
    }
    microcoapy_entropy(draft->entropy, sizeof(draft->entropy));
    // Finding the peer may have run Python code, which may have moved a bytearray's bytes.
    microcoapy_bytes_arg(mp_obj_is_str(message->ip) ? message->ip : mp_const_none, MP_QSTR_ip, &draft->host);
    microcoapy_bytes_arg(message->url, MP_QSTR_url, &draft->url);
    microcoapy_bytes_arg(message->token, MP_QSTR_token, &draft->token);
    microcoapy_bytes_arg(message->payload, MP_QSTR_payload, &draft->payload);
    microcoapy_bytes_arg(message->query, MP_QSTR_query_option, &draft->query);
    return self->link != LINK_NONE;
}

static mcoap_result add_options(coap_obj_t *self, const message_t *message) {
    for (size_t i = 0; i < message->n_options; i++) {
        mp_buffer_info_t value;
        microcoapy_bytes_arg(message->options[2 * i + 1], MP_QSTR_options, &value);
        mcoap_result result = mcoap_draft_option(self->endpoint,
            MP_OBJ_SMALL_INT_VALUE(message->options[2 * i]), value.buf, value.len);
        if (result != MCOAP_OK) {
            return result;
        }
    }
    return MCOAP_OK;
}

// What requests and responses have in common.
static mcoap_result add_body(coap_obj_t *self, const message_t *message, const draft_t *draft) {
    mcoap_result result = add_options(self, message);
    if (result == MCOAP_OK && message->content_format != MCOAP_CONTENT_FORMAT_NONE) {
        result = mcoap_draft_content_format(self->endpoint, message->content_format);
    }
    if (result == MCOAP_OK && draft->payload.len != 0) {
        result = mcoap_draft_payload(self->endpoint, draft->payload.buf, draft->payload.len);
    }
    return result;
}

static mcoap_result add_target(coap_obj_t *self, const draft_t *draft) {
    mcoap_result result = MCOAP_OK;
    if (draft->host.len != 0) {
        result = mcoap_draft_uri_host(self->endpoint, draft->host.buf, draft->host.len);
        if (result == MCOAP_ERR_OPTION) {
            microcoapy_bad_value(MP_QSTR_ip);
        }
        // A ping goes to a host, too, but cannot say its name.
        result = result == MCOAP_ERR_TYPE ? MCOAP_OK : result;
    }
    if (result == MCOAP_OK && draft->url.len != 0) {
        result = mcoap_draft_uri_path(self->endpoint, draft->url.buf, draft->url.len);
    }
    if (result == MCOAP_OK && draft->query.len != 0) {
        result = mcoap_draft_uri_query(self->endpoint, draft->query.buf, draft->query.len);
        if (result == MCOAP_ERR_URI) {
            mp_raise_ValueError(MP_ERROR_TEXT("query_option: malformed"));
        }
    }
    return result;
}

// Returns the number of bytes, or 0.
static size_t send_request(coap_obj_t *self, message_t *message, const draft_t *draft) {
    mcoap_handle exchange;
    size_t len;
    uint16_t message_id;
    mcoap_result result = add_target(self, draft);
    if (result == MCOAP_OK) {
        result = add_body(self, message, draft);
    }
    if (result == MCOAP_OK) {
        result = mcoap_request_send(self->endpoint, microcoapy_now(), draft->peer.bytes, draft->peer.len,
            &exchange, &len, &message_id);
    }
    if (!microcoapy_sendable(result)) {
        return 0;
    }
    message->message_id = message_id;
    if (!microcoapy_flush(self, exchange)) {
        mcoap_exchange_cancel(self->endpoint, microcoapy_now(), exchange);
        return 0;
    }
    return len;
}

static mcoap_result find_by_id(coap_obj_t *self, const message_t *message, const draft_t *draft, mcoap_handle *request) {
    if (message->message_id < 0) {
        return MCOAP_ERR_STALE;
    }
    return mcoap_request_find(self->endpoint, draft->peer.bytes, draft->peer.len, message->message_id, request);
}

static mcoap_result find_by_token(coap_obj_t *self, const draft_t *draft, mcoap_handle *request) {
    return mcoap_request_find_token(self->endpoint, draft->peer.bytes, draft->peer.len,
        draft->token.buf, draft->token.len, request);
}

static size_t send_answer(coap_obj_t *self, const message_t *message, const draft_t *draft, mcoap_handle request) {
    size_t len;
    mcoap_result result = mcoap_response_begin(self->endpoint, request, message->type, message->code);
    if (result == MCOAP_OK) {
        result = add_body(self, message, draft);
    }
    if (result == MCOAP_OK) {
        result = mcoap_response_send(self->endpoint, microcoapy_now(), &len);
    }
    if (!microcoapy_sendable(result)) {
        return 0;
    }
    microcoapy_flush(self, 0);
    return len;
}

// Sends a request, or what the engine says can only be an answer. Returns the number of bytes, or 0.
static size_t send_message(coap_obj_t *self, message_t *message) {
    draft_t draft;
    // A program may send for long without polling: what has waited for its turn goes first.
    mcoap_endpoint_handle_timeout(self->endpoint, microcoapy_now());
    microcoapy_flush(self, 0);
    if (!prepare(self, message, &draft)) {
        return 0;
    }
    // No token at all was asked for with None; an empty one means that the engine draws it.
    bool drawn = message->token != mp_const_none && draft.token.len == 0;
    const uint8_t *token = draft.token.len != 0 ? draft.token.buf : draft.entropy;
    mcoap_result result = mcoap_request_begin(self->endpoint, message->type, message->code,
        drawn ? NULL : token, draft.token.len, draft.entropy, sizeof(draft.entropy));
    mcoap_handle request;
    if (result == MCOAP_ERR_TYPE && (find_by_id(self, message, &draft, &request) == MCOAP_OK
                                     || find_by_token(self, &draft, &request) == MCOAP_OK)) {
        return send_answer(self, message, &draft, request);
    }
    return microcoapy_sendable(result) ? send_request(self, message, &draft) : 0;
}

static void message_init(message_t *message, mp_obj_t ip, mp_obj_t port) {
    memset(message, 0, sizeof(*message));
    message->ip = ip;
    message->port = microcoapy_int_arg(port, MP_QSTR_port, 0, UINT16_MAX);
    message->url = mp_const_none;
    message->token = mp_const_empty_bytes;
    message->payload = mp_const_none;
    message->query = mp_const_none;
    message->content_format = MCOAP_CONTENT_FORMAT_NONE;
    message->message_id = -1;
    message->type = microcoapy_type_con;
}

#define REQUIRED(name) { MP_QSTR_##name, MP_ARG_OBJ | MP_ARG_REQUIRED, { .u_obj = MP_OBJ_NULL } }
#define OPTIONAL(name, value) { MP_QSTR_##name, MP_ARG_OBJ, { .u_rom_obj = value } }
#define EMPTY_BYTES MP_ROM_PTR(&mp_const_empty_bytes_obj)
#define NO_FORMAT MP_ROM_INT(MCOAP_CONTENT_FORMAT_NONE)

// Parses the arguments after self into objects.
#define PARSE(allowed, out) \
    mp_arg_val_t out[MP_ARRAY_SIZE(allowed)]; \
    mp_arg_parse_all(n_args - 1, args + 1, kwargs, MP_ARRAY_SIZE(allowed), allowed, out)

// ---- get, delete, put, post --------------------------------------------------------------------

// get(ip, port, url, token=b"")
static mp_obj_t request_without_body(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs, uint8_t type, uint8_t code) {
    static const mp_arg_t allowed[] = {
        REQUIRED(ip), REQUIRED(port), REQUIRED(url), OPTIONAL(token, EMPTY_BYTES),
    };
    PARSE(allowed, value);
    message_t message;
    message_init(&message, value[0].u_obj, value[1].u_obj);
    message.url = url_arg(value[2].u_obj);
    message.token = value[3].u_obj;
    message.type = type;
    message.code = code;
    return mp_obj_new_int_from_uint(send_message(MP_OBJ_TO_PTR(args[0]), &message));
}

// put(ip, port, url, payload=b"", query_option=None, content_format=COAP_NONE, token=b"")
static mp_obj_t request_with_body(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs, uint8_t type, uint8_t code) {
    static const mp_arg_t allowed[] = {
        REQUIRED(ip), REQUIRED(port), REQUIRED(url), OPTIONAL(payload, EMPTY_BYTES),
        OPTIONAL(query_option, MP_ROM_NONE), OPTIONAL(content_format, NO_FORMAT), OPTIONAL(token, EMPTY_BYTES),
    };
    PARSE(allowed, value);
    message_t message;
    message_init(&message, value[0].u_obj, value[1].u_obj);
    message.url = url_arg(value[2].u_obj);
    message.payload = value[3].u_obj;
    message.query = value[4].u_obj;
    message.content_format = content_format_arg(value[5].u_obj);
    message.token = value[6].u_obj;
    message.type = type;
    message.code = code;
    return mp_obj_new_int_from_uint(send_message(MP_OBJ_TO_PTR(args[0]), &message));
}

#define REQUEST_METHOD(name, form, message_type, method) \
    static mp_obj_t name(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) { \
        return form(n_args, args, kwargs, message_type, method); \
    } \
    MP_DEFINE_CONST_FUN_OBJ_KW(microcoapy_##name##_obj, 1, name)

REQUEST_METHOD(get, request_without_body, microcoapy_type_con, microcoapy_method_get);
REQUEST_METHOD(get_non, request_without_body, microcoapy_type_non, microcoapy_method_get);
REQUEST_METHOD(delete, request_without_body, microcoapy_type_con, microcoapy_method_delete);
REQUEST_METHOD(delete_non, request_without_body, microcoapy_type_non, microcoapy_method_delete);
REQUEST_METHOD(put, request_with_body, microcoapy_type_con, microcoapy_method_put);
REQUEST_METHOD(put_non, request_with_body, microcoapy_type_non, microcoapy_method_put);
REQUEST_METHOD(post, request_with_body, microcoapy_type_con, microcoapy_method_post);
REQUEST_METHOD(post_non, request_with_body, microcoapy_type_non, microcoapy_method_post);

// ---- the general forms -------------------------------------------------------------------------

// send(ip, port, url, type, method, token, payload, content_format, query_option)
static mp_obj_t send_general(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    static const mp_arg_t allowed[] = {
        REQUIRED(ip), REQUIRED(port), REQUIRED(url), REQUIRED(type), REQUIRED(method),
        OPTIONAL(token, EMPTY_BYTES), OPTIONAL(payload, EMPTY_BYTES), OPTIONAL(content_format, NO_FORMAT),
        OPTIONAL(query_option, MP_ROM_NONE),
    };
    PARSE(allowed, value);
    message_t message;
    message_init(&message, value[0].u_obj, value[1].u_obj);
    message.url = url_arg(value[2].u_obj);
    message.type = microcoapy_int_arg(value[3].u_obj, MP_QSTR_type, 0, microcoapy_type_max);
    message.code = microcoapy_int_arg(value[4].u_obj, MP_QSTR_method, 0, UINT8_MAX);
    message.token = value[5].u_obj;
    message.payload = value[6].u_obj;
    message.content_format = content_format_arg(value[7].u_obj);
    message.query = value[8].u_obj;
    return mp_obj_new_int_from_uint(send_message(MP_OBJ_TO_PTR(args[0]), &message));
}
MP_DEFINE_CONST_FUN_OBJ_KW(microcoapy_send_obj, 1, send_general);

// The options of a packet as pairs of number and value, checked.
static void collect_options(message_t *message, mp_obj_t options) {
    size_t len;
    mp_obj_t *items;
    if (options == mp_const_none) {
        return;
    }
    if (!mp_obj_is_type(options, &mp_type_list) && !mp_obj_is_type(options, &mp_type_tuple)) {
        microcoapy_bad_type(MP_QSTR_options);
    }
    mp_obj_get_array(options, &len, &items);
    message->options = len == 0 ? NULL : m_new(mp_obj_t, 2 * len);
    // Reading an attribute may run Python code that changes the list.
    for (size_t i = 0; i < len; i++) {
        size_t len_now;
        mp_obj_get_array(options, &len_now, &items);
        if (i >= len_now) {
            break;
        }
        mp_obj_t item = items[i];
        mp_obj_t number = mp_load_attr(item, MP_QSTR_number);
        mp_obj_t value = mp_load_attr(item, MP_QSTR_buffer);
        mp_buffer_info_t buffer;
        microcoapy_int_arg(number, MP_QSTR_options, 0, UINT16_MAX);
        microcoapy_bytes_arg(value, MP_QSTR_options, &buffer);
        #if MICROCOAPY_WORD_FLASH
        // The copy for the engine must not be made while the message is being written.
        value = mp_obj_new_bytes(buffer.buf, buffer.len);
        #endif
        message->options[2 * i] = number;
        message->options[2 * i + 1] = value;
        message->n_options = i + 1;
    }
}

static mp_obj_t packet_attr(mp_obj_t packet, qstr attr) {
    mp_obj_t found[2];
    mp_load_method_maybe(packet, attr, found);
    if (found[0] == MP_OBJ_NULL) {
        microcoapy_bad_type(MP_QSTR_packet);
    }
    return found[0];
}

// Any object with a packet's attributes will do.
static mp_obj_t send_packet_object(coap_obj_t *self, mp_obj_t ip, mp_obj_t port, mp_obj_t url, mp_obj_t packet) {
    message_t message;
    message_init(&message, ip, port);
    message.url = url;
    message.type = microcoapy_int_arg(packet_attr(packet, MP_QSTR_type), MP_QSTR_type, 0, microcoapy_type_max);
    message.code = microcoapy_int_arg(packet_attr(packet, MP_QSTR_method), MP_QSTR_method, 0, UINT8_MAX);
    message.message_id =
        microcoapy_int_arg(packet_attr(packet, MP_QSTR_messageid), MP_QSTR_messageid, 0, UINT16_MAX);
    message.content_format = content_format_arg(packet_attr(packet, MP_QSTR_content_format));
    message.token = packet_attr(packet, MP_QSTR_token);
    message.payload = packet_attr(packet, MP_QSTR_payload);
    message.query = packet_attr(packet, MP_QSTR_query);
    collect_options(&message, packet_attr(packet, MP_QSTR_options));
    size_t len = send_message(self, &message);
    if (len != 0) {
        mp_store_attr(packet, MP_QSTR_messageid, MP_OBJ_NEW_SMALL_INT(message.message_id));
    }
    return mp_obj_new_int_from_uint(len);
}

// sendEx(ip, port, url, packet)
static mp_obj_t send_ex(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    static const mp_arg_t allowed[] = { REQUIRED(ip), REQUIRED(port), REQUIRED(url), REQUIRED(packet) };
    PARSE(allowed, value);
    return send_packet_object(
        MP_OBJ_TO_PTR(args[0]), value[0].u_obj, value[1].u_obj, url_arg(value[2].u_obj), value[3].u_obj);
}
MP_DEFINE_CONST_FUN_OBJ_KW(microcoapy_send_ex_obj, 1, send_ex);

// sendPacket(ip, port, packet)
static mp_obj_t send_packet(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    static const mp_arg_t allowed[] = { REQUIRED(ip), REQUIRED(port), REQUIRED(packet) };
    PARSE(allowed, value);
    return send_packet_object(MP_OBJ_TO_PTR(args[0]), value[0].u_obj, value[1].u_obj, mp_const_none, value[2].u_obj);
}
MP_DEFINE_CONST_FUN_OBJ_KW(microcoapy_send_packet_obj, 1, send_packet);

// sendResponse(ip, port, messageid, payload, method, content_format, token)
static mp_obj_t send_response(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    static const mp_arg_t allowed[] = {
        REQUIRED(ip), REQUIRED(port), REQUIRED(messageid), REQUIRED(payload), REQUIRED(method),
        OPTIONAL(content_format, NO_FORMAT), OPTIONAL(token, EMPTY_BYTES),
    };
    PARSE(allowed, value);
    message_t message;
    message_init(&message, value[0].u_obj, value[1].u_obj);
    message.message_id = microcoapy_int_arg(value[2].u_obj, MP_QSTR_messageid, 0, UINT16_MAX);
    message.payload = value[3].u_obj;
    message.code = microcoapy_int_arg(value[4].u_obj, MP_QSTR_method, 0, UINT8_MAX);
    message.content_format = content_format_arg(value[5].u_obj);
    message.token = value[6].u_obj;
    coap_obj_t *self = MP_OBJ_TO_PTR(args[0]);
    draft_t draft;
    mcoap_handle request;
    // The answer carries the request's own token, whatever is given here.
    if (!prepare(self, &message, &draft) || find_by_id(self, &message, &draft, &request) != MCOAP_OK) {
        return MP_OBJ_NEW_SMALL_INT(0);
    }
    return mp_obj_new_int_from_uint(send_answer(self, &message, &draft, request));
}
MP_DEFINE_CONST_FUN_OBJ_KW(microcoapy_send_response_obj, 1, send_response);
