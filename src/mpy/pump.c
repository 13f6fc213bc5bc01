// SPDX-License-Identifier: MIT
//
// The endpoint's heartbeat: datagrams in, events up, datagrams out, and waiting for the next one.
//
// Python code runs in callbacks, in custom sockets and while waiting, and may do anything to the
// same object: what an event lends is copied before, and the state is looked at again after.

#include <string.h>

#include "py/mperrno.h"
#include "py/mphal.h"
#include "shim.h"

// Datagrams that need no callback, handled in one pass before timers get their turn.
#define DATAGRAMS_PER_PASS (64)
// Handled messages after which timers run even though more data is waiting.
#define TIMERS_DEFERRED_MAX (16)

uint32_t microcoapy_now(void) {
    return (uint32_t)mp_hal_ticks_ms();
}

static void peer_copy(peer_t *to, const uint8_t *bytes, size_t len) {
    to->len = len <= sizeof(to->bytes) ? len : 0;
    memcpy(to->bytes, bytes, to->len);
}

bool microcoapy_flush(coap_obj_t *self, mcoap_handle exchange) {
    bool sent = true;
    mcoap_datagram datagram;
    while (mcoap_endpoint_poll_transmit(self->endpoint, &datagram) == MCOAP_OK) {
        peer_t peer;
        peer_copy(&peer, datagram.peer, datagram.peer_len);
        mcoap_handle first_of = datagram.exchange;
        if (!microcoapy_socket_send(self, &peer, datagram.data, datagram.data_len)
            && first_of != 0 && first_of == exchange) {
            sent = false;
        }
    }
    return sent;
}

// ---- events ------------------------------------------------------------------------------------

// The handler failed: the client hears of it before the program does.
static void answer_failure(coap_obj_t *self, mcoap_handle request) {
    size_t len;
    if (mcoap_response_begin(self->endpoint, request, microcoapy_type_con, MCOAP_CODE_INTERNAL_SERVER_ERROR) == MCOAP_OK) {
        mcoap_response_send(self->endpoint, microcoapy_now(), &len);
    }
    mcoap_request_release(self->endpoint, request);
    microcoapy_flush(self, 0);
}

static void handle_request(coap_obj_t *self, const mcoap_event *event, const peer_t *peer) {
    mcoap_handle request = event->handle;
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_obj_t args[3];
        args[0] = microcoapy_packet_from_event(event);
        mp_obj_t handler = microcoapy_resource_handler(self, event->resource);
        microcoapy_peer_to_pair(self, peer, &args[1]);
        if (handler != MP_OBJ_NULL) {
            mp_call_function_n_kw(handler, 3, 0, args);
        }
        nlr_pop();
    } else {
        answer_failure(self, request);
        nlr_jump(nlr.ret_val);
    }
    mcoap_request_release(self->endpoint, request);
    microcoapy_flush(self, 0);
}

static void deliver_response(coap_obj_t *self, const mcoap_event *event, const peer_t *peer) {
    mp_obj_t callback = self->response_callback;
    mp_obj_t packet = MP_OBJ_NULL, sender = MP_OBJ_NULL;
    if (callback != mp_const_none) {
        packet = microcoapy_packet_from_event(event);
        sender = microcoapy_peer_to_object(self, peer);
    }
    // The acknowledgement goes out before the callback, which may take its time.
    microcoapy_flush(self, 0);
    if (callback != mp_const_none) {
        mp_call_function_2(callback, packet, sender);
    }
}

static bool deliver_error(coap_obj_t *self, int error, const peer_t *peer) {
    mp_obj_t callback = self->error_callback;
    if (callback == mp_const_none) {
        return false;
    }
    mp_obj_t exception = mp_obj_new_exception_arg1(&mp_type_OSError, MP_OBJ_NEW_SMALL_INT(error));
    mp_call_function_2(callback, exception, microcoapy_peer_to_object(self, peer));
    return true;
}

// True if the program was told something.
static bool dispatch(coap_obj_t *self, const mcoap_event *event, const peer_t *peer) {
    switch (event->kind) {
        case MCOAP_EVENT_REQUEST:
            handle_request(self, event, peer);
            return true;
        case MCOAP_EVENT_RESPONSE:
        case MCOAP_EVENT_PONG:
            deliver_response(self, event, peer);
            return true;
        case MCOAP_EVENT_RESET:
            return deliver_error(self, MP_ECONNRESET, peer);
        case MCOAP_EVENT_TIMEOUT:
            return deliver_error(self, MP_ETIMEDOUT, peer);
        default:
            return false;
    }
}

static bool dispatch_timer_events(coap_obj_t *self) {
    mcoap_event event;
    while (mcoap_endpoint_poll_event(self->endpoint, &event) == MCOAP_OK) {
        peer_t peer;
        peer_copy(&peer, event.peer, event.peer_len);
        if (dispatch(self, &event, &peer)) {
            return true;
        }
    }
    return false;
}

static bool handle_datagram(coap_obj_t *self, const datagram_t *datagram) {
    mcoap_event event;
    event.kind = MCOAP_EVENT_NONE;
    mcoap_endpoint_handle_datagram(self->endpoint, microcoapy_now(), datagram->peer.bytes, datagram->peer.len,
        self->rx, datagram->len, &event);
    bool handled = dispatch(self, &event, &datagram->peer);
    microcoapy_flush(self, 0);
    return handled;
}

// ---- the pump ----------------------------------------------------------------------------------

static void run_timers(coap_obj_t *self) {
    self->timers_deferred = 0;
    mcoap_endpoint_handle_timeout(self->endpoint, microcoapy_now());
    microcoapy_flush(self, 0);
}

// A retransmission is pointless while its answer may be among the data that wait to be read.
static void run_timers_unless_data(coap_obj_t *self) {
    uint32_t due;
    if (mcoap_endpoint_poll_timeout(self->endpoint, microcoapy_now(), &due) != MCOAP_OK || due != 0) {
        return;
    }
    if (self->timers_deferred < TIMERS_DEFERRED_MAX && microcoapy_socket_readable(self)) {
        self->timers_deferred++;
        return;
    }
    run_timers(self);
}

static bool pass(coap_obj_t *self) {
    if (dispatch_timer_events(self)) {
        return true;
    }
    microcoapy_resources_sync(self);
    for (unsigned i = 0; i < DATAGRAMS_PER_PASS; i++) {
        datagram_t datagram;
        receive_t received = microcoapy_socket_receive(self, &datagram);
        if (received == RECEIVE_NONE) {
            break;
        }
        if (received == RECEIVE_DATA && handle_datagram(self, &datagram)) {
            run_timers_unless_data(self);
            return true;
        }
    }
    run_timers(self);
    return dispatch_timer_events(self);
}

static uint32_t next_timer(coap_obj_t *self) {
    uint32_t milliseconds;
    if (mcoap_endpoint_poll_timeout(self->endpoint, microcoapy_now(), &milliseconds) == MCOAP_OK) {
        return milliseconds;
    }
    return UINT32_MAX;
}

bool microcoapy_pump(coap_obj_t *self, uint32_t milliseconds) {
    uint32_t start = microcoapy_now();
    for (;;) {
        // Ctrl-C, scheduled callbacks, and whatever the port does in between.
        mp_event_handle_nowait();
        if (self->link == LINK_NONE) {
            return false;
        }
        if (pass(self)) {
            return true;
        }
        uint32_t elapsed = microcoapy_now() - start;
        if (milliseconds != PUMP_FOREVER && elapsed >= milliseconds) {
            return false;
        }
        if (self->link != LINK_NONE) {
            uint32_t rest = milliseconds == PUMP_FOREVER ? UINT32_MAX : milliseconds - elapsed;
            microcoapy_socket_wait(self, MIN(rest, next_timer(self)));
        }
    }
}
