// SPDX-License-Identifier: MIT
//
// What an event of the engine means: a request is served, an exchange goes on or ends, a callback is called.

#include "modern.h"

// Tells the program now, or later.
static void tell(coap_obj_t *self, bool is_error, mp_obj_t what, const peer_t *peer, dispatch_t when) {
    mp_obj_t sender = microcoapy_peer_to_object(self, peer);
    if (when != DISPATCH_NOW) {
        news_t *news = microcoapy_news_add(self);
        news->what = what;
        news->sender = sender;
        news->is_error = is_error;
        return;
    }
    // The acknowledgement goes out before the callback, which may take its time.
    microcoapy_flush(self, 0);
    microcoapy_call_back(self, is_error, what, sender);
}

// Tells the program of a message (error 0), or of an error. False if there is no callback for that.
static bool deliver(coap_obj_t *self, const mcoap_event *event, int error, const peer_t *peer, dispatch_t when) {
    if (microcoapy_callback_for(self, error != 0) == mp_const_none) {
        return false;
    }
    mp_obj_t what = error == 0
        ? microcoapy_packet_from_event(event)
        : microcoapy_os_error(error);
    tell(self, error != 0, what, peer, when);
    return true;
}

// What has become of one of our requests.
static bool dispatch_classic(coap_obj_t *self, const mcoap_event *event, const peer_t *peer, dispatch_t when) {
    switch (event->kind) {
        case MCOAP_EVENT_RESPONSE:
        case MCOAP_EVENT_NOTIFICATION:
        case MCOAP_EVENT_PONG:
            deliver(self, event, 0, peer, when);
            return true;
        case MCOAP_EVENT_RESET:
        case MCOAP_EVENT_TIMEOUT:
        #if MICROCOAPY_BLOCK
        case MCOAP_EVENT_BAD_BLOCKS:
        case MCOAP_EVENT_CHANGED:
        case MCOAP_EVENT_NO_ROOM:
        #endif
            return deliver(self, event, microcoapy_event_errno(event->kind), peer, when);
        default:
            return false;
    }
}

// To be dispatched by poll().
static bool postpone(coap_obj_t *self, const mcoap_event *event, const peer_t *peer) {
    news_t *news = microcoapy_news_add(self);
    news->event = *event;
    news->peer = *peer;
    news->path = microcoapy_path_of(self, event->resource);
    return true;
}

#if MICROCOAPY_MODERN
// What has become of a classic request whose response came block by block.
static void deliver_whole(coap_obj_t *self, exchange_obj_t *exchange, const peer_t *peer, dispatch_t when) {
    bool is_error = exchange->waiter.failed;
    if (microcoapy_callback_for(self, is_error) != mp_const_none) {
        tell(self, is_error, exchange->waiter.result, peer, when);
    }
}

// An Exchange for a classic request whose response comes block by block. Without memory for it nobody would ask for more.
static exchange_obj_t *adopt(coap_obj_t *self, mcoap_handle handle) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        exchange_obj_t *exchange = microcoapy_exchange_new(self, false);
        nlr_pop();
        exchange->handle = handle;
        exchange->is_classic = true;
        microcoapy_waiter_begin(&exchange->waiter);
        return exchange;
    }
    mcoap_exchange_cancel(self->endpoint, microcoapy_now(), handle);
    nlr_jump(nlr.ret_val);
}

static bool is_request(uint8_t kind) {
    return kind == MCOAP_EVENT_REQUEST || kind == MCOAP_EVENT_UPLOAD || kind == MCOAP_EVENT_DOWNLOAD;
}

bool microcoapy_dispatch(coap_obj_t *self, const mcoap_event *event, const peer_t *peer, dispatch_t when) {
    if (event->kind == MCOAP_EVENT_NONE) {
        return false;
    }
    exchange_obj_t *exchange = microcoapy_exchange_find(self, event->handle);
    bool serves = is_request(event->kind);
    if (when == DISPATCH_RUN_LATER && (serves || (exchange != NULL && microcoapy_exchange_runs_program(exchange)))) {
        return postpone(self, event, peer);
    }
    if (serves) {
        return microcoapy_serve_event(self, event, peer);
    }
    if (event->kind == MCOAP_EVENT_BLOCK && exchange == NULL) {
        exchange = adopt(self, event->handle);
    }
    if (exchange == NULL) {
        return dispatch_classic(self, event, peer, when);
    }
    bool told = microcoapy_exchange_event(exchange, event, peer);
    if (exchange->is_classic && exchange->waiter.result != MP_OBJ_NULL) {
        deliver_whole(self, exchange, peer, when);
    }
    return told;
}
#else
bool microcoapy_dispatch(coap_obj_t *self, const mcoap_event *event, const peer_t *peer, dispatch_t when) {
    if (event->kind != MCOAP_EVENT_REQUEST) {
        return dispatch_classic(self, event, peer, when);
    }
    return when == DISPATCH_RUN_LATER ? postpone(self, event, peer) : microcoapy_serve_event(self, event, peer);
}
#endif
