// SPDX-License-Identifier: MIT
//
// DTLS 1.2, RFC 6347 and RFC 7252 section 9.1, over the link of an endpoint: which session a datagram or a message belongs
// to, and with whom one begins. A client's address is known by a cookie before it has a session, so that whoever sends in
// others' names takes nothing.

#include <string.h>

#include "dtls_session.h"
#include "py/mperrno.h"

#if MICROCOAPY_DTLS

// RFC 6347 sections 4.1 and 4.2.2: what precedes the random bytes of a ClientHello.
#define RECORD_EPOCH (3)
#define RECORD_CID (RECORD_EPOCH + RECORD_NUMBER_LEN)
#define RECORD_HEADER (13)
#define RECORD_HANDSHAKE (22)
#define HANDSHAKE_CLIENT_HELLO (1)
#define HANDSHAKE_HEADER (12)
#define HELLO_RANDOM (RECORD_HEADER + HANDSHAKE_HEADER + 2)
// Bytes of a datagram that is taken in: flights of a handshake are as long as the path admits.
#define DATAGRAM_MAX (1500)
// What a record adds to a message: header, explicit nonce, tag.
#define RECORD_OVERHEAD (RECORD_HEADER + 8 + 16)
// A session whose peer has been silent for longer, with a request timed out, may be one that it has lost.
#define SILENCE_MS (5000)

// ---- what comes --------------------------------------------------------------------------------

static void session_fail(session_t *session, int error) {
    coap_obj_t *self = session->link->coap;
    if (session->is_client) {
        microcoapy_dtls_unsave(session->link->dtls, &session->proven, session->host); // RFC 5246 section 7.2.2
    }
    microcoapy_session_alert(session, error);
    if (!microcoapy_session_is_over(session)) {
        microcoapy_session_end(session, false);
        microcoapy_report(self, MP_QSTR_dtls, MP_OBJ_NEW_SMALL_INT(error));
    }
}

// The next steps of a handshake. True: it is over, and there may be data.
static bool session_shake(session_t *session) {
    int result = microcoapy_session_handshake(session);
    if (microcoapy_session_is_over(session) || result == SESSION_WAITS) {
        return false;
    }
    if (result != 0) {
        session_fail(session, result);
        return false;
    }
    session->established = true;
    session->used = session->link->coap->now;
    microcoapy_session_make_room(session);
    if (session->waiting != NULL && !microcoapy_session_is_over(session)) {
        uint8_t *waiting = session->waiting;
        session->waiting = NULL;
        microcoapy_session_write(session, waiting, session->waiting_len);
    }
    return !microcoapy_session_is_over(session);
}

#if DTLS_CID_LEN
// What has come is its client's, and is newer than all before: that is where the client is now, RFC 9146 section 6. It
// stays the same peer, but has not shown that it is there.
static void session_follow(session_t *session, const uint8_t *number) {
    if (memcmp(number, session->newest, RECORD_NUMBER_LEN) <= 0) {
        return;
    }
    memcpy(session->newest, number, RECORD_NUMBER_LEN);
    if (!microcoapy_same_peer(&session->address, &session->from)) {
        peer_t peer;
        session->address = session->from;
        microcoapy_session_peer(session, &peer);
        mcoap_peer_moved(session->link->coap->endpoint, peer.bytes, peer.len);
    }
}
#endif

// One message of a session.
static receive_t session_read(session_t *session, datagram_t *datagram) {
    dtls_link_t *link = session->link;
    coap_obj_t *self = link->coap;
    #if DTLS_CID_LEN
    bool has_cid = session->in_len > 0 && session->in[RECORD_TYPE] == RECORD_WITH_CID;
    #endif
    if (!session->established && !session_shake(session)) {
        return RECEIVE_AGAIN;
    }
    int result = microcoapy_session_receive(session, self->rx, self->rx_len);
    if (microcoapy_session_is_over(session)) {
        return RECEIVE_AGAIN;
    }
    if (result > 0) {
        session->used = self->now;
        session->unanswered = false;
        session->stale = false;
        #if DTLS_CID_LEN
        if (has_cid) {
            session_follow(session, session->ssl.MBEDTLS_PRIVATE(in_ctr)); // of the record that was read
        }
        #endif
        link->ready = microcoapy_session_has_more(session) ? session : NULL;
        datagram->len = result;
        microcoapy_session_peer(session, &datagram->peer);
        return RECEIVE_DATA;
    }
    if (result < 0 && result != SESSION_WAITS) {
        microcoapy_session_end(session, result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY);
    }
    return RECEIVE_AGAIN;
}

// Of more bytes than a header.
static bool is_hello(const uint8_t *record) {
    return record[RECORD_TYPE] == RECORD_HANDSHAKE && record[RECORD_EPOCH] == 0 && record[RECORD_EPOCH + 1] == 0
           && record[RECORD_HEADER] == HANDSHAKE_CLIENT_HELLO;
}

// The random bytes of a ClientHello that begins a session; NULL: the datagram is none.
static const uint8_t *client_hello(const uint8_t *data, size_t len) {
    return len >= HELLO_RANDOM + RANDOM_LEN && is_hello(data) ? &data[HELLO_RANDOM] : NULL;
}

// Whether there is any, whole or not, among the records of a datagram: mbedtls may take it for that of the session's peer,
// with no proof of where it comes from.
static bool has_hello(const uint8_t *data, size_t len) {
    for (size_t at = 0; at + RECORD_HEADER < len;) {
        const uint8_t *record = &data[at];
        size_t header = RECORD_HEADER + (record[RECORD_TYPE] == RECORD_WITH_CID ? DTLS_CID_LEN : 0);
        if (is_hello(record)) {
            return true;
        }
        if (at + header > len) {
            break;
        }
        at += header + (record[header - 2] << 8 | record[header - 1]);
    }
    return false;
}

// A ClientHello of who has no session, or begins anew (RFC 6347 section 4.2.8): answered with a cookie, of which nothing is
// kept, until it comes with it.
static void answer_hello(dtls_link_t *link, const datagram_t *datagram, const uint8_t *random) {
    session_t *spare = link->spare;
    if (!link->dtls->is_server || (spare == NULL && (spare = microcoapy_session_new(link, false)) == NULL) || spare->busy) {
        return;
    }
    link->spare = spare;
    if (!microcoapy_session_hello(spare, datagram, random)) {
        return;
    }
    session_t *before = microcoapy_session_at(link, &spare->address);
    if (before != NULL) {
        microcoapy_session_end(before, false);
    }
    if (microcoapy_session_settle(spare)) {
        link->spare = NULL;
    }
}

// Whether it is not that of the session: its peer begins anew.
static bool is_another(const session_t *session, const uint8_t *random) {
    return session->is_client ? session->established : memcmp(session->hello, random, RANDOM_LEN) != 0;
}

// ---- for the program ---------------------------------------------------------------------------

// The name as text that mbedtls reads; NULL if it has no bytes.
static char *copy_of(const char *name, size_t len) {
    if (len == 0) {
        return NULL;
    }
    char *copy = m_new(char, len + 1);
    memcpy(copy, name, len);
    copy[len] = 0;
    return copy;
}

static bool is_named(const session_t *session, const char *name, size_t len) {
    const char *known = session->host;
    return known == NULL ? len == 0 : strlen(known) == len && memcmp(known, name, len) == 0;
}

// Whether the session is good for this name of the server; of no bytes: for its address.
static bool fits(session_t *session, const char *name, size_t len) {
    bool checks_names = session->link->dtls->checks_names;
    if (!session->is_client) {
        // Its peer has come as a client: with a key, or as some client that the authorities know.
        return session->established && !checks_names;
    }
    return !checks_names || is_named(session, name, len)
        || (session->established && microcoapy_session_names(session, copy_of(name, len)));
}

// An errno, or 0.
static int begin_client(dtls_link_t *link, const peer_t *peer, const char *name, size_t len) {
    session_t *session = microcoapy_session_new(link, true);
    if (session == NULL) {
        return MP_ENOMEM;
    }
    bool is_set = microcoapy_session_set_server(session, peer, copy_of(name, len));
    if (is_set && microcoapy_session_settle(session)) {
        return 0;
    }
    microcoapy_session_free(session);
    return is_set ? MP_ENOBUFS : MP_ENOMEM;
}

static bool is_literal(const char *host, size_t len) {
    peer_t literal;
    size_t literal_len = sizeof(literal.bytes);
    return mcoap_peer_from_text((const uint8_t *)host, len, 1, literal.bytes, &literal_len) == MCOAP_OK;
}

int microcoapy_dtls_connect(coap_obj_t *self, peer_t *peer, const char *host, size_t len) {
    dtls_link_t *link = microcoapy_dtls_link(self);
    if (mcoap_peer_is_multicast(peer->bytes, peer->len)) {
        return MP_EPROTONOSUPPORT; // RFC 7252 section 9.1.1
    }
    if (!link->dtls->is_client) {
        return MP_EACCES;
    }
    if (len != 0 && is_literal(host, len)) {
        len = 0; // no name
    }
    session_t *session = microcoapy_session_at(link, peer);
    if (session != NULL && (session->stale || !fits(session, host, len))) {
        if (!session->is_client && !session->stale) {
            return session->established ? MP_EACCES : MP_EBUSY; // it is its peer's
        }
        if (session->busy) {
            return MP_EBUSY;
        }
        microcoapy_session_end(session, true);
        session = NULL;
    }
    int error = session == NULL ? begin_client(link, peer, host, len) : 0;
    if (error == 0) {
        microcoapy_dtls_find(self, peer);
    }
    return error;
}

void microcoapy_dtls_find(coap_obj_t *self, peer_t *peer) {
    dtls_link_t *link = microcoapy_dtls_link(self);
    session_t *session = microcoapy_session_at(link, peer);
    if (session != NULL) {
        microcoapy_session_peer(session, peer);
    }
}

bool microcoapy_dtls_address(coap_obj_t *self, const peer_t *peer, peer_t *out) {
    const place_t *place = microcoapy_speaks_dtls(self) ? microcoapy_peer_place(microcoapy_dtls_link(self), peer) : NULL;
    if (place != NULL) {
        *out = place->session == NULL ? place->address : place->session->address;
    }
    return place != NULL;
}

// ---- for the link ------------------------------------------------------------------------------

receive_t microcoapy_dtls_receive(coap_obj_t *self, datagram_t *datagram) {
    dtls_link_t *link = microcoapy_dtls_link(self);
    session_t *ready = link->ready;
    if (link->depth != 0) {
        return RECEIVE_NONE; // a datagram lies in the buffer that mbedtls has not looked at
    }
    if (ready != NULL) {
        link->ready = NULL;
        return session_read(ready, datagram);
    }
    receive_t what = self->link->receive(self, self->sock, datagram);
    if (what != RECEIVE_DATA || link->coap == NULL) {
        return what == RECEIVE_NONE ? RECEIVE_NONE : RECEIVE_AGAIN;
    }
    const uint8_t *random = client_hello(self->rx, datagram->len);
    session_t *session = microcoapy_session_at(link, &datagram->peer);
    #if DTLS_CID_LEN
    if (datagram->len > RECORD_CID + DTLS_CID_LEN && self->rx[RECORD_TYPE] == RECORD_WITH_CID) {
        session = microcoapy_session_with(link, &self->rx[RECORD_CID]);
    }
    if (session != NULL) {
        session->from = datagram->peer;
    }
    #endif
    if (datagram->multicast || (session == NULL && random == NULL) || (session != NULL && session->busy)) {
        return RECEIVE_AGAIN;
    }
    if (random != NULL && (session == NULL || is_another(session, random))) {
        answer_hello(link, datagram, random);
        return RECEIVE_AGAIN;
    }
    if ((session->established || session->is_client) && has_hello(self->rx, datagram->len)) {
        return RECEIVE_AGAIN;
    }
    session->in = self->rx;
    session->in_len = datagram->len;
    return session_read(session, datagram);
}

bool microcoapy_dtls_send(coap_obj_t *self, const peer_t *peer, const uint8_t *data, size_t len) {
    place_t *place = microcoapy_peer_place(microcoapy_dtls_link(self), peer);
    session_t *session = place == NULL ? NULL : place->session;
    if (session == NULL || session->busy) {
        return false;
    }
    if (!session->unanswered) {
        session->unanswered = true;
        session->asked = self->now;
    }
    if (session->established) {
        session->used = self->now;
        return microcoapy_session_write(session, data, len);
    }
    // The latest: the program may have given up what came before, and otherwise it comes again.
    session->waiting = m_renew(uint8_t, session->waiting, session->waiting_len, len);
    session->waiting_len = len;
    memcpy(session->waiting, data, len);
    if (!session->begun) {
        session_shake(session);
    }
    return true;
}

void microcoapy_dtls_timed_out(coap_obj_t *self, const peer_t *peer) {
    place_t *place = microcoapy_peer_place(microcoapy_dtls_link(self), peer);
    session_t *session = place == NULL ? NULL : place->session;
    if (session != NULL && session->unanswered && self->now - session->asked >= SILENCE_MS) {
        session->stale = true;
    }
}

uint32_t microcoapy_dtls_next_timer(coap_obj_t *self) {
    dtls_link_t *link = microcoapy_dtls_link(self);
    uint32_t next = link->ready != NULL ? 0 : UINT32_MAX;
    for (size_t i = 0; i < link->count; i++) {
        next = MIN(next, microcoapy_session_due(link->place[i].session));
    }
    return next;
}

void microcoapy_dtls_run_timers(coap_obj_t *self) {
    dtls_link_t *link = microcoapy_dtls_link(self);
    for (size_t i = 0; i < link->count && link->coap != NULL; i++) {
        if (microcoapy_session_due(link->place[i].session) == 0) {
            session_shake(link->place[i].session);
        }
    }
}

void microcoapy_dtls_close(coap_obj_t *self) {
    dtls_link_t *link = microcoapy_dtls_link(self);
    for (size_t i = 0; i < link->count; i++) {
        if (link->place[i].session != NULL) {
            microcoapy_session_end(link->place[i].session, true);
        }
    }
    if (link->spare != NULL && !link->spare->busy) {
        microcoapy_session_free(link->spare);
    }
    link->coap = NULL;
    self->rx = link->rx_before;
    self->rx_len = link->rx_len_before;
    self->dtls = MP_OBJ_NULL;
}

void microcoapy_dtls_open(coap_obj_t *self, mp_obj_t dtls_in) {
    dtls_obj_t *dtls = MP_OBJ_TO_PTR(dtls_in);
    size_t count = dtls->sessions + HANDSHAKES;
    size_t rx_len = MAX(DATAGRAM_MAX, self->rx_len + RECORD_OVERHEAD);
    dtls_link_t *link = m_malloc0(sizeof(dtls_link_t) + count * sizeof(place_t));
    link->rx_before = self->rx;
    link->rx_len_before = self->rx_len;
    self->rx = m_new(uint8_t, rx_len);
    self->rx_len = rx_len;
    link->coap = self;
    link->dtls = dtls;
    link->count = count;
    self->dtls = MP_OBJ_FROM_PTR(link);
}

#endif // MICROCOAPY_DTLS
