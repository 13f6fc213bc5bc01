// SPDX-License-Identifier: MIT
//
// Exchange: a request of the modern layer and what comes of it; Observation: a request whose responses keep coming.
//
// What an event lends is copied before Python code runs: a body's target, a callback, progress. That code may do
// anything to the endpoint, so the exchange's handle is looked at again after it.

#include <string.h>

#include "py/mperrno.h"
#include "modern.h"
#include "protocol.h"

#if MICROCOAPY_MODERN

// Notifications that wait to be taken; the oldest give way, as only the latest state counts (RFC 7641 section 1.3).
#define QUEUE_MAX (8)
// An observation of which nobody has taken so many notifications has been abandoned.
#define UNCONSUMED_MAX (32)

exchange_obj_t *microcoapy_exchange_find(coap_obj_t *self, mcoap_handle handle) {
    for (waiter_t *waiter = self->waiters; waiter != NULL && handle != 0; waiter = waiter->next) {
        const mp_obj_type_t *type = waiter->base.type;
        bool is_exchange = type == &microcoapy_exchange_type || type == &microcoapy_observation_type;
        if (is_exchange && ((exchange_obj_t *)waiter)->handle == handle) {
            return (exchange_obj_t *)waiter;
        }
    }
    return NULL;
}

static bool is_observation(exchange_obj_t *exchange) {
    return exchange->waiter.base.type == &microcoapy_observation_type;
}

static void end(exchange_obj_t *exchange, mp_obj_t result, bool failed) {
    exchange->handle = 0;
    microcoapy_waiter_end(&exchange->waiter, result, failed);
}

void microcoapy_exchange_abandon(exchange_obj_t *exchange, mp_obj_t error, bool tell) {
    coap_obj_t *self = exchange->waiter.coap;
    if (exchange->handle != 0) {
        #if MICROCOAPY_OBSERVE
        if (tell && is_observation(exchange)) {
            mcoap_observation_cancel(self->endpoint, microcoapy_now(), exchange->handle);
        } else
        #endif
        mcoap_exchange_cancel(self->endpoint, microcoapy_now(), exchange->handle);
        end(exchange, error, error != mp_const_none);
        microcoapy_flush(self, 0);
    }
}

// The task that waits for it was cancelled.
static void exchange_give_up(waiter_t *waiter) {
    microcoapy_exchange_abandon((exchange_obj_t *)waiter, microcoapy_os_error(MP_ECANCELED), true);
}

// So that wait_for(observation.__anext__(), 5) can be called again.
static void observation_give_up(waiter_t *waiter) {
    (void)waiter;
}

exchange_obj_t *microcoapy_exchange_new(coap_obj_t *self, bool observation) {
    exchange_obj_t *exchange = m_new0(exchange_obj_t, 1);
    microcoapy_waiter_init(&exchange->waiter,
        observation ? &microcoapy_observation_type : &microcoapy_exchange_type, self,
        observation ? observation_give_up : exchange_give_up);
    exchange->callback = mp_const_none;
    exchange->progress = mp_const_none;
    exchange->size = MCOAP_UNKNOWN;
    if (observation) {
        exchange->queue = mp_obj_new_list(0, NULL);
    }
    return exchange;
}

bool microcoapy_exchange_runs_program(const exchange_obj_t *exchange) {
    return exchange->callback != mp_const_none || exchange->progress != mp_const_none
           || exchange->sink.target != MP_OBJ_NULL
           || (exchange->source.object != MP_OBJ_NULL && microcoapy_source_total(&exchange->source) == MCOAP_UNKNOWN);
}

void microcoapy_end_all(coap_obj_t *self) {
    while (self->waiters != NULL) {
        waiter_t *waiter = self->waiters;
        if (waiter->base.type == &microcoapy_exchange_type) {
            end((exchange_obj_t *)waiter, microcoapy_os_error(MP_ECANCELED), true);
        } else if (waiter->base.type == &microcoapy_observation_type) {
            end((exchange_obj_t *)waiter, mp_const_none, false);
        } else {
            microcoapy_waiter_end(waiter, mp_const_none, false);
        }
    }
}

// ---- bodies ------------------------------------------------------------------------------------

static void tell_progress(exchange_obj_t *exchange, uint32_t bytes, uint32_t total) {
    if (exchange->progress != mp_const_none) {
        mp_call_function_2(exchange->progress, mp_obj_new_int_from_uint(bytes),
            total == MCOAP_UNKNOWN ? mp_const_none : mp_obj_new_int_from_uint(total));
    }
}

#if MICROCOAPY_BLOCK
static void check(mcoap_result result) {
    if (result == MCOAP_ERR_NO_SLOT) {
        mp_raise_OSError(MP_ENOBUFS);
    }
    if (result != MCOAP_OK) {
        microcoapy_raise(result);
    }
}

// The peer wants the next block of our body.
static void send_block(exchange_obj_t *exchange) {
    coap_obj_t *self = exchange->waiter.coap;
    uint32_t offset, most;
    if (mcoap_exchange_wanted(self->endpoint, exchange->handle, &offset, &most) != MCOAP_OK) {
        return;
    }
    tell_progress(exchange, offset, microcoapy_source_total(&exchange->source));
    if (!microcoapy_source_prepare(&exchange->source, offset, most)) {
        mp_raise_OSError(MP_EIO);
    }
    size_t len = most;
    bool more;
    const uint8_t *data = microcoapy_source_part(&exchange->source, offset, &len, &more);
    exchange->sent = offset + len;
    mcoap_result result =
        mcoap_exchange_upload(self->endpoint, microcoapy_now(), exchange->handle, data, len, more);
    if (exchange->handle != 0) {
        check(result);
    }
}

static void ask_for_block(exchange_obj_t *exchange) {
    coap_obj_t *self = exchange->waiter.coap;
    uint8_t entropy[MCOAP_ENTROPY_LEN];
    microcoapy_entropy(self, entropy, sizeof(entropy));
    mcoap_result result =
        mcoap_exchange_continue(self->endpoint, microcoapy_now(), exchange->handle, entropy, sizeof(entropy));
    if (exchange->handle != 0) {
        check(result);
    }
}

static void restart(exchange_obj_t *exchange, uint32_t start) {
    exchange->etag = MP_OBJ_NULL;
    if (!microcoapy_sink_restart(&exchange->sink, start)) {
        mp_raise_OSError(MP_ECONNABORTED);
    }
}

static void take_block(exchange_obj_t *exchange, const mcoap_event *event) {
    coap_obj_t *self = exchange->waiter.coap;
    const uint8_t *etag;
    size_t etag_len;
    if (event->offset == 0 && exchange->sink.total != 0) {
        // A newer notification, before the older one was complete.
        restart(exchange, 0);
    }
    if (exchange->etag == MP_OBJ_NULL
        && mcoap_options_find(event->options, event->options_len, OPTION_ETAG, &etag, &etag_len) == MCOAP_OK) {
        exchange->etag = mp_obj_new_bytes(etag, etag_len);
    }
    if (exchange->sink.target == MP_OBJ_NULL && exchange->sink.total + event->payload_len > self->max_body) {
        mp_raise_OSError(MP_EMSGSIZE);
    }
    if (event->size != MCOAP_UNKNOWN) {
        exchange->size = event->size;
    }
    microcoapy_sink_write(&exchange->sink, event->payload, event->payload_len);
}
#endif

// ---- responses ---------------------------------------------------------------------------------

// The response with its whole body.
static mp_obj_t complete(exchange_obj_t *exchange, const mcoap_event *event, const peer_t *peer) {
    coap_obj_t *self = exchange->waiter.coap;
    const mp_obj_type_t *type = exchange->is_classic ? &microcoapy_packet_type : &microcoapy_response_type;
    message_obj_t *response = microcoapy_message_new(type, event, microcoapy_peer_to_object(self, peer));
    #if MICROCOAPY_OSCORE
    response->security = microcoapy_security_of(self, event->security);
    #endif
    bool success = CODE_CLASS(event->code) == CODE_CLASS_SUCCESS;
    #if MICROCOAPY_BLOCK
    bool has_target = exchange->sink.target != MP_OBJ_NULL && success;
    if (event->offset != 0 || has_target) {
        take_block(exchange, event);
        mp_obj_t body = microcoapy_sink_finish(&exchange->sink);
        response->incoming.packet.payload = has_target ? mp_const_empty_bytes : body;
        response->body = has_target ? body : mp_const_none;
    }
    if (is_observation(exchange)) {
        exchange->etag = MP_OBJ_NULL;
        microcoapy_sink_init(&exchange->sink, MP_OBJ_NULL, 0, MP_QSTR_into);
    }
    #endif
    if (success) {
        bool is_sender = exchange->source.object != MP_OBJ_NULL && event->offset == 0;
        uint32_t bytes = is_sender ? exchange->sent : event->offset + event->payload_len;
        tell_progress(exchange, bytes, bytes);
    }
    return MP_OBJ_FROM_PTR(response);
}

static void deliver(exchange_obj_t *exchange, mp_obj_t response) {
    if (exchange->callback != mp_const_none) {
        // The acknowledgement goes out before the callback, which may take its time.
        microcoapy_flush(exchange->waiter.coap, 0);
        mp_call_function_1(exchange->callback, response);
        return;
    }
    size_t len;
    mp_obj_t *items;
    mp_obj_list_get(exchange->queue, &len, &items);
    if (len == QUEUE_MAX) {
        microcoapy_call(exchange->queue, MP_QSTR_pop, 1, MP_OBJ_NEW_SMALL_INT(0), MP_OBJ_NULL);
    }
    mp_obj_list_append(exchange->queue, response);
    exchange->unconsumed++;
    microcoapy_waiter_wake(&exchange->waiter);
    if (exchange->unconsumed > UNCONSUMED_MAX) {
        microcoapy_exchange_abandon(exchange, mp_const_none, true);
    }
}

static bool handle(exchange_obj_t *exchange, const mcoap_event *event, const peer_t *peer) {
    switch (event->kind) {
        #if MICROCOAPY_BLOCK
        case MCOAP_EVENT_WANTED:
            send_block(exchange);
            return false;
        case MCOAP_EVENT_BLOCK:
            take_block(exchange, event);
            tell_progress(exchange, exchange->sink.total, exchange->size);
            ask_for_block(exchange);
            return false;
        case MCOAP_EVENT_RESTART:
            restart(exchange, 0);
            ask_for_block(exchange);
            return false;
        #endif
        case MCOAP_EVENT_NOTIFICATION: {
            mp_obj_t response = complete(exchange, event, peer);
            if (exchange->handle != 0) {
                if (is_observation(exchange)) {
                    deliver(exchange, response);
                    return true;
                }
                if (!exchange->is_classic) {
                    // The program has put Observe among the options. An Exchange has one response; the next
                    // notification is rejected, RFC 7641 section 3.6.
                    mcoap_exchange_cancel(exchange->waiter.coap->endpoint, microcoapy_now(), exchange->handle);
                }
                // In the classic layer the next notification is begun anew.
                end(exchange, response, false);
            }
            return true;
        }
        case MCOAP_EVENT_RESPONSE: {
            mp_obj_t response = complete(exchange, event, peer);
            if (exchange->handle == 0) {
                return true;
            }
            if (is_observation(exchange)) {
                deliver(exchange, response);
                response = mp_const_none;
            }
            end(exchange, response, false);
            return true;
        }
        case MCOAP_EVENT_SILENT: // a request to a group, or one that wants no response
            end(exchange, mp_const_none, false);
            return true;
        default:
            end(exchange, microcoapy_os_error(microcoapy_event_errno(event->kind)), true);
            return true;
    }
}

bool microcoapy_exchange_event(exchange_obj_t *exchange, const mcoap_event *event, const peer_t *peer) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        bool told = handle(exchange, event, peer);
        nlr_pop();
        return told;
    }
    // What a target, a stream or a callback raises ends the exchange and is raised where that is waited for.
    mp_obj_t exception = MP_OBJ_FROM_PTR(nlr.ret_val);
    if (exchange->waiter.result == MP_OBJ_NULL) {
        microcoapy_exchange_abandon(exchange, exception, true);
    }
    if (!mp_obj_exception_match(exception, MP_OBJ_FROM_PTR(&mp_type_Exception))) {
        nlr_jump(nlr.ret_val);
    }
    return true;
}

// ---- what both classes have --------------------------------------------------------------------

static bool is_over(void *exchange) {
    return ((exchange_obj_t *)exchange)->waiter.result != MP_OBJ_NULL;
}

// Milliseconds, None or nothing at all: without limit.
static uint32_t milliseconds(size_t n_args, const mp_obj_t *args) {
    if (n_args < 2 || args[1] == mp_const_none) {
        return PUMP_FOREVER;
    }
    return (uint32_t)microcoapy_int_arg(args[1], MP_QSTR_timeout_ms, 0, INT32_MAX - 1) + 1;
}

static void pump(exchange_obj_t *exchange, uint32_t timeout, bool (*done)(void *)) {
    if (done(exchange)) {
        return;
    }
    if (timeout > 1) {
        microcoapy_must_not_block();
    }
    if (exchange->waiter.coap->link == NULL) {
        mp_raise_OSError(MP_ENOTCONN);
    }
    microcoapy_pump(exchange->waiter.coap, timeout, done, exchange);
    if (!done(exchange)) {
        mp_raise_OSError(exchange->waiter.coap->link == NULL ? MP_ENOTCONN : MP_ETIMEDOUT);
    }
}

// wait(timeout_ms=None) -> Response
static mp_obj_t exchange_wait(size_t n_args, const mp_obj_t *args) {
    exchange_obj_t *exchange = MP_OBJ_TO_PTR(args[0]);
    pump(exchange, milliseconds(n_args, args), is_over);
    if (exchange->waiter.failed) {
        nlr_raise(exchange->waiter.result);
    }
    return exchange->waiter.result;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(exchange_wait_obj, 1, 2, exchange_wait);

static mp_obj_t exchange_done(mp_obj_t self_in) {
    return mp_obj_new_bool(is_over(MP_OBJ_TO_PTR(self_in)));
}
static MP_DEFINE_CONST_FUN_OBJ_1(exchange_done_obj, exchange_done);

// Waiting for it raises OSError(ECANCELED) from now on; the end of an observation is the end of its iteration.
// tell=True: an observation is deregistered; else only forgotten, and the next notification rejected: RFC 7641 section
// 3.6 has both.
static mp_obj_t exchange_cancel(size_t n_args, const mp_obj_t *args) {
    exchange_obj_t *exchange = MP_OBJ_TO_PTR(args[0]);
    bool tell = n_args == 1 || mp_obj_is_true(args[1]);
    microcoapy_exchange_abandon(exchange, is_observation(exchange) ? mp_const_none : microcoapy_os_error(MP_ECANCELED), tell);
    microcoapy_async_update(exchange->waiter.coap);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(exchange_cancel_obj, 1, 1, exchange_cancel);
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(observation_cancel_obj, 1, 2, exchange_cancel);

static void exchange_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    exchange_obj_t *exchange = MP_OBJ_TO_PTR(self_in);
    if (dest[0] != MP_OBJ_NULL) {
        if (attr == MP_QSTR_callback && dest[1] != MP_OBJ_NULL && is_observation(exchange)) {
            exchange->callback = dest[1];
            dest[0] = MP_OBJ_NULL;
        }
    } else if (attr == MP_QSTR_received) {
        dest[0] = mp_obj_new_int_from_uint(exchange->sink.total);
    } else if (attr == MP_QSTR_etag) {
        dest[0] = exchange->etag == MP_OBJ_NULL ? mp_const_none : exchange->etag;
    } else if (attr == MP_QSTR_callback && is_observation(exchange)) {
        dest[0] = exchange->callback;
    } else {
        dest[1] = MP_OBJ_SENTINEL; // a method
    }
}

// ---- Exchange ----------------------------------------------------------------------------------

// ---- Observation -------------------------------------------------------------------------------

static bool has_news(void *exchange) {
    size_t len;
    mp_obj_t *items;
    mp_obj_list_get(((exchange_obj_t *)exchange)->queue, &len, &items);
    return len != 0 || is_over(exchange);
}

// The next notification, or MP_OBJ_NULL when there will be no more. Something must have come.
static mp_obj_t next_news(exchange_obj_t *exchange) {
    size_t len;
    mp_obj_t *items;
    exchange->unconsumed = 0;
    mp_obj_list_get(exchange->queue, &len, &items);
    if (len != 0) {
        return microcoapy_call(exchange->queue, MP_QSTR_pop, 1, MP_OBJ_NEW_SMALL_INT(0), MP_OBJ_NULL);
    }
    if (exchange->waiter.failed) {
        // Once: after that the iteration is over.
        exchange->waiter.failed = false;
        nlr_raise(exchange->waiter.result);
    }
    return MP_OBJ_NULL;
}

// wait(timeout_ms=None) -> Response, or None when the observation is over
static mp_obj_t observation_wait(size_t n_args, const mp_obj_t *args) {
    exchange_obj_t *exchange = MP_OBJ_TO_PTR(args[0]);
    pump(exchange, milliseconds(n_args, args), has_news);
    mp_obj_t news = next_news(exchange);
    return news == MP_OBJ_NULL ? mp_const_none : news;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(observation_wait_obj, 1, 2, observation_wait);

// What __anext__ gives is the observation itself: awaiting it gives the next notification.
static mp_obj_t observation_iternext(mp_obj_t self_in) {
    exchange_obj_t *exchange = MP_OBJ_TO_PTR(self_in);
    if (has_news(exchange)) {
        mp_obj_t news = next_news(exchange);
        if (news == MP_OBJ_NULL) {
            mp_raise_type(&mp_type_StopAsyncIteration);
        }
        return mp_make_stop_iteration(news);
    }
    microcoapy_waiter_suspend(&exchange->waiter);
    return mp_const_none;
}

static mp_obj_t itself(mp_obj_t self_in) {
    return self_in;
}
static MP_DEFINE_CONST_FUN_OBJ_1(itself_obj, itself);

static mp_obj_t observation_aenter(mp_obj_t self_in) {
    return microcoapy_ready(self_in);
}
static MP_DEFINE_CONST_FUN_OBJ_1(observation_aenter_obj, observation_aenter);

static mp_obj_t observation_aexit(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    exchange_cancel(1, args);
    return microcoapy_ready(mp_const_none);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(observation_aexit_obj, 4, 4, observation_aexit);

static mp_obj_t observation_exit(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    return exchange_cancel(1, args);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(observation_exit_obj, 4, 4, observation_exit);

#include "tables/exchange.h"

#endif // MICROCOAPY_MODERN
