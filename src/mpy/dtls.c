// SPDX-License-Identifier: MIT
//
// Sessions of DTLS 1.2, RFC 6347 and RFC 7252 section 9.1, over the link of an endpoint. There is a fixed number of them; a
// client's address is known by a cookie before it has one, so that whoever sends in others' names takes nothing.

#include <string.h>

#include "dtls.h"

#if MICROCOAPY_DTLS

#define RECORD_HANDSHAKE (22)
#define RECORD_HEADER (13)
#define HANDSHAKE_CLIENT_HELLO (1)
// Bytes of a datagram that is taken in: flights of a handshake are as long as the path admits.
#define DATAGRAM_MAX (1500)

// Of a peer that has shown its address, or that we begin with.
typedef struct {
    mbedtls_ssl_context ssl;
    coap_obj_t *coap;
    peer_t peer;
    bool established;
    bool is_client;
    bool times;             // mbedtls has a timer
    uint32_t timer_start;
    uint32_t timer_between; // milliseconds from its start
    uint32_t timer_end;
    uint32_t used;          // when it was last
    const uint8_t *in;      // the datagram that it may read
    size_t in_len;
    uint8_t *waiting;       // what goes out when the handshake is over, or NULL
    size_t waiting_len;
} session_t;

// Of an endpoint with DTLS.
typedef struct _dtls_link_t {
    mp_obj_base_t base;
    dtls_obj_t *dtls;
    session_t *spare; // for whoever has no cookie yet, or NULL
    uint8_t count;
    uint8_t rx[DATAGRAM_MAX];
    session_t *sessions[]; // NULL where there is none
} dtls_link_t;

static dtls_link_t *link_of(coap_obj_t *self) {
    return MP_OBJ_TO_PTR(self->dtls);
}

static bool same_peer(const peer_t *one, const peer_t *other) {
    return one->len == other->len && memcmp(one->bytes, other->bytes, one->len) == 0;
}

// ---- what mbedtls calls ------------------------------------------------------------------------

static int session_send(void *context, const unsigned char *data, size_t len) {
    session_t *session = context;
    // What cannot be sent is lost on the way, and sent again like that.
    session->coap->link->send(session->coap, &session->peer, data, len);
    return len;
}

static int session_recv(void *context, unsigned char *data, size_t len) {
    session_t *session = context;
    if (session->in_len == 0) {
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    len = MIN(len, session->in_len);
    memcpy(data, session->in, len);
    session->in_len = 0;
    return len;
}

static void session_set_timer(void *context, uint32_t between, uint32_t end) {
    session_t *session = context;
    session->timer_start = microcoapy_now();
    session->timer_between = between;
    session->timer_end = end;
    session->times = end != 0;
}

static int session_get_timer(void *context) {
    session_t *session = context;
    uint32_t elapsed = microcoapy_now() - session->timer_start;
    return !session->times ? -1 : elapsed >= session->timer_end ? 2 : elapsed >= session->timer_between ? 1 : 0;
}

// ---- the table ---------------------------------------------------------------------------------

static void session_free(session_t *session) {
    mbedtls_ssl_free(&session->ssl);
    m_del(uint8_t, session->waiting, session->waiting_len);
    m_del(session_t, session, 1);
}

// NULL: mbedtls has no memory.
static session_t *session_new(coap_obj_t *self, const mbedtls_ssl_config *config) {
    session_t *session = m_new0(session_t, 1);
    mbedtls_ssl_init(&session->ssl);
    session->coap = self;
    session->is_client = config == &link_of(self)->dtls->client;
    if (mbedtls_ssl_setup(&session->ssl, config) != 0) {
        session_free(session);
        return NULL;
    }
    mbedtls_ssl_set_bio(&session->ssl, session, session_send, session_recv, NULL);
    mbedtls_ssl_set_timer_cb(&session->ssl, session, session_set_timer, session_get_timer);
    return session;
}

static session_t *session_find(dtls_link_t *link, const peer_t *peer) {
    for (size_t i = 0; i < link->count; i++) {
        if (link->sessions[i] != NULL && same_peer(&link->sessions[i]->peer, peer)) {
            return link->sessions[i];
        }
    }
    return NULL;
}

static void session_end(session_t *session) {
    dtls_link_t *link = link_of(session->coap);
    for (size_t i = 0; i < link->count; i++) {
        if (link->sessions[i] == session) {
            link->sessions[i] = NULL;
        }
    }
    if (session->established) {
        mbedtls_ssl_close_notify(&session->ssl);
    }
    session_free(session);
}

// Gives it a free place, or that of the session that has not been used for longest.
static void session_settle(session_t *session) {
    coap_obj_t *self = session->coap;
    dtls_link_t *link = link_of(self);
    session_t **place = &link->sessions[0];
    for (size_t i = 0; i < link->count && *place != NULL; i++) {
        session_t **other = &link->sessions[i];
        if (*other == NULL || self->now - (*other)->used > self->now - (*place)->used) {
            place = other;
        }
    }
    if (*place != NULL) {
        session_end(*place);
    }
    *place = session;
    session->used = self->now;
}

// ---- handshakes --------------------------------------------------------------------------------

static bool is_client_hello(const uint8_t *data, size_t len) {
    return len > RECORD_HEADER && data[0] == RECORD_HANDSHAKE && data[RECORD_HEADER] == HANDSHAKE_CLIENT_HELLO;
}

static bool wants_more(int result) {
    return result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE;
}

// A message of ours that waits is answered as if the peer had reset it. False: there is none.
static bool reset_waiting(session_t *session, datagram_t *datagram) {
    if (session->waiting == NULL || session->waiting_len < 4) {
        return false;
    }
    uint8_t *rx = session->coap->rx;
    rx[0] = 0x70;
    rx[1] = 0;
    rx[2] = session->waiting[2];
    rx[3] = session->waiting[3];
    datagram->len = 4;
    datagram->peer = session->peer;
    return true;
}

static receive_t session_fail(session_t *session, datagram_t *datagram) {
    bool told = datagram != NULL && reset_waiting(session, datagram);
    session_end(session);
    return told ? RECEIVE_DATA : RECEIVE_AGAIN;
}

// The next steps of a handshake. RECEIVE_NONE: it is over, and there may be data.
static receive_t session_shake(session_t *session, datagram_t *datagram) {
    int result = mbedtls_ssl_handshake(&session->ssl);
    if (wants_more(result)) {
        return RECEIVE_AGAIN;
    }
    if (result != 0) {
        return session_fail(session, datagram);
    }
    session->established = true;
    if (session->waiting != NULL) {
        mbedtls_ssl_write(&session->ssl, session->waiting, session->waiting_len);
        m_del(uint8_t, session->waiting, session->waiting_len);
        session->waiting = NULL;
    }
    return RECEIVE_NONE;
}

// One message of a session.
static receive_t session_read(session_t *session, datagram_t *datagram) {
    coap_obj_t *self = session->coap;
    if (!session->established) {
        receive_t shaken = session_shake(session, datagram);
        if (shaken != RECEIVE_NONE) {
            return shaken;
        }
    }
    int result = mbedtls_ssl_read(&session->ssl, self->rx, self->rx_len);
    if (result > 0) {
        session->used = self->now;
        datagram->len = result;
        datagram->peer = session->peer;
        datagram->multicast = false;
            return RECEIVE_DATA;
    }
    if (result == MBEDTLS_ERR_SSL_CLIENT_RECONNECT) {
        session->established = false;
        return session_shake(session, datagram);
    }
    if (!wants_more(result)) {
        session_end(session);
    }
    return RECEIVE_AGAIN;
}

// A ClientHello of who has no session: answered with a cookie, of which nothing is kept, until it comes with it.
static void hello(coap_obj_t *self, const datagram_t *datagram) {
    dtls_link_t *link = link_of(self);
    session_t *spare = link->spare;
    if (spare == NULL && (spare = session_new(self, &link->dtls->server)) == NULL) {
        return;
    }
    link->spare = spare;
    spare->peer = datagram->peer;
    spare->in = link->rx;
    spare->in_len = datagram->len;
    mbedtls_ssl_session_reset(&spare->ssl);
    mbedtls_ssl_set_client_transport_id(&spare->ssl, datagram->peer.bytes, datagram->peer.len);
    if (wants_more(mbedtls_ssl_handshake(&spare->ssl))) {
        link->spare = NULL;
        session_settle(spare);
    }
}

// ---- for the link ------------------------------------------------------------------------------

receive_t microcoapy_dtls_receive(coap_obj_t *self, datagram_t *datagram) {
    dtls_link_t *link = link_of(self);
    uint8_t *rx = self->rx;
    uint16_t rx_len = self->rx_len;
    self->rx = link->rx;
    self->rx_len = sizeof(link->rx);
    receive_t what = self->link->receive(self, self->sock, datagram);
    self->rx = rx;
    self->rx_len = rx_len;
    if (what != RECEIVE_DATA || datagram->multicast) {
        return what == RECEIVE_NONE ? RECEIVE_NONE : RECEIVE_AGAIN;
    }
    session_t *session = session_find(link, &datagram->peer);
    if (session != NULL) {
        session->in = link->rx;
        session->in_len = datagram->len;
        return session_read(session, datagram);
    }
    if (is_client_hello(link->rx, datagram->len)) {
        hello(self, datagram);
    }
    return RECEIVE_AGAIN;
}

bool microcoapy_dtls_send(coap_obj_t *self, const peer_t *peer, const uint8_t *data, size_t len) {
    dtls_link_t *link = link_of(self);
    session_t *session = session_find(link, peer);
    if (session != NULL && session->established) {
        session->used = self->now;
        return mbedtls_ssl_write(&session->ssl, data, len) == (int)len;
    }
    if (session == NULL) {
        session = session_new(self, &link->dtls->client);
        if (session == NULL) {
            return false;
        }
        session->peer = *peer;
        session_settle(session);
    }
    if (session->is_client && session->waiting == NULL) {
        session->waiting = m_new(uint8_t, len);
        session->waiting_len = len;
        memcpy(session->waiting, data, len);
    }
    if (!session->times) {
        session_shake(session, NULL);
    }
    return true;
}

// Milliseconds until it sends its flight again.
static uint32_t session_due(const session_t *session) {
    uint32_t elapsed = microcoapy_now() - session->timer_start;
    return !session->times ? UINT32_MAX : elapsed >= session->timer_end ? 0 : session->timer_end - elapsed;
}

uint32_t microcoapy_dtls_next_timer(coap_obj_t *self) {
    dtls_link_t *link = link_of(self);
    uint32_t next = UINT32_MAX;
    for (size_t i = 0; i < link->count; i++) {
        if (link->sessions[i] != NULL) {
            next = MIN(next, session_due(link->sessions[i]));
        }
    }
    return next;
}

void microcoapy_dtls_run_timers(coap_obj_t *self) {
    dtls_link_t *link = link_of(self);
    for (size_t i = 0; i < link->count; i++) {
        if (link->sessions[i] != NULL && session_due(link->sessions[i]) == 0) {
            session_shake(link->sessions[i], NULL);
        }
    }
}

void microcoapy_dtls_close(coap_obj_t *self) {
    dtls_link_t *link = link_of(self);
    for (size_t i = 0; i < link->count; i++) {
        if (link->sessions[i] != NULL) {
            session_end(link->sessions[i]);
        }
    }
    if (link->spare != NULL) {
        session_free(link->spare);
    }
    self->dtls = MP_OBJ_NULL;
}

void microcoapy_dtls_open(coap_obj_t *self, mp_obj_t dtls_in) {
    dtls_obj_t *dtls = MP_OBJ_TO_PTR(dtls_in);
    dtls_link_t *link = m_malloc0(sizeof(dtls_link_t) + dtls->sessions * sizeof(session_t *));
    link->dtls = dtls;
    link->count = dtls->sessions;
    self->dtls = MP_OBJ_FROM_PTR(link);
}

#endif // MICROCOAPY_DTLS
