// SPDX-License-Identifier: MIT
//
// Class Coap: construction, life cycle, handlers, attributes. Sending is in send.c.

#include <string.h>

#include "dtls.h"
#include "link.h"
#include "modern.h"
#include "tables/coap_names.h"

// ---- construction ------------------------------------------------------------------------------

#define ARGUMENT_COUNT MP_ARRAY_SIZE(parameter_names)
#define STATE_INDEX (ARGUMENT_COUNT - 1)

// A factor in thousandths.
static mp_obj_t permille(mp_obj_t factor, qstr argument) {
    #if MICROPY_PY_BUILTINS_FLOAT
    mp_float_t value;
    if (!mp_obj_get_float_maybe(factor, &value)) {
        microcoapy_bad_type(argument);
    }
    // False for NaN, too.
    if (!(value >= 0 && value < MICROPY_FLOAT_CONST(1000000.0))) {
        microcoapy_bad_value(argument);
    }
    return mp_obj_new_int_from_float(value * MICROPY_FLOAT_CONST(1000.0) + MICROPY_FLOAT_CONST(0.5));
    #else
    return MP_OBJ_NEW_SMALL_INT(1000 * microcoapy_int_arg(factor, argument, 0, 1000000));
    #endif
}

// Sets what is given; None stands for the default.
static void parameters_from_args(const mp_obj_t *value, mcoap_parameters *parameters) {
    MP_STATIC_ASSERT(sizeof(*parameters) == (STATE_INDEX - 1) * sizeof(uint32_t));
    uint32_t *field = (uint32_t *)parameters;
    mcoap_parameters_default(parameters);
    for (size_t i = 1; i < STATE_INDEX; i++) {
        qstr name = parameter_names[i];
        mp_obj_t given = value[i];
        if (given == MP_OBJ_NULL || given == mp_const_none) {
            continue;
        }
        if (name == MP_QSTR_ack_random_factor) {
            given = permille(given, name);
        }
        field[i - 1] = microcoapy_int_arg(given, name, 0, INT32_MAX);
    }
    int32_t wrong = mcoap_parameters_check(parameters);
    if (wrong >= 0) {
        microcoapy_bad_value(parameter_names[wrong + 1]);
    }
}

static coap_obj_t *coap_new(const mp_obj_type_t *type) {
    coap_obj_t *self = m_malloc0(sizeof(coap_obj_t));
    self->base.type = type;
    self->dispatch = microcoapy_dispatch;
    self->sock = mp_const_none;
    self->response_callback = mp_const_none;
    self->error_callback = mp_const_none;
    self->discard_retransmissions = mp_const_false;
    self->debug = mp_const_false;
    self->is_server = mp_const_false;
    #if MICROCOAPY_DISCOVERY
    self->group_sock = mp_const_none;
    #endif
    return self;
}

static void coap_init_endpoint(coap_obj_t *self, const mcoap_parameters *parameters) {
    size_t state_len = mcoap_endpoint_size(parameters);
    // One byte more than the largest message: a datagram that fills it was too large.
    self->rx_len = parameters->max_message + 1;
    self->max_body = parameters->max_body;
    // Cleared: the collector reads it all, and what lay there before may look like pointers.
    self->block = m_malloc0(state_len + self->rx_len);
    self->rx = (uint8_t *)self->block + state_len;
    uint8_t seed[MCOAP_SEED_LEN];
    microcoapy_entropy(self, seed, sizeof(seed));
    mcoap_result result =
        mcoap_endpoint_init(self->block, state_len, parameters, seed, sizeof(seed), &self->endpoint);
    if (result != MCOAP_OK) {
        microcoapy_raise(result);
    }
}

static void import_state(coap_obj_t *self, mp_obj_t state_in) {
    mp_buffer_info_t state;
    microcoapy_bytes_arg(state_in, MP_QSTR_state, &state);
    mcoap_result result =
        mcoap_endpoint_import(self->endpoint, microcoapy_now(), microcoapy_engine_bytes(state.buf, state.len), state.len);
    if (result == MCOAP_ERR_ARGUMENT) {
        microcoapy_bad_value(MP_QSTR_state);
    }
    if (result != MCOAP_OK) {
        microcoapy_raise(result);
    }
}

// Coap(port=5683, *, ack_timeout=2000, ..., state=None)
static mp_obj_t coap_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_obj_t value[ARGUMENT_COUNT];
    microcoapy_parse(parameter_names, SHAPE(ARGUMENT_COUNT, 0, 1), value, n_args, n_kw, args);
    mcoap_parameters parameters;
    parameters_from_args(value, &parameters);
    coap_obj_t *self = coap_new(type);
    self->start_port = value[0] == MP_OBJ_NULL ? COAP_DEFAULT_PORT : microcoapy_port_arg(value[0]);
    self->port_given = value[0] != MP_OBJ_NULL;
    coap_init_endpoint(self, &parameters);
    if (value[STATE_INDEX] != MP_OBJ_NULL && value[STATE_INDEX] != mp_const_none) {
        import_state(self, value[STATE_INDEX]);
    }
    return MP_OBJ_FROM_PTR(self);
}

// ---- life cycle --------------------------------------------------------------------------------

static void stop(coap_obj_t *self) {
    mcoap_endpoint_reset(self->endpoint);
    self->addresses = MP_OBJ_NULL;
    self->bodies = NULL;
    self->news = NULL;
    microcoapy_link_close(self);
    microcoapy_end_all(self);
    microcoapy_async_update(self);
}

static void start(coap_obj_t *self, mp_int_t port) {
    if (self->link == NULL) {
        microcoapy_link_open(self, port);
        microcoapy_flush(self, 0); // requests that were made before
    }
}

#if MICROCOAPY_DTLS
static void start_dtls(coap_obj_t *self, mp_obj_t port, mp_obj_t dtls) {
    if (!mp_obj_is_type(dtls, &microcoapy_dtls_type)) {
        microcoapy_bad_type(MP_QSTR_dtls);
    }
    mp_int_t number = microcoapy_is_given(port) ? microcoapy_port_arg(port)
        : self->port_given ? self->start_port : COAPS_DEFAULT_PORT;
    if (self->link != NULL) {
        mp_raise_OSError(MP_EBUSY); // it is open, and perhaps without DTLS
    }
    microcoapy_link_open(self, number);
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        microcoapy_link_close(self);
        nlr_jump(nlr.ret_val);
    }
    microcoapy_dtls_open(self, dtls);
    nlr_pop();
}
#endif

// start(port=<the constructor's>, dtls=None)
static mp_obj_t run_start(coap_obj_t *self, mp_obj_t *arg) {
    #if MICROCOAPY_DTLS
    if (microcoapy_is_given(arg[ARG_DTLS])) {
        start_dtls(self, arg[ARG_PORT], arg[ARG_DTLS]);
        return mp_const_none;
    }
    #endif
    start(self, microcoapy_is_given(arg[ARG_PORT]) ? microcoapy_port_arg(arg[ARG_PORT]) : self->start_port);
    return mp_const_none;
}
#if MICROCOAPY_DTLS
static METHOD(coap_start_obj, run_start, 0, ARG_PORT, ARG_DTLS);
#else
static METHOD(coap_start_obj, run_start, 0, ARG_PORT);
#endif

static mp_obj_t coap_stop(mp_obj_t self_in) {
    stop(MP_OBJ_TO_PTR(self_in));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(coap_stop_obj, coap_stop);

// setCustomSocket(sock): in place of start()
static mp_obj_t run_set_custom_socket(coap_obj_t *self, mp_obj_t *arg) {
    if (self->link != NULL && arg[ARG_SOCK] != self->sock) {
        stop(self);
    }
    microcoapy_link_attach(self, arg[ARG_SOCK]);
    return mp_const_none;
}
static METHOD(coap_set_custom_socket_obj, run_set_custom_socket, 1, ARG_SOCK);

static bool pump(coap_obj_t *self, uint32_t milliseconds) {
    bool handled = microcoapy_pump(self, milliseconds, NULL, NULL);
    microcoapy_async_update(self);
    return handled;
}

// poll(timeoutMs=-1, pollPeriodMs=500)
static mp_obj_t run_poll(coap_obj_t *self, mp_obj_t *arg) {
    mp_int_t timeout = -1;
    if (arg[ARG_TIMEOUT] != MP_OBJ_NULL) {
        timeout = microcoapy_int_arg(arg[ARG_TIMEOUT], MP_QSTR_timeoutMs, INT32_MIN, INT32_MAX - 1);
    }
    // The clock counts whole milliseconds: one more makes sure that all of the last one has passed.
    return mp_obj_new_bool(pump(self, timeout <= 0 ? 0 : (uint32_t)timeout + 1));
}
static METHOD(coap_poll_obj, run_poll, 0, ARG_TIMEOUT, ARG_POLL_PERIOD);

// loop(blocking=True)
static mp_obj_t run_loop(coap_obj_t *self, mp_obj_t *arg) {
    bool blocking = arg[ARG_BLOCKING] == MP_OBJ_NULL || mp_obj_is_true(arg[ARG_BLOCKING]);
    return mp_obj_new_bool(pump(self, blocking ? PUMP_FOREVER : 0));
}
static METHOD(coap_loop_obj, run_loop, 0, ARG_BLOCKING);

// ---- the modern layer's life cycle -------------------------------------------------------------

// with Coap() as coap: any free port, unless the constructor has named one
static mp_obj_t coap_enter(mp_obj_t self_in) {
    coap_obj_t *self = MP_OBJ_TO_PTR(self_in);
    start(self, self->port_given ? self->start_port : 0);
    return self_in;
}
static MP_DEFINE_CONST_FUN_OBJ_1(coap_enter_obj, coap_enter);

static mp_obj_t coap_exit(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    return coap_stop(args[0]);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(coap_exit_obj, 4, 4, coap_exit);

#if MICROCOAPY_DISCOVERY
// join(group="224.0.1.187", interface=None): also takes requests to that group; All CoAP Nodes, RFC 7252 section 12.8
static mp_obj_t run_join(coap_obj_t *self, mp_obj_t *arg) {
    mp_obj_t group = arg[ARG_GROUP] == MP_OBJ_NULL ? mp_obj_new_str_from_cstr("224.0.1.187") : arg[ARG_GROUP];
    microcoapy_link_join(self, group, arg[ARG_INTERFACE]);
    return mp_const_none;
}
static METHOD(coap_join_obj, run_join, 0, ARG_GROUP, ARG_INTERFACE);
#endif

#if MICROCOAPY_MODERN
// The module, or MP_OBJ_NULL where there is none.
static mp_obj_t find_asyncio(void) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_obj_t module = mp_import_name(MP_QSTR_asyncio, mp_const_none, MP_OBJ_NEW_SMALL_INT(0));
        nlr_pop();
        return module;
    }
    if (!mp_obj_exception_match(MP_OBJ_FROM_PTR(nlr.ret_val), MP_OBJ_FROM_PTR(&mp_type_ImportError))) {
        nlr_jump(nlr.ret_val);
    }
    return MP_OBJ_NULL;
}
#endif

// run(): serves until stop() or Ctrl-C; in an event loop of its own where there is asyncio, so that handlers may be
// coroutines.
static mp_obj_t coap_run(mp_obj_t self_in) {
    coap_obj_t *self = MP_OBJ_TO_PTR(self_in);
    microcoapy_must_not_block();
    start(self, self->start_port);
    #if MICROCOAPY_MODERN
    mp_obj_t asyncio = find_asyncio();
    if (asyncio != MP_OBJ_NULL) {
        mp_obj_t serve = mp_call_function_1(MP_OBJ_FROM_PTR(&microcoapy_serve_obj), self_in);
        return microcoapy_call(asyncio, MP_QSTR_run, 1, serve, MP_OBJ_NULL);
    }
    #endif
    while (self->link != NULL) {
        pump(self, PUMP_FOREVER);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(coap_run_obj, coap_run);

// ---- without a socket --------------------------------------------------------------------------

static void go_manual(coap_obj_t *self) {
    if (self->link == NULL && !microcoapy_speaks_dtls(self)) {
        self->link = &microcoapy_link_manual;
    } else if (self->link != &microcoapy_link_manual) {
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("there is a socket"));
    }
}

// feed(data, addr) -> True if a program was told of something
static mp_obj_t coap_feed(mp_obj_t self_in, mp_obj_t data, mp_obj_t addr) {
    coap_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_buffer_info_t buffer;
    if (microcoapy_is_str(data)) {
        microcoapy_bad_type(MP_QSTR_data);
    }
    microcoapy_bytes_arg(data, MP_QSTR_data, &buffer);
    go_manual(self);
    bool told = microcoapy_feed(self, data, addr);
    microcoapy_async_update(self);
    return mp_obj_new_bool(told);
}
static MP_DEFINE_CONST_FUN_OBJ_3(coap_feed_obj, coap_feed);

// take() -> (data, addr), or None
static mp_obj_t coap_take(mp_obj_t self_in) {
    coap_obj_t *self = MP_OBJ_TO_PTR(self_in);
    go_manual(self);
    microcoapy_read_clock(self);
    microcoapy_run_timers(self);
    mp_obj_t taken = microcoapy_take(self);
    microcoapy_async_update(self);
    return taken;
}
static MP_DEFINE_CONST_FUN_OBJ_1(coap_take_obj, coap_take);

// next_timeout_ms() -> milliseconds until take() may have something again, or None
static mp_obj_t coap_next_timeout_ms(mp_obj_t self_in) {
    coap_obj_t *self = MP_OBJ_TO_PTR(self_in);
    microcoapy_read_clock(self);
    uint32_t milliseconds = microcoapy_next_timer(self);
    return milliseconds == UINT32_MAX ? mp_const_none : mp_obj_new_int_from_uint(milliseconds);
}
static MP_DEFINE_CONST_FUN_OBJ_1(coap_next_timeout_ms_obj, coap_next_timeout_ms);

// ---- handlers and counters ---------------------------------------------------------------------

// addIncomingRequestCallback(url, cb, understands=())
static mp_obj_t run_add_incoming_request_callback(coap_obj_t *self, mp_obj_t *arg) {
    microcoapy_str_arg(arg[ARG_URL], MP_QSTR_url);
    if (!mp_obj_is_callable(arg[ARG_CB])) {
        microcoapy_bad_type(MP_QSTR_cb);
    }
    mp_obj_t handler = microcoapy_handler(arg[ARG_CB], arg[ARG_UNDERSTANDS]);
    microcoapy_path_add(self, arg[ARG_URL], handler, MP_QSTR_url);
    return mp_const_none;
}
static METHOD(coap_add_incoming_request_callback_obj, run_add_incoming_request_callback, 2,
    ARG_URL, ARG_CB, ARG_UNDERSTANDS);

// stats() -> dict
static mp_obj_t coap_stats(mp_obj_t self_in) {
    coap_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mcoap_stats stats;
    mcoap_endpoint_stats(self->endpoint, &stats);
    stats.counters.dropped += self->news_dropped;
    MP_STATIC_ASSERT(sizeof(stats) == MP_ARRAY_SIZE(counter_names) * sizeof(uint32_t));
    const uint32_t *counter = (const uint32_t *)&stats;
    mp_obj_t dict = mp_obj_new_dict(MP_ARRAY_SIZE(counter_names));
    for (size_t i = 0; i < MP_ARRAY_SIZE(counter_names); i++) {
        mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(counter_names[i]), mp_obj_new_int_from_uint(counter[i]));
    }
    return dict;
}
static MP_DEFINE_CONST_FUN_OBJ_1(coap_stats_obj, coap_stats);

// export_state() -> bytes: what outlives a deep sleep, for Coap(state=...). To be called before stop().
static mp_obj_t coap_export_state(mp_obj_t self_in) {
    coap_obj_t *self = MP_OBJ_TO_PTR(self_in);
    vstr_t state;
    vstr_init_len(&state, mcoap_endpoint_export(self->endpoint, NULL, 0));
    mcoap_endpoint_export(self->endpoint, (uint8_t *)state.buf, state.len);
    return mp_obj_new_bytes_from_vstr(&state);
}
static MP_DEFINE_CONST_FUN_OBJ_1(coap_export_state_obj, coap_export_state);

// ---- attributes --------------------------------------------------------------------------------

static mp_obj_t coap_load(coap_obj_t *self, size_t index) {
    switch (index) {
        case ATTR_STATE:
            // The values of TRANSMISSION_STATE
            return MP_OBJ_NEW_SMALL_INT(mcoap_endpoint_awaits_separate(self->endpoint));
        case ATTR_CALLBACKS:
            return microcoapy_callbacks(self);
        case ATTR_PORT:
            return MP_OBJ_NEW_SMALL_INT(
                self->own_socket && self->link != NULL ? self->bound_port : self->start_port);
        default:
            return (&self->response_callback)[index];
    }
}

static void coap_store(coap_obj_t *self, size_t index, qstr attr, mp_obj_t value) {
    if (index <= ATTR_ERROR_CALLBACK && value != mp_const_none && !mp_obj_is_callable(value)) {
        microcoapy_bad_type(attr);
    }
    if (index == ATTR_DEBUG || index == ATTR_IS_SERVER) {
        value = mp_obj_new_bool(mp_obj_is_true(value));
    }
    if (index < ATTR_SOCK) {
        (&self->response_callback)[index] = value;
    } else if (index == ATTR_SOCK) {
        microcoapy_link_attach(self, value);
    } else if (index == ATTR_CALLBACKS) {
        if (mp_obj_get_type(value) != &mp_type_dict) {
            microcoapy_bad_type(attr);
        }
        self->callbacks = value;
        microcoapy_paths_sync(self);
    } else if (index == ATTR_PORT) {
        self->start_port = microcoapy_port_arg(value);
    }
    // ATTR_STATE: accepted because programs reset it; the engine knows the state itself.
}

static void coap_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    coap_obj_t *self = MP_OBJ_TO_PTR(self_in);
    size_t index = attr == MP_QSTR_resposeCallback
        ? ATTR_RESPONSE_CALLBACK : microcoapy_name_index(attr_names, ATTR_COUNT, attr);
    if (index == ATTR_COUNT) {
        if (!microcoapy_own_attr(&self->own, attr, dest) && dest[0] == MP_OBJ_NULL) {
            dest[1] = MP_OBJ_SENTINEL; // a method
        }
    } else if (dest[0] == MP_OBJ_NULL) {
        dest[0] = coap_load(self, index);
    } else if (dest[1] != MP_OBJ_NULL) {
        coap_store(self, index, attr, dest[1]);
        dest[0] = MP_OBJ_NULL;
    }
}

#include "tables/coap.h"
