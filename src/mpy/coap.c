// SPDX-License-Identifier: MIT
//
// Class Coap: construction, life cycle, handlers, attributes. Sending is in send.c.

#include <string.h>

#include "shim.h"

// ---- construction ------------------------------------------------------------------------------

// Transmission parameters as the constructor names them, in the order of mcoap_parameters.
enum {
    PARAMETER_ACK_TIMEOUT,
    PARAMETER_ACK_RANDOM_FACTOR,
    PARAMETER_MAX_LATENCY,
    PARAMETER_PROCESSING_DELAY,
    PARAMETER_DEFAULT_LEISURE,
    PARAMETER_PROBING_RATE,
    PARAMETER_MAX_RETRANSMIT,
    PARAMETER_NSTART,
    PARAMETER_MAX_MESSAGE,
    PARAMETER_MESSAGE_STORE,
    PARAMETER_COUNT,
};

static uint32_t permille_arg(mp_obj_t value, qstr argument) {
    #if MICROPY_PY_BUILTINS_FLOAT
    if (mp_obj_is_float(value)) {
        mp_float_t factor = mp_obj_get_float(value);
        // The comparison is false for NaN too.
        if (!(factor >= MICROPY_FLOAT_CONST(0.0) && factor < MICROPY_FLOAT_CONST(1000000.0))) {
            microcoapy_bad_value(argument);
        }
        return (uint32_t)(factor * MICROPY_FLOAT_CONST(1000.0) + MICROPY_FLOAT_CONST(0.5));
    }
    #endif
    return 1000 * microcoapy_int_arg(value, argument, 0, 1000000);
}

static void parameters_from_args(const mp_arg_t *allowed, const mp_arg_val_t *value, mcoap_parameters *parameters) {
    mcoap_parameters_default(parameters);
    uint32_t *const field[PARAMETER_COUNT] = {
        &parameters->ack_timeout_ms, &parameters->ack_random_factor_permille, &parameters->max_latency_ms,
        &parameters->processing_delay_ms, &parameters->default_leisure_ms, &parameters->probing_rate,
        &parameters->max_retransmit, &parameters->nstart, &parameters->max_message, &parameters->message_store,
    };
    for (size_t i = 0; i < PARAMETER_COUNT; i++) {
        if (value[i].u_obj == mp_const_none) {
            continue;
        }
        *field[i] = i == PARAMETER_ACK_RANDOM_FACTOR
            ? permille_arg(value[i].u_obj, allowed[i].qst)
            : (uint32_t)microcoapy_int_arg(value[i].u_obj, allowed[i].qst, 0, INT32_MAX);
    }
    int32_t wrong = mcoap_parameters_check(parameters);
    if (wrong >= 0 && wrong < PARAMETER_COUNT) {
        microcoapy_bad_value(allowed[wrong].qst);
    }
}

static coap_obj_t *coap_new(const mp_obj_type_t *type) {
    coap_obj_t *self = mp_obj_malloc(coap_obj_t, type);
    memset((char *)self + sizeof(self->base), 0, sizeof(*self) - sizeof(self->base));
    self->sock = mp_const_none;
    self->response_callback = mp_const_none;
    self->error_callback = mp_const_none;
    self->discard_retransmissions = mp_const_false;
    self->callbacks = MP_OBJ_NULL;
    self->addresses = MP_OBJ_NULL;
    self->link = LINK_NONE;
    return self;
}

static void coap_init_endpoint(coap_obj_t *self, const mcoap_parameters *parameters) {
    size_t state_len = mcoap_endpoint_size(parameters);
    // One byte more than the largest message: a datagram that fills it was too large.
    self->rx_len = parameters->max_message + 1;
    self->block = m_malloc(state_len + self->rx_len);
    self->rx = (uint8_t *)self->block + state_len;
    uint8_t seed[MCOAP_SEED_LEN];
    microcoapy_entropy(seed, sizeof(seed));
    mcoap_result result =
        mcoap_endpoint_init(self->block, state_len, parameters, seed, sizeof(seed), &self->endpoint);
    if (result != MCOAP_OK) {
        microcoapy_raise(result);
    }
}

// Coap(port=5683, *, ack_timeout=2000, ...)
static mp_obj_t coap_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    #define PARAMETER(name) { MP_QSTR_##name, MP_ARG_OBJ | MP_ARG_KW_ONLY, { .u_rom_obj = MP_ROM_NONE } }
    static const mp_arg_t allowed[] = {
        { MP_QSTR_port, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_INT(COAP_DEFAULT_PORT) } },
        PARAMETER(ack_timeout),
        PARAMETER(ack_random_factor),
        PARAMETER(max_latency),
        PARAMETER(processing_delay),
        PARAMETER(default_leisure),
        PARAMETER(probing_rate),
        PARAMETER(max_retransmit),
        PARAMETER(nstart),
        PARAMETER(max_message),
        PARAMETER(message_store),
    };
    mp_arg_val_t value[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all_kw_array(n_args, n_kw, args, MP_ARRAY_SIZE(allowed), allowed, value);
    mp_int_t port = microcoapy_int_arg(value[0].u_obj, MP_QSTR_port, 0, UINT16_MAX);
    mcoap_parameters parameters;
    parameters_from_args(&allowed[1], &value[1], &parameters);
    coap_obj_t *self = coap_new(type);
    self->start_port = port;
    coap_init_endpoint(self, &parameters);
    return MP_OBJ_FROM_PTR(self);
}

// ---- life cycle --------------------------------------------------------------------------------

static void stop(coap_obj_t *self) {
    mcoap_endpoint_reset(self->endpoint);
    self->addresses = MP_OBJ_NULL;
    microcoapy_socket_close(self);
}

// start(port=<the constructor's>)
static mp_obj_t coap_start(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    static const mp_arg_t allowed[] = { { MP_QSTR_port, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } } };
    mp_arg_val_t value[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args - 1, args + 1, kwargs, MP_ARRAY_SIZE(allowed), allowed, value);
    coap_obj_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_int_t port = value[0].u_obj == mp_const_none
        ? self->start_port
        : microcoapy_int_arg(value[0].u_obj, MP_QSTR_port, 0, UINT16_MAX);
    if (self->link == LINK_NONE) {
        microcoapy_socket_open(self, port);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(coap_start_obj, 1, coap_start);

static mp_obj_t coap_stop(mp_obj_t self_in) {
    stop(MP_OBJ_TO_PTR(self_in));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(coap_stop_obj, coap_stop);

// setCustomSocket(sock): in place of start()
static mp_obj_t coap_set_custom_socket(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    static const mp_arg_t allowed[] = { { MP_QSTR_sock, MP_ARG_OBJ | MP_ARG_REQUIRED, { .u_obj = MP_OBJ_NULL } } };
    mp_arg_val_t value[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args - 1, args + 1, kwargs, MP_ARRAY_SIZE(allowed), allowed, value);
    coap_obj_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_obj_t sock = value[0].u_obj;
    if (sock != self->sock) {
        stop(self);
    }
    microcoapy_socket_attach(self, sock);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(coap_set_custom_socket_obj, 1, coap_set_custom_socket);

// poll(timeoutMs=-1, pollPeriodMs=500)
static mp_obj_t coap_poll(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    static const mp_arg_t allowed[] = {
        { MP_QSTR_timeoutMs, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_INT(-1) } },
        { MP_QSTR_pollPeriodMs, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_INT(500) } },
    };
    mp_arg_val_t value[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args - 1, args + 1, kwargs, MP_ARRAY_SIZE(allowed), allowed, value);
    mp_int_t timeout = microcoapy_int_arg(value[0].u_obj, MP_QSTR_timeoutMs, INT32_MIN, INT32_MAX - 1);
    // The clock counts whole milliseconds: one more makes sure that all of the last one has passed.
    uint32_t milliseconds = timeout <= 0 ? 0 : (uint32_t)timeout + 1;
    return mp_obj_new_bool(microcoapy_pump(MP_OBJ_TO_PTR(args[0]), milliseconds));
}
static MP_DEFINE_CONST_FUN_OBJ_KW(coap_poll_obj, 1, coap_poll);

// loop(blocking=True)
static mp_obj_t coap_loop(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    static const mp_arg_t allowed[] = { { MP_QSTR_blocking, MP_ARG_BOOL, { .u_bool = true } } };
    mp_arg_val_t value[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args - 1, args + 1, kwargs, MP_ARRAY_SIZE(allowed), allowed, value);
    return mp_obj_new_bool(microcoapy_pump(MP_OBJ_TO_PTR(args[0]), value[0].u_bool ? PUMP_FOREVER : 0));
}
static MP_DEFINE_CONST_FUN_OBJ_KW(coap_loop_obj, 1, coap_loop);

// ---- handlers and counters ---------------------------------------------------------------------

static mp_obj_t without_leading_slash(mp_obj_t url) {
    size_t len;
    const char *path = mp_obj_str_get_data(url, &len);
    return len != 0 && path[0] == '/' ? mp_obj_new_str(path + 1, len - 1) : url;
}

// addIncomingRequestCallback(url, cb)
static mp_obj_t coap_add_incoming_request_callback(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    static const mp_arg_t allowed[] = {
        { MP_QSTR_url, MP_ARG_OBJ | MP_ARG_REQUIRED, { .u_obj = MP_OBJ_NULL } },
        { MP_QSTR_cb, MP_ARG_OBJ | MP_ARG_REQUIRED, { .u_obj = MP_OBJ_NULL } },
    };
    mp_arg_val_t value[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args - 1, args + 1, kwargs, MP_ARRAY_SIZE(allowed), allowed, value);
    coap_obj_t *self = MP_OBJ_TO_PTR(args[0]);
    if (!mp_obj_is_str(value[0].u_obj)) {
        microcoapy_bad_type(MP_QSTR_url);
    }
    if (!mp_obj_is_callable(value[1].u_obj)) {
        microcoapy_bad_type(MP_QSTR_cb);
    }
    mp_obj_t path = without_leading_slash(value[0].u_obj);
    mp_obj_dict_store(microcoapy_callbacks(self), path, value[1].u_obj);
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        microcoapy_resources_sync(self);
        nlr_pop();
    } else {
        // No request could ever reach it.
        mp_obj_dict_delete(self->callbacks, path);
        nlr_jump(nlr.ret_val);
    }
    self->is_server = true;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(coap_add_incoming_request_callback_obj, 1, coap_add_incoming_request_callback);

// stats() -> dict
static mp_obj_t coap_stats(mp_obj_t self_in) {
    coap_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mcoap_stats stats;
    mcoap_endpoint_stats(self->endpoint, &stats);
    mp_obj_t dict = mp_obj_new_dict(12);
    #define STORE(name) mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_##name), mp_obj_new_int_from_uint(stats.name))
    STORE(sent);
    STORE(received);
    STORE(retransmitted);
    STORE(duplicates);
    STORE(malformed);
    STORE(dropped);
    STORE(timeouts);
    STORE(resets);
    STORE(exchanges_in_use);
    STORE(transmissions_in_use);
    STORE(deduplication_in_use);
    STORE(requests_in_use);
    return dict;
}
static MP_DEFINE_CONST_FUN_OBJ_1(coap_stats_obj, coap_stats);

// ---- attributes --------------------------------------------------------------------------------

static mp_obj_t coap_load(coap_obj_t *self, qstr attr) {
    switch (attr) {
        case MP_QSTR_responseCallback:
        case MP_QSTR_resposeCallback:
            return self->response_callback;
        case MP_QSTR_errorCallback:
            return self->error_callback;
        case MP_QSTR_discardRetransmissions:
            return self->discard_retransmissions;
        case MP_QSTR_debug:
            return mp_obj_new_bool(self->debug);
        case MP_QSTR_sock:
            return self->sock;
        case MP_QSTR_isServer:
            return mp_obj_new_bool(self->is_server);
        case MP_QSTR_state:
            // The values of TRANSMISSION_STATE
            return MP_OBJ_NEW_SMALL_INT(mcoap_endpoint_awaits_separate(self->endpoint));
        case MP_QSTR_callbacks:
            return microcoapy_callbacks(self);
        case MP_QSTR_port:
            return MP_OBJ_NEW_SMALL_INT(
                self->own_socket && self->link != LINK_NONE ? self->bound_port : self->start_port);
        default:
            return MP_OBJ_NULL;
    }
}

// None, or something to call.
static mp_obj_t callback_value(mp_obj_t value, qstr attr) {
    if (value != mp_const_none && !mp_obj_is_callable(value)) {
        microcoapy_bad_type(attr);
    }
    return value;
}

static bool coap_store(coap_obj_t *self, qstr attr, mp_obj_t value) {
    switch (attr) {
        case MP_QSTR_responseCallback:
        case MP_QSTR_resposeCallback:
            self->response_callback = callback_value(value, attr);
            return true;
        case MP_QSTR_errorCallback:
            self->error_callback = callback_value(value, attr);
            return true;
        case MP_QSTR_discardRetransmissions:
            self->discard_retransmissions = value;
            return true;
        case MP_QSTR_debug:
            self->debug = mp_obj_is_true(value);
            return true;
        case MP_QSTR_sock:
            microcoapy_socket_attach(self, value);
            return true;
        case MP_QSTR_isServer:
            self->is_server = mp_obj_is_true(value);
            return true;
        case MP_QSTR_state:
            // Accepted because programs reset it; the engine knows the state itself.
            return true;
        case MP_QSTR_callbacks:
            if (!mp_obj_is_type(value, &mp_type_dict)) {
                microcoapy_bad_type(attr);
            }
            self->callbacks = value;
            microcoapy_resources_sync(self);
            return true;
        case MP_QSTR_port:
            self->start_port = microcoapy_int_arg(value, attr, 0, UINT16_MAX);
            return true;
        default:
            return false;
    }
}

static void coap_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    coap_obj_t *self = MP_OBJ_TO_PTR(self_in);
    if (dest[0] == MP_OBJ_NULL) {
        dest[0] = coap_load(self, attr);
        if (dest[0] == MP_OBJ_NULL) {
            dest[1] = MP_OBJ_SENTINEL; // a method
        }
    } else if (dest[1] != MP_OBJ_NULL && coap_store(self, attr, dest[1])) {
        dest[0] = MP_OBJ_NULL;
    }
}

static const mp_rom_map_elem_t coap_table[] = {
    { MP_ROM_QSTR(MP_QSTR_TRANSMISSION_STATE), MP_ROM_PTR(&microcoapy_state_type) },
    { MP_ROM_QSTR(MP_QSTR_start), MP_ROM_PTR(&coap_start_obj) },
    { MP_ROM_QSTR(MP_QSTR_stop), MP_ROM_PTR(&coap_stop_obj) },
    { MP_ROM_QSTR(MP_QSTR_setCustomSocket), MP_ROM_PTR(&coap_set_custom_socket_obj) },
    { MP_ROM_QSTR(MP_QSTR_poll), MP_ROM_PTR(&coap_poll_obj) },
    { MP_ROM_QSTR(MP_QSTR_loop), MP_ROM_PTR(&coap_loop_obj) },
    { MP_ROM_QSTR(MP_QSTR_addIncomingRequestCallback), MP_ROM_PTR(&coap_add_incoming_request_callback_obj) },
    { MP_ROM_QSTR(MP_QSTR_stats), MP_ROM_PTR(&coap_stats_obj) },
    { MP_ROM_QSTR(MP_QSTR_get), MP_ROM_PTR(&microcoapy_get_obj) },
    { MP_ROM_QSTR(MP_QSTR_getNonConf), MP_ROM_PTR(&microcoapy_get_non_obj) },
    { MP_ROM_QSTR(MP_QSTR_delete), MP_ROM_PTR(&microcoapy_delete_obj) },
    { MP_ROM_QSTR(MP_QSTR_deleteNonConf), MP_ROM_PTR(&microcoapy_delete_non_obj) },
    { MP_ROM_QSTR(MP_QSTR_put), MP_ROM_PTR(&microcoapy_put_obj) },
    { MP_ROM_QSTR(MP_QSTR_putNonConf), MP_ROM_PTR(&microcoapy_put_non_obj) },
    { MP_ROM_QSTR(MP_QSTR_post), MP_ROM_PTR(&microcoapy_post_obj) },
    { MP_ROM_QSTR(MP_QSTR_postNonConf), MP_ROM_PTR(&microcoapy_post_non_obj) },
    { MP_ROM_QSTR(MP_QSTR_send), MP_ROM_PTR(&microcoapy_send_obj) },
    { MP_ROM_QSTR(MP_QSTR_sendEx), MP_ROM_PTR(&microcoapy_send_ex_obj) },
    { MP_ROM_QSTR(MP_QSTR_sendPacket), MP_ROM_PTR(&microcoapy_send_packet_obj) },
    { MP_ROM_QSTR(MP_QSTR_sendResponse), MP_ROM_PTR(&microcoapy_send_response_obj) },
};
static MP_DEFINE_CONST_DICT(coap_dict, coap_table);

MP_DEFINE_CONST_OBJ_TYPE(
    microcoapy_coap_type, MP_QSTR_Coap, MP_TYPE_FLAG_NONE,
    make_new, coap_make_new,
    attr, coap_attr,
    locals_dict, &coap_dict
    );
