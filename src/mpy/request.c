// SPDX-License-Identifier: MIT
//
// Requests of the modern layer: the destination is a URI, and what is sent an Exchange. As in send.c everything that
// can fail in Python comes first; no Python code runs between the begin of a draft and its end.

#include <string.h>

#include "py/mperrno.h"
#include "py/objstr.h"
#include "dtls.h"
#include "modern.h"
#include "protocol.h"

#if MICROCOAPY_MODERN

#include "tables/request_names.h"

static const uint16_t option_numbers[OPTION_ARGUMENTS] = {
    MCOAP_OPTION_CONTENT_FORMAT, OPTION_ACCEPT, OPTION_ETAG, OPTION_IF_MATCH, OPTION_IF_NONE_MATCH, OPTION_NO_RESPONSE,
};

// What of a request is known before its message is begun.
typedef struct {
    mcoap_uri uri;
    peer_t peer;
    options_t options;
    understood_t understood;
    mp_buffer_info_t token;
    mp_buffer_info_t etag;
    uint32_t start;      // bytes of the response that the program has already
    uint32_t block_size; // or 0
    uint32_t timeout_ms; // or 0
    vstr_t host;
    mp_obj_t name; // the host, if it is no address; or MP_OBJ_NULL
    uint8_t type;
    uint8_t code;
    bool draws_token;
    uint8_t security; // number of the context that protects it, or 0
} plan_t;

bool microcoapy_is_uri(mp_obj_t value) {
    size_t len;
    if (!microcoapy_is_str(value)) {
        return false;
    }
    const char *text = mp_obj_str_get_data(value, &len);
    for (size_t i = 0; i + 2 < len; i++) {
        if (text[i] == ':' && text[i + 1] == '/' && text[i + 2] == '/') {
            return true;
        }
    }
    return false;
}

// ---- from arguments to a plan ------------------------------------------------------------------

// Seconds, whole or not.
static uint32_t timeout_ms(mp_obj_t seconds) {
    if (!microcoapy_is_given(seconds)) {
        return 0;
    }
    #if MICROPY_PY_BUILTINS_FLOAT
    mp_float_t value;
    if (!mp_obj_get_float_maybe(seconds, &value)) {
        microcoapy_bad_type(MP_QSTR_timeout);
    }
    if (!(value >= 0 && value <= MICROPY_FLOAT_CONST(1000000.0))) {
        microcoapy_bad_value(MP_QSTR_timeout);
    }
    uint32_t milliseconds = (uint32_t)(value * MICROPY_FLOAT_CONST(1000.0));
    #else
    uint32_t milliseconds = 1000 * (uint32_t)microcoapy_int_arg(seconds, MP_QSTR_timeout, 0, 1000000);
    #endif
    return MAX(milliseconds, 1);
}

// The argument's bytes, copied: reading the other arguments may run Python code, which may change a bytearray.
static void copied_bytes_arg(mp_obj_t value, qstr argument, mp_buffer_info_t *out) {
    microcoapy_bytes_arg(value, argument, out);
    if (out->len != 0) {
        out->buf = memcpy(m_new(uint8_t, out->len), out->buf, out->len);
    }
}

// (bytes received, ETag), or an exchange that has both.
static void plan_resume(plan_t *plan, mp_obj_t resume) {
    size_t len;
    mp_obj_t *items;
    mp_obj_t received, etag;
    if (!microcoapy_is_given(resume)) {
        return;
    }
    if (microcoapy_items(resume, &len, &items)) {
        if (len != 2) {
            microcoapy_bad_value(MP_QSTR_resume);
        }
        received = items[0];
        etag = items[1];
    } else {
        received = mp_load_attr(resume, MP_QSTR_received);
        etag = mp_load_attr(resume, MP_QSTR_etag);
    }
    plan->start = microcoapy_int_arg(received, MP_QSTR_resume, 0, INT32_MAX);
    copied_bytes_arg(etag, MP_QSTR_resume, &plan->etag);
}

static void plan_destination(coap_obj_t *self, plan_t *plan, mp_obj_t uri) {
    size_t len;
    microcoapy_str_arg(uri, MP_QSTR_uri);
    const char *text = mp_obj_str_get_data(uri, &len);
    const uint8_t *bytes = microcoapy_engine_bytes(text, len);
    vstr_init_len(&plan->host, len);
    mcoap_result result = mcoap_uri_parse(bytes, len, (uint8_t *)plan->host.buf, len, &plan->uri);
    if (result != MCOAP_OK) {
        microcoapy_bad_value(MP_QSTR_uri);
    }
    if (plan->uri.secure != microcoapy_speaks_dtls(self)) {
        mp_raise_OSError(MP_EPROTONOSUPPORT);
    }
    plan->host.len = plan->uri.host_len;
    bool found = true;
    if (plan->uri.peer_len != 0) {
        plan->peer.len = plan->uri.peer_len;
        memcpy(plan->peer.bytes, plan->uri.peer, plan->uri.peer_len);
    } else {
        plan->name = mp_obj_new_str(plan->host.buf, plan->host.len);
        found = microcoapy_peer_from_args(self, plan->name, plan->uri.port, &plan->peer);
    }
    if (!found || !microcoapy_peer_reachable(self, &plan->peer)) {
        mp_raise_OSError(MP_EHOSTUNREACH);
    }
}

#if MICROCOAPY_DISCOVERY
// (ip, port), or an address as text.
static bool plan_address(coap_obj_t *self, plan_t *plan, mp_obj_t host) {
    size_t len;
    mp_obj_t *items;
    if (microcoapy_items(host, &len, &items)) {
        microcoapy_peer_from_object(self, host, &plan->peer);
        return true;
    }
    return microcoapy_is_str(host) && microcoapy_literal_peer(host, microcoapy_default_port(self), &plan->peer);
}
#endif

#if MICROCOAPY_OSCORE
// What the destination is bound to.
static uint8_t bound_security(coap_obj_t *self, const plan_t *plan) {
    return microcoapy_security_for(self, plan->name, plan->uri.port, &plan->peer);
}
#endif

// security=: a SecurityContext, False for none, or what the destination is bound to.
static void plan_security(coap_obj_t *self, plan_t *plan, const mp_obj_t *value) {
    #if MICROCOAPY_OSCORE
    mp_obj_t given = value[ARG_SECURITY];
    if (!microcoapy_is_given(given)) {
        plan->security = bound_security(self, plan);
    } else if (given != mp_const_false) {
        plan->security = microcoapy_security_number(self, given);
    }
    #else
    (void)self;
    (void)plan;
    (void)value;
    #endif
}

static void plan_options(plan_t *plan, const mp_obj_t *value) {
    for (size_t i = ARG_OPTION_FIRST; i < ARG_REQUEST_COUNT; i++) {
        microcoapy_options_append(
            &plan->options, option_numbers[i - ARG_OPTION_FIRST], value[i], argument_names[i]);
    }
    microcoapy_options_collect(&plan->options, value[ARG_OPTIONS_]);
}

static void plan_body(coap_obj_t *self, plan_t *plan, const mp_obj_t *value, exchange_obj_t *exchange) {
    mp_obj_t payload = value[ARG_PAYLOAD_], body = value[ARG_BODY];
    if (microcoapy_is_given(payload) && microcoapy_is_given(body)) {
        microcoapy_bad_value(MP_QSTR_body);
    }
    mp_buffer_info_t buffer;
    microcoapy_bytes_arg(payload, MP_QSTR_payload, &buffer); // a body may be more things than a payload
    bool is_body = microcoapy_is_given(body);
    microcoapy_source_init(&exchange->source, is_body ? body : payload, is_body ? MP_QSTR_body : MP_QSTR_payload);
    microcoapy_sink_init(&exchange->sink, value[ARG_INTO], plan->start, MP_QSTR_into);
    uint32_t block = mcoap_endpoint_block_size(self->endpoint);
    if (plan->block_size != 0) {
        block = MIN(block, plan->block_size);
    }
    microcoapy_source_prepare(&exchange->source, 0, block);
}

// ---- from a plan to the engine -----------------------------------------------------------------

static mcoap_result add_target(coap_obj_t *self, const plan_t *plan) {
    mcoap_result result = MCOAP_OK;
    if (plan->host.len != 0) {
        result = mcoap_draft_add(self->endpoint, MCOAP_PART_HOST, (const uint8_t *)plan->host.buf, plan->host.len);
    }
    if (result == MCOAP_OK && plan->uri.path_len != 0) {
        result = mcoap_draft_add(self->endpoint, MCOAP_PART_PATH, plan->uri.path, plan->uri.path_len);
    }
    return result;
}

static mcoap_result add_body(coap_obj_t *self, const plan_t *plan, exchange_obj_t *exchange) {
    const source_t *source = &exchange->source;
    uint32_t offset, most;
    if (source->object == MP_OBJ_NULL) {
        return MCOAP_OK;
    }
    mcoap_result result = mcoap_draft_body(
        self->endpoint, microcoapy_source_total(source), plan->block_size, &offset, &most);
    if (result != MCOAP_OK) {
        return result;
    }
    size_t len = most;
    bool more;
    const uint8_t *data = microcoapy_source_part(source, offset, &len, &more);
    exchange->sent = len;
    return mcoap_draft_block(self->endpoint, data, len, more);
}

static mcoap_result write_request(coap_obj_t *self, const plan_t *plan, exchange_obj_t *exchange, bool observe) {
    uint8_t entropy[MCOAP_ENTROPY_LEN];
    microcoapy_entropy(self, entropy, sizeof(entropy));
    const uint8_t *token = plan->token.len == 0 ? entropy : plan->token.buf;
    mcoap_result result = mcoap_exchange_begin(self->endpoint, plan->type, plan->code,
        plan->draws_token ? NULL : token, plan->token.len, entropy, sizeof(entropy));
    #if MICROCOAPY_OSCORE
    if (result == MCOAP_OK && plan->security != 0) {
        result = mcoap_draft_protect(self->endpoint, plan->security);
    }
    #endif
    if (result == MCOAP_OK) {
        result = add_target(self, plan);
    }
    if (result == MCOAP_OK) {
        result = microcoapy_options_add(self, &plan->options);
    }
    if (result == MCOAP_OK) {
        result = microcoapy_understood_draft(self, plan->understood);
    }
    if (result == MCOAP_OK && observe) {
        result = mcoap_draft_uint(self->endpoint, OPTION_OBSERVE, MCOAP_OBSERVE_REGISTER);
    }
    bool wants = plan->start != 0 || (plan->block_size != 0 && exchange->source.object == MP_OBJ_NULL);
    if (result == MCOAP_OK && wants && MICROCOAPY_BLOCK) {
        result = mcoap_draft_want(self->endpoint, plan->start, plan->etag.buf, plan->etag.len, plan->block_size);
    }
    return result == MCOAP_OK ? add_body(self, plan, exchange) : result;
}

// The peer becomes that of its session.
static void plan_session(coap_obj_t *self, plan_t *plan) {
    if (microcoapy_speaks_dtls(self)) {
        int error = microcoapy_dtls_connect(self, &plan->peer, plan->host.buf, plan->host.len);
        if (error != 0) {
            mp_raise_OSError(error);
        }
    }
}

static void send(coap_obj_t *self, plan_t *plan, exchange_obj_t *exchange, bool observe) {
    plan_session(self, plan);
    mcoap_result result = write_request(self, plan, exchange, observe);
    size_t len;
    uint16_t message_id;
    if (result == MCOAP_OK) {
        result = mcoap_exchange_send(self->endpoint, microcoapy_now(), plan->peer.bytes, plan->peer.len,
            &exchange->handle, &len, &message_id);
    }
    switch (result) {
        case MCOAP_ERR_RANGE:
            microcoapy_bad_value(MP_QSTR_resume);
            break;
        case MCOAP_ERR_URI:
            microcoapy_bad_value(MP_QSTR_uri);
            break;
        case MCOAP_ERR_TYPE: // RFC 7252 section 8.1: to a group, non-confirmable
            microcoapy_bad_value(MP_QSTR_non);
            break;
    }
    if (result != MCOAP_OK) {
        microcoapy_raise(result);
    }
    if (plan->timeout_ms != 0) {
        mcoap_exchange_limit(self->endpoint, microcoapy_now(), exchange->handle, plan->timeout_ms);
    }
    microcoapy_waiter_begin(&exchange->waiter);
    // What cannot be sent now is sent again later, if it is confirmable.
    microcoapy_flush(self, 0);
    microcoapy_async_begin(self);
}

static void check_callable(mp_obj_t value, qstr argument) {
    if (microcoapy_is_given(value) && !mp_obj_is_callable(value)) {
        microcoapy_bad_type(argument);
    }
}

static MP_NOINLINE exchange_obj_t *make_request(
    coap_obj_t *self, uint8_t code, bool observe, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_obj_t value[ARG_REQUEST_COUNT];
    plan_t plan;
    memset(&plan, 0, sizeof(plan));
    MP_STATIC_ASSERT(ARG_REQUEST_COUNT <= SHAPE_COUNT_MAX);
    microcoapy_parse(argument_names, SHAPE(ARG_REQUEST_COUNT, 1, 2), value, n_args, n_kw, args);
    check_callable(value[ARG_PROGRESS], MP_QSTR_progress);
    check_callable(value[ARG_CALLBACK], MP_QSTR_callback);
    plan.code = code;
    plan.type = microcoapy_is_given(value[ARG_NON]) && mp_obj_is_true(value[ARG_NON]) ? TYPE_NON : TYPE_CON;
    plan.timeout_ms = timeout_ms(value[ARG_TIMEOUT_]);
    if (microcoapy_is_given(value[ARG_BLOCK_SIZE])) {
        plan.block_size = microcoapy_int_arg(value[ARG_BLOCK_SIZE], MP_QSTR_block_size, 16, 1024);
    }
    plan.draws_token = !microcoapy_is_given(value[ARG_TOKEN_]);
    copied_bytes_arg(value[ARG_TOKEN_], MP_QSTR_token, &plan.token);
    if (plan.token.len > MCOAP_TOKEN_MAX) {
        microcoapy_bad_value(MP_QSTR_token);
    }
    plan_resume(&plan, value[ARG_RESUME]);
    plan_options(&plan, value);
    microcoapy_understood_arg(plan.understood, value[ARG_UNDERSTANDS_]);
    exchange_obj_t *exchange = microcoapy_exchange_new(self, observe);
    if (microcoapy_is_given(value[ARG_PROGRESS])) {
        exchange->progress = value[ARG_PROGRESS];
        // RFC 7959 section 4: asks for the length of the body.
        microcoapy_options_append(&plan.options, OPTION_SIZE2, MP_OBJ_NEW_SMALL_INT(0), MP_QSTR_progress);
    }
    if (microcoapy_is_given(value[ARG_CALLBACK])) {
        exchange->callback = value[ARG_CALLBACK];
    }
    plan_body(self, &plan, value, exchange);
    plan_destination(self, &plan, value[ARG_URI_]);
    plan_security(self, &plan, value);
    send(self, &plan, exchange, observe);
    return exchange;
}

static mp_obj_t request(
    coap_obj_t *self, uint8_t code, bool observe, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    // A program may send for long without polling. Before the request has a frame of its own on the stack.
    microcoapy_take_in(self);
    return MP_OBJ_FROM_PTR(make_request(self, code, observe, n_args, n_kw, args));
}

// ---- methods -----------------------------------------------------------------------------------

mp_obj_t microcoapy_request_uri(coap_obj_t *self, uint8_t code, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    // The methods of both layers have taken in already.
    return MP_OBJ_FROM_PTR(make_request(self, code, false, n_args, n_kw, args));
}

uint8_t microcoapy_method_code(mp_obj_t method) {
    if (mp_obj_is_small_int(method)) {
        return microcoapy_int_arg(method, MP_QSTR_method, 1, CODE_DETAIL_MAX);
    }
    microcoapy_str_arg(method, MP_QSTR_method);
    qstr name = mp_obj_str_get_qstr(method);
    for (size_t i = 0; i < MP_ARRAY_SIZE(methods); i++) {
        if (methods[i].name == name) {
            return methods[i].code;
        }
    }
    microcoapy_bad_value(MP_QSTR_method);
}

// request(method, uri, ...) -> Exchange. In memory the keywords come behind the arguments.
static mp_obj_t coap_request(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    return request(MP_OBJ_TO_PTR(args[0]), microcoapy_method_code(args[1]), false, n_args - 2, kwargs->used, args + 2);
}
MP_DEFINE_CONST_FUN_OBJ_KW(microcoapy_request_obj, 2, coap_request);

#if MICROCOAPY_OSCORE
// secure(security, peer=None): makes a SecurityContext known; requests to the peer, a URI, are protected by it from now
// on. secure(None, peer): no more.
static mp_obj_t coap_secure(size_t n_args, const mp_obj_t *args) {
    coap_obj_t *self = MP_OBJ_TO_PTR(args[0]);
    plan_t plan;
    memset(&plan, 0, sizeof(plan));
    bool has_peer = n_args > 2 && args[2] != mp_const_none;
    if (has_peer) {
        plan_destination(self, &plan, args[2]);
    } else if (args[1] == mp_const_none) {
        microcoapy_bad_type(MP_QSTR_security);
    }
    if (args[1] != mp_const_none) {
        microcoapy_security_number(self, args[1]);
    }
    if (has_peer) {
        const peer_t *peer = PEER_FAMILY(&plan.peer) == PEER_FAMILY_OBJECT ? NULL : &plan.peer;
        microcoapy_security_bind(self, plan.name, plan.uri.port, peer, args[1]);
    }
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(microcoapy_secure_obj, 2, 3, coap_secure);
#endif

#if MICROCOAPY_OBSERVE
// observe(uri, ...) -> Observation
static mp_obj_t coap_observe(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    return request(MP_OBJ_TO_PTR(args[0]), METHOD_GET, true, n_args - 1, kwargs->used, args + 1);
}
MP_DEFINE_CONST_FUN_OBJ_KW(microcoapy_observe_obj, 1, coap_observe);
#endif

#if MICROCOAPY_DISCOVERY
bool microcoapy_is_group(mp_obj_t host) {
    size_t len;
    peer_t peer;
    if (microcoapy_literal_peer(host, COAP_DEFAULT_PORT, &peer)) {
        return mcoap_peer_is_multicast(peer.bytes, peer.len);
    }
    if (!microcoapy_is_str(host)) {
        return false;
    }
    const char *text = mp_obj_str_get_data(host, &len);
    vstr_t name;
    vstr_init_len(&name, len);
    mcoap_uri uri;
    mcoap_result result =
        mcoap_uri_parse(microcoapy_engine_bytes(text, len), len, (uint8_t *)name.buf, name.len, &uri);
    return result == MCOAP_OK && mcoap_peer_is_multicast(uri.peer, uri.peer_len);
}

mp_obj_t microcoapy_request_links(coap_obj_t *self, mp_obj_t host, mp_obj_t filter, uint32_t timeout_ms, bool group) {
    static const uint8_t path[] = "/.well-known/core";
    plan_t plan;
    memset(&plan, 0, sizeof(plan));
    plan.code = METHOD_GET;
    plan.type = group ? TYPE_NON : TYPE_CON;
    plan.draws_token = true;
    plan.timeout_ms = timeout_ms;
    if (!plan_address(self, &plan, host)) {
        plan_destination(self, &plan, host);
    }
    if (plan.uri.path_len <= 1) {
        plan.uri.path = path;
        plan.uri.path_len = sizeof(path) - 1;
    }
    microcoapy_options_append(&plan.options, OPTION_URI_QUERY, filter, MP_QSTR_filter);
    #if MICROCOAPY_OSCORE
    plan.security = group ? 0 : bound_security(self, &plan);
    #endif
    exchange_obj_t *exchange = microcoapy_exchange_new(self, group);
    send(self, &plan, exchange, false);
    return MP_OBJ_FROM_PTR(exchange);
}
#endif

#endif // MICROCOAPY_MODERN
