// SPDX-License-Identifier: MIT
//
// The endpoint's heartbeat: datagrams in, events up, datagrams out, and waiting for the next one. What an event means is
// above: dispatch.c, reached by the endpoint's pointer to it.
//
// Python code runs in callbacks, in custom sockets and while waiting, and may do anything to the
// same object: what an event lends is copied before, and the state is looked at again after.

#include <string.h>

#include "dtls.h"
#include "link.h"
#include "modern.h"

// Datagrams that need no callback, handled in one pass before timers get their turn.
#define DATAGRAMS_PER_PASS (64)
// Handled messages after which timers run even though more data is waiting.
#define TIMERS_DEFERRED_MAX (16)

static void peer_copy(peer_t *to, const uint8_t *bytes, size_t len) {
    to->len = len;
    memcpy(to->bytes, bytes, len); // at most MCOAP_PEER_MAX
}

bool microcoapy_flush(coap_obj_t *self, mcoap_handle exchange) {
    bool sent = true;
    mcoap_datagram datagram;
    // Otherwise it waits for start(), or take(). Looked at again each time: a socket's methods may be the program's.
    while (self->link != NULL && self->link->send != NULL
           && mcoap_endpoint_poll_transmit(self->endpoint, &datagram) == MCOAP_OK) {
        peer_t peer;
        peer_copy(&peer, datagram.peer, datagram.peer_len);
        mcoap_handle first_of = datagram.exchange;
        if (!microcoapy_link_send(self, &peer, datagram.data, datagram.data_len)
            && first_of != 0 && first_of == exchange) {
            sent = false;
        }
    }
    return sent;
}

// ---- news: what a sending call has taken in, and the program has not been told yet ---------------

// At least so many are kept, and one for each request that there may be at once. Where nobody polls, the oldest gives way.
#define NEWS_MIN (8)

static void drop_oldest_news(coap_obj_t *self) {
    for (news_t **link = &self->news; *link != NULL; link = &(*link)->next) {
        if ((*link)->what != MP_OBJ_NULL) {
            *link = (*link)->next;
            self->news_dropped++;
            return;
        }
    }
}

// Made before a datagram is read: what has been read and cannot be kept would be lost.
static void make_news_room(coap_obj_t *self) {
    if (self->news_room == NULL) {
        self->news_room = m_new0(news_t, 1);
    }
}

static void free_news_room(coap_obj_t *self) {
    if (self->news_room != NULL) {
        m_del(news_t, self->news_room, 1);
        self->news_room = NULL;
    }
}

news_t *microcoapy_news_add(coap_obj_t *self) {
    make_news_room(self);
    news_t *added = self->news_room;
    self->news_room = NULL;
    size_t count = 0;
    for (const news_t *news = self->news; news != NULL; news = news->next) {
        count++;
    }
    if (count >= NEWS_MIN && count >= mcoap_exchanges_max()) {
        drop_oldest_news(self);
    }
    news_t **link = &self->news;
    while (*link != NULL) {
        link = &(*link)->next;
    }
    *link = added;
    return added;
}

static bool receive_buffer_is_in_use(coap_obj_t *self) {
    const news_t *news = self->news;
    while (news != NULL && news->what != MP_OBJ_NULL) {
        news = news->next;
    }
    return news != NULL;
}

// ---- events ------------------------------------------------------------------------------------

void microcoapy_read_clock(coap_obj_t *self) {
    self->now = microcoapy_now();
}

void microcoapy_call_back(coap_obj_t *self, bool is_error, mp_obj_t what, mp_obj_t sender) {
    mp_obj_t callback = microcoapy_callback_for(self, is_error);
    if (callback != mp_const_none) {
        mp_call_function_2(callback, what, sender);
    }
}

// The oldest of the news. False: there are none.
static bool tell_news(coap_obj_t *self) {
    bool told = false;
    while (self->news != NULL && !told) {
        news_t *news = self->news;
        self->news = news->next;
        if (news->what != MP_OBJ_NULL) {
            microcoapy_call_back(self, news->is_error, news->what, news->sender);
            return true;
        }
        if (news->path != MP_OBJ_NULL) {
            news->event.resource = microcoapy_path_find(self, news->path);
        }
        told = self->dispatch(self, &news->event, &news->peer, DISPATCH_NOW);
        microcoapy_flush(self, 0);
    }
    return told;
}

// What has come of the timers: true if the program has been told of something, or will be.
static bool dispatch_ended(coap_obj_t *self, dispatch_t when) {
    mcoap_event event;
    while (mcoap_endpoint_poll_event(self->endpoint, self->now, &event) == MCOAP_OK) {
        peer_t peer;
        peer_copy(&peer, event.peer, event.peer_len);
        if (event.kind == MCOAP_EVENT_TIMEOUT && microcoapy_speaks_dtls(self)) {
            microcoapy_dtls_timed_out(self, &peer);
        }
        if (self->dispatch(self, &event, &peer, when)) {
            return true;
        }
    }
    return false;
}

// What waits for poll(): true if the program has been told of something.
static bool dispatch_timer_events(coap_obj_t *self) {
    return tell_news(self) || dispatch_ended(self, DISPATCH_NOW);
}

static void hand_in(coap_obj_t *self, const datagram_t *datagram, mcoap_event *event) {
    event->kind = MCOAP_EVENT_NONE;
    microcoapy_paths_sync(self);
    mcoap_endpoint_handle_datagram(self->endpoint, self->now, datagram->peer.bytes, datagram->peer.len,
        self->rx, datagram->len, datagram->multicast, event);
}

// Behind what uses sequence numbers: save() may call anything.
static void refresh_security(coap_obj_t *self) {
    #if MICROCOAPY_OSCORE
    if (self->securities != MP_OBJ_NULL) {
        microcoapy_security_refresh(self);
    }
    #endif
}

static bool handle_datagram(coap_obj_t *self, const datagram_t *datagram) {
    mcoap_event event;
    hand_in(self, datagram, &event);
    bool handled = self->dispatch(self, &event, &datagram->peer, DISPATCH_NOW);
    microcoapy_flush(self, 0);
    refresh_security(self);
    microcoapy_read_clock(self);
    return handled;
}

void microcoapy_take_in(coap_obj_t *self) {
    mcoap_event event;
    datagram_t datagram;
    microcoapy_read_clock(self);
    for (unsigned i = 0; i < DATAGRAMS_PER_PASS && !receive_buffer_is_in_use(self); i++) {
        make_news_room(self);
        receive_t received = microcoapy_link_receive(self, &datagram);
        if (received == RECEIVE_NONE) {
            break;
        }
        if (received == RECEIVE_DATA) {
            hand_in(self, &datagram, &event);
            self->dispatch(self, &event, &datagram.peer, DISPATCH_RUN_LATER);
        }
    }
    free_news_room(self);
    microcoapy_run_timers(self);
    while (dispatch_ended(self, DISPATCH_TELL_LATER)) {
    }
}

bool microcoapy_feed(coap_obj_t *self, mp_obj_t data, mp_obj_t address) {
    datagram_t datagram;
    mp_buffer_info_t buffer;
    datagram.multicast = false;
    microcoapy_peer_from_object(self, address, &datagram.peer);
    // Looking at the address may have run Python, so the bytes are looked up last.
    microcoapy_bytes_arg(data, MP_QSTR_data, &buffer);
    // One byte more than fits shows the engine that it is too large.
    datagram.len = MIN(buffer.len, self->rx_len);
    memcpy(self->rx, buffer.buf, datagram.len);
    microcoapy_read_clock(self);
    bool handled = handle_datagram(self, &datagram);
    return dispatch_timer_events(self) || handled;
}

mp_obj_t microcoapy_take(coap_obj_t *self) {
    mcoap_datagram datagram;
    while (dispatch_timer_events(self)) {
        microcoapy_read_clock(self);
    }
    if (self->link != &microcoapy_link_manual || mcoap_endpoint_poll_transmit(self->endpoint, &datagram) != MCOAP_OK) {
        return mp_const_none;
    }
    peer_t peer;
    peer_copy(&peer, datagram.peer, datagram.peer_len);
    mp_obj_t pair[2];
    pair[0] = mp_obj_new_bytes(datagram.data, datagram.data_len);
    pair[1] = microcoapy_peer_to_object(self, &peer);
    return mp_obj_new_tuple(2, pair);
}

// ---- the pump ----------------------------------------------------------------------------------

void microcoapy_run_timers(coap_obj_t *self) {
    self->timers_deferred = 0;
    microcoapy_cancel_expired(self);
    if (microcoapy_speaks_dtls(self)) {
        microcoapy_dtls_run_timers(self);
    }
    mcoap_endpoint_handle_timeout(self->endpoint, self->now);
    microcoapy_prune_bodies(self);
    microcoapy_flush(self, 0);
    refresh_security(self);
}

uint32_t microcoapy_next_timer(coap_obj_t *self) {
    uint32_t milliseconds;
    if (self->news != NULL) {
        return 0;
    }
    uint32_t handshake = microcoapy_speaks_dtls(self) ? microcoapy_dtls_next_timer(self) : UINT32_MAX;
    if (mcoap_endpoint_poll_timeout(self->endpoint, self->now, &milliseconds) == MCOAP_OK) {
        return MIN(milliseconds, handshake);
    }
    return handshake;
}

// A retransmission is pointless while its answer may be among the data that wait to be read.
static void run_timers_unless_data(coap_obj_t *self) {
    if (microcoapy_next_timer(self) != 0) {
        return;
    }
    if (self->timers_deferred < TIMERS_DEFERRED_MAX && microcoapy_link_poll(self, MP_STREAM_POLL_RD) != 0) {
        self->timers_deferred++;
        return;
    }
    microcoapy_run_timers(self);
}

bool microcoapy_pass(coap_obj_t *self) {
    microcoapy_read_clock(self);
    if (self->paths_changed) {
        microcoapy_paths_sync(self); // observers of a path that has gone are told
    }
    if (dispatch_timer_events(self)) {
        return true;
    }
    for (unsigned i = 0; i < DATAGRAMS_PER_PASS; i++) {
        datagram_t datagram;
        receive_t received = microcoapy_link_receive(self, &datagram);
        if (received == RECEIVE_NONE) {
            break;
        }
        // What a datagram ended is reported before the next one is read.
        if (received == RECEIVE_DATA && (handle_datagram(self, &datagram) || dispatch_timer_events(self))) {
            run_timers_unless_data(self);
            return true;
        }
    }
    microcoapy_run_timers(self);
    return dispatch_timer_events(self);
}

// Whether nothing is to be done but to wait, and the link can do that where it reads.
static bool may_await(coap_obj_t *self, uint32_t milliseconds, bool (*done)(void *), void *what) {
    return microcoapy_link_can_await(self) && milliseconds >= LINK_SLICE_MS
           && microcoapy_next_timer(self) >= LINK_SLICE_MS && (done == NULL || !done(what));
}

// Waits for a datagram, and handles it. False: none has come.
static bool await_one(coap_obj_t *self, bool *handled) {
    datagram_t datagram;
    receive_t received = microcoapy_link_await(self, &datagram);
    microcoapy_read_clock(self);
    if (received == RECEIVE_DATA) {
        *handled = handle_datagram(self, &datagram) || dispatch_timer_events(self);
    }
    return received != RECEIVE_NONE;
}

bool microcoapy_pump(coap_obj_t *self, uint32_t milliseconds, bool (*done)(void *), void *what) {
    uint32_t start = microcoapy_now();
    uint32_t elapsed = 0;
    self->now = start;
    for (;;) {
        microcoapy_port_events();
        if (self->link == NULL) {
            return false;
        }
        bool handled = false;
        bool came = may_await(self, milliseconds - elapsed, done, what) && await_one(self, &handled);
        if (!came) {
            handled = microcoapy_pass(self);
        }
        if (done == NULL ? handled : done(what)) {
            return true;
        }
        microcoapy_read_clock(self);
        elapsed = self->now - start;
        if (milliseconds != PUMP_FOREVER && elapsed >= milliseconds) {
            return false;
        }
        if (handled || came) {
            continue;
        }
        uint32_t timer = microcoapy_next_timer(self);
        microcoapy_link_wait(self, MIN(milliseconds - elapsed, timer));
    }
}
