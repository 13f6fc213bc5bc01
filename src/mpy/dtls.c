// SPDX-License-Identifier: MIT
//
// Sessions of DTLS 1.2, RFC 6347 and RFC 7252 section 9.1, over the link of an endpoint. There is a fixed number of them; a
// client's address is known by a cookie before it has one, so that whoever sends in others' names takes nothing, and a
// client without a key takes no session from one that has it.
//
// mbedtls calls the link, which may run Python code, and that may do anything to the endpoint. A session that mbedtls is
// busy with is left alone meanwhile; what that code raises goes on when mbedtls has returned.

#include <string.h>

#include "dtls.h"
#include "py/mperrno.h"

#if MICROCOAPY_DTLS

// RFC 6347 sections 4.1 and 4.2.2: what precedes the random bytes of a ClientHello, and where it says what it is.
#define RECORD_TYPE (0)
#define RECORD_EPOCH (3)
#define RECORD_NUMBER_LEN (8) // epoch and sequence number
#define RECORD_CID (RECORD_EPOCH + RECORD_NUMBER_LEN)
#define RECORD_HEADER (13)
#define RECORD_WITH_CID (25)
#define RECORD_HANDSHAKE (22)
#define HANDSHAKE_CLIENT_HELLO (1)
#define HANDSHAKE_HEADER (12)
#define HELLO_RANDOM (RECORD_HEADER + HANDSHAKE_HEADER + 2)
#define RANDOM_LEN (32)
// Bytes of a datagram that is taken in: flights of a handshake are as long as the path admits.
#define DATAGRAM_MAX (1500)
// And of those that we send: IPv6 takes them everywhere. RFC 8200 section 5, less the headers.
#define FLIGHT_MTU (1280 - 40 - 8)
// What a record adds to a message: header, explicit nonce, tag.
#define RECORD_OVERHEAD (RECORD_HEADER + 8 + 16)
// A session whose peer has been silent for longer, with a request timed out, may be one that it has lost.
#define SILENCE_MS (5000)
// Beside the errors of mbedtls, which are negative: the certificate is for another host.
#define WRONG_ADDRESS (1)
// Places for handshakes while all sessions are there: one of ours, one of a client.
#define HANDSHAKES (2)
#define PEER_SESSION_LEN (1 + 1 + 2)

// Of a peer that has shown its address, or that we begin with. Freed by the collector where nobody else can.
typedef struct {
    mp_obj_base_t base;
    mbedtls_ssl_context ssl;
    struct _dtls_link_t *link;
    peer_t address;    // where its peer is
    peer_t proven;     // where it was when the handshake began
    bool is_client;
    bool begun;        // the first flight was sent
    bool established;
    bool busy;         // mbedtls has been called and not returned yet
    bool unanswered;   // something was sent, at `asked`, and nothing has come since
    bool stale;        // the peer may have lost it
    bool times;        // mbedtls has a timer
    uint8_t hello[RANDOM_LEN]; // of the client, with which the handshake began
    #if DTLS_CID_LEN
    uint8_t cid[DTLS_CID_LEN]; // by which a client of ours is known
    uint8_t newest[RECORD_NUMBER_LEN]; // of its records
    peer_t from; // where the record at `in` has come from
    #endif
    uint32_t timer_start;
    uint32_t timer_between; // milliseconds from its start
    uint32_t timer_end;
    uint32_t asked;
    uint32_t used;     // when it was last
    const uint8_t *in; // the datagram that it may read
    size_t in_len;
    char *host;        // as the program names the server, or NULL for an address
    uint8_t *waiting;  // what goes out when the handshake is over, or NULL
    size_t waiting_len;
} session_t;

// Where a session is, or was: until the next one has the place.
typedef struct {
    session_t *session; // or NULL
    uint16_t number;
    peer_t address;     // of the last one, once that is over
} place_t;

// Of an endpoint with DTLS.
typedef struct _dtls_link_t {
    coap_obj_t *coap; // NULL: closed
    dtls_obj_t *dtls;
    session_t *spare; // for whoever has no cookie yet, or NULL
    session_t *ready; // has more of the datagram that came last, or NULL
    void *raised;     // by the link, in mbedtls; or NULL
    uint8_t depth;    // calls of mbedtls that have not returned
    uint8_t *rx_before;
    uint16_t rx_len_before;
    uint16_t numbers;
    uint8_t count;    // of the places: HANDSHAKES more than there are sessions
    place_t place[];
} dtls_link_t;

static dtls_link_t *link_of(coap_obj_t *self) {
    return MP_OBJ_TO_PTR(self->dtls);
}

static bool wants_more(int result) {
    return result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE;
}

// ---- what mbedtls calls ------------------------------------------------------------------------

static int session_send(void *context, const unsigned char *data, size_t len) {
    session_t *session = context;
    coap_obj_t *self = session->link->coap;
    nlr_buf_t nlr;
    // What cannot be sent is lost on the way, and sent again like that.
    if (self == NULL || self->link == NULL || self->link->send == NULL) {
        return len;
    }
    if (nlr_push(&nlr) == 0) {
        self->link->send(self, &session->address, data, len);
        nlr_pop();
    } else {
        session->link->raised = nlr.ret_val;
    }
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
    // What has come is looked at before anything is sent again.
    bool is_over = elapsed >= session->timer_end && session->in_len == 0;
    return !session->times ? -1 : is_over ? 2 : elapsed >= session->timer_between ? 1 : 0;
}

// ---- how it is called --------------------------------------------------------------------------

static mbedtls_ssl_context *enter(session_t *session) {
    session->busy = true;
    session->link->depth++;
    return &session->ssl;
}

// Raises what the link has raised.
static int leave(session_t *session, int result) {
    void *raised = session->link->raised;
    session->busy = false;
    session->in_len = 0;
    session->link->depth--;
    if (raised != NULL) {
        session->link->raised = NULL;
        nlr_jump(raised);
    }
    return result;
}

static bool session_write(session_t *session, const uint8_t *data, size_t len) {
    return leave(session, mbedtls_ssl_write(enter(session), data, len)) == (int)len;
}

// ---- a session ---------------------------------------------------------------------------------

static mp_obj_t session_del(mp_obj_t self_in) {
    session_t *session = MP_OBJ_TO_PTR(self_in);
    mbedtls_ssl_free(&session->ssl);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(session_del_obj, session_del);

#include "tables/dtls_session.h"

// NULL: mbedtls has no memory.
static session_t *session_new(dtls_link_t *link, bool is_client) {
    dtls_obj_t *dtls = link->dtls;
    session_t *session = mp_obj_malloc_with_finaliser(session_t, &session_type);
    memset((uint8_t *)session + sizeof(session->base), 0, sizeof(*session) - sizeof(session->base));
    mbedtls_ssl_init(&session->ssl);
    session->link = link;
    session->is_client = is_client;
    if (mbedtls_ssl_setup(&session->ssl, is_client ? &dtls->client : &dtls->server) != 0) {
        mbedtls_ssl_free(&session->ssl);
        return NULL;
    }
    #if DTLS_CID_LEN
    size_t cid_len = is_client ? 0 : DTLS_CID_LEN;
    microcoapy_entropy(NULL, session->cid, cid_len);
    mbedtls_ssl_set_cid(&session->ssl, MBEDTLS_SSL_CID_ENABLED, session->cid, cid_len);
    #endif
    mbedtls_ssl_set_bio(&session->ssl, session, session_send, session_recv, NULL);
    mbedtls_ssl_set_timer_cb(&session->ssl, session, session_set_timer, session_get_timer);
    mbedtls_ssl_set_mtu(&session->ssl, FLIGHT_MTU);
    return session;
}

// NULL, as a session: a free place.
static place_t *place_with(dtls_link_t *link, const session_t *session) {
    for (size_t i = 0; i < link->count; i++) {
        if (link->place[i].session == session) {
            return &link->place[i];
        }
    }
    return NULL;
}

static bool is_over(const session_t *session) {
    return session->link->coap == NULL || place_with(session->link, session) == NULL;
}

// As the engine knows it; only of one that has a place.
static void session_peer(const session_t *session, peer_t *out) {
    const place_t *place = place_with(session->link, session);
    out->len = PEER_SESSION_LEN;
    out->bytes[0] = MCOAP_PEER_SESSION;
    out->bytes[1] = place - session->link->place;
    out->bytes[2] = place->number;
    out->bytes[3] = place->number >> 8;
}

// Where the session of a peer is, or was; NULL: the place has another one.
static place_t *peer_place(dtls_link_t *link, const peer_t *peer) {
    if (peer->len != PEER_SESSION_LEN || peer->bytes[0] != MCOAP_PEER_SESSION || peer->bytes[1] >= link->count) {
        return NULL;
    }
    place_t *place = &link->place[peer->bytes[1]];
    return place->number == (peer->bytes[2] | peer->bytes[3] << 8) ? place : NULL;
}

static session_t *session_at(dtls_link_t *link, const peer_t *address) {
    for (size_t i = 0; i < link->count; i++) {
        if (link->place[i].session != NULL && microcoapy_same_peer(&link->place[i].session->proven, address)) {
            return link->place[i].session;
        }
    }
    return NULL;
}

// With its peer told, if that knows the session. What the endpoint has of the peer ends with it.
static void session_end(session_t *session, bool tell) {
    dtls_link_t *link = session->link;
    place_t *place = place_with(link, session);
    if (place != NULL) {
        peer_t peer;
        session_peer(session, &peer);
        place->session = NULL;
        place->address = session->address;
        mcoap_peer_remove(link->coap->endpoint, link->coap->now, peer.bytes, peer.len);
    }
    if (link->ready == session) {
        link->ready = NULL;
    }
    if (session->busy) {
        return; // mbedtls goes on with it; the collector frees it
    }
    if (session->established && tell) {
        if (session->is_client) {
            microcoapy_dtls_save(link->dtls, &session->proven, session->host, &session->ssl);
        }
        leave(session, mbedtls_ssl_close_notify(enter(session)));
    }
    mbedtls_ssl_free(&session->ssl);
}

// The session that has not been used for longest, of those with these properties; NULL: there is none.
static session_t *oldest(dtls_link_t *link, bool established, bool is_client, const session_t *but) {
    session_t *found = NULL;
    for (size_t i = 0; i < link->count; i++) {
        session_t *session = link->place[i].session;
        if (session != NULL && session != but && session->established == established
            && (established || session->is_client == is_client)
            && (found == NULL || (int32_t)(session->used - found->used) < 0)) {
            found = session;
        }
    }
    return found;
}

static size_t established(const dtls_link_t *link) {
    size_t count = 0;
    for (size_t i = 0; i < link->count; i++) {
        count += link->place[i].session != NULL && link->place[i].session->established;
    }
    return count;
}

// Which session gives way to a new one; NULL: none has to. Those with a key, and handshakes of ours, are at most one more than
// there are sessions: so there is always a place for a client's handshake, which gives way to other clients alone.
static session_t *gives_way(dtls_link_t *link, bool is_client) {
    size_t kept = 0;
    for (size_t i = 0; i < link->count; i++) {
        const session_t *session = link->place[i].session;
        kept += session != NULL && (session->established || session->is_client);
    }
    if (is_client && kept == link->count - 1u) {
        session_t *ours = oldest(link, false, true, NULL);
        session_t *with_key = oldest(link, true, false, NULL);
        return with_key == NULL || (ours != NULL && !ours->begun) ? ours : with_key;
    }
    return place_with(link, NULL) == NULL ? oldest(link, false, false, NULL) : NULL;
}

// Gives it a place. False: there is none.
static bool session_settle(session_t *session) {
    dtls_link_t *link = session->link;
    session_t *other = gives_way(link, session->is_client);
    if (other != NULL && other->busy) {
        return false;
    }
    if (other != NULL) {
        session_end(other, true);
    }
    place_t *place = link->coap == NULL ? NULL : place_with(link, NULL);
    if (place == NULL) {
        return false;
    }
    place->session = session;
    place->number = ++link->numbers;
    session->proven = session->address;
    session->used = link->coap->now;
    return true;
}

// ---- handshakes --------------------------------------------------------------------------------

// Whether the certificate of a server names what the program has asked, RFC 7252 section 9.1.3.3. NULL: its address.
static bool names(session_t *session, const char *host) {
    dtls_link_t *link = session->link;
    char text[MCOAP_ADDRESS_TEXT_MAX + 1];
    size_t len = MCOAP_ADDRESS_TEXT_MAX;
    uint32_t flags, port;
    const mbedtls_x509_crt *certificate = mbedtls_ssl_get_peer_cert(&session->ssl);
    if (certificate == NULL) {
        // A key that both have; or mbedtls keeps no certificates, and nothing is known.
        return microcoapy_dtls_has_key(mbedtls_ssl_get_ciphersuite(&session->ssl));
    }
    if (host == NULL) {
        if (mcoap_peer_to_text(session->address.bytes, session->address.len, (uint8_t *)text, &len, &port) != MCOAP_OK) {
            return false;
        }
        text[len] = 0;
        host = text;
    }
    return mbedtls_x509_crt_verify(
        (mbedtls_x509_crt *)certificate, &link->dtls->authorities, NULL, host, &flags, NULL, NULL) == 0;
}

// What the peer is to be told where mbedtls does not; 0: nothing.
static uint8_t alert_for(int error) {
    switch (error) {
        case MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE:
            return MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE;
        case WRONG_ADDRESS:
            return MBEDTLS_SSL_ALERT_MSG_BAD_CERT;
        default:
            return 0;
    }
}

static void session_fail(session_t *session, int error) {
    coap_obj_t *self = session->link->coap;
    if (session->is_client) {
        microcoapy_dtls_unsave(session->link->dtls, &session->proven, session->host); // RFC 5246 section 7.2.2
    }
    uint8_t alert = alert_for(error);
    if (alert != 0) {
        leave(session, mbedtls_ssl_send_alert_message(enter(session), MBEDTLS_SSL_ALERT_LEVEL_FATAL, alert));
    }
    if (!is_over(session)) {
        session_end(session, false);
        microcoapy_report(self, MP_QSTR_dtls, MP_OBJ_NEW_SMALL_INT(error));
    }
}

// The next steps of a handshake. True: it is over, and there may be data.
static bool session_shake(session_t *session) {
    dtls_link_t *link = session->link;
    session->begun = true;
    int result = leave(session, mbedtls_ssl_handshake(enter(session)));
    if (is_over(session) || wants_more(result)) {
        return false;
    }
    // mbedtls has compared a name itself.
    if (result == 0 && session->is_client && session->host == NULL && link->dtls->checks_names
        && !names(session, NULL)) {
        result = WRONG_ADDRESS;
    }
    if (result != 0) {
        session_fail(session, result);
        return false;
    }
    session->established = true;
    session->used = link->coap->now;
    mbedtls_ssl_set_mtu(&session->ssl, 0);
    if (established(link) > link->dtls->sessions) {
        session_end(oldest(link, true, false, session), true);
    }
    if (session->waiting != NULL && !is_over(session)) {
        uint8_t *waiting = session->waiting;
        session->waiting = NULL;
        session_write(session, waiting, session->waiting_len);
    }
    return !is_over(session);
}

#if DTLS_CID_LEN
// Where a record with a connection id goes, wherever it has come from.
static session_t *session_with(dtls_link_t *link, const uint8_t *data, size_t len) {
    for (size_t i = 0; i < link->count && len > RECORD_CID + DTLS_CID_LEN; i++) {
        session_t *session = link->place[i].session;
        if (session != NULL && !session->is_client && memcmp(session->cid, &data[RECORD_CID], DTLS_CID_LEN) == 0) {
            return session;
        }
    }
    return NULL;
}

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
        session_peer(session, &peer);
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
    int result = leave(session, mbedtls_ssl_read(enter(session), self->rx, self->rx_len));
    if (is_over(session)) {
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
        link->ready = mbedtls_ssl_check_pending(&session->ssl) ? session : NULL;
        datagram->len = result;
        session_peer(session, &datagram->peer);
        return RECEIVE_DATA;
    }
    if (result != 0 && !wants_more(result)) { // 0: a record without data
        session_end(session, result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY);
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
    if (!link->dtls->is_server || (spare == NULL && (spare = session_new(link, false)) == NULL) || spare->busy) {
        return;
    }
    link->spare = spare;
    spare->address = datagram->peer;
    spare->in = link->coap->rx;
    spare->in_len = datagram->len;
    spare->begun = true;
    memcpy(spare->hello, random, RANDOM_LEN);
    if (mbedtls_ssl_session_reset(&spare->ssl) != 0
        || mbedtls_ssl_set_client_transport_id(&spare->ssl, datagram->peer.bytes, datagram->peer.len) != 0) {
        return;
    }
    link->dtls->knows_address = false;
    int result = leave(spare, mbedtls_ssl_handshake(enter(spare)));
    if (link->coap == NULL || !wants_more(result) || !link->dtls->knows_address) {
        return;
    }
    session_t *before = session_at(link, &spare->address);
    if (before != NULL) {
        session_end(before, false);
    }
    if (session_settle(spare)) {
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
    return !checks_names || is_named(session, name, len) || (session->established && names(session, copy_of(name, len)));
}

// An errno, or 0.
static int begin_client(dtls_link_t *link, const peer_t *peer, const char *name, size_t len) {
    session_t *session = session_new(link, true);
    if (session == NULL) {
        return MP_ENOMEM;
    }
    session->address = *peer;
    session->host = copy_of(name, len);
    const mbedtls_ssl_session *saved = microcoapy_dtls_saved(link->dtls, peer, session->host);
    bool is_set = mbedtls_ssl_set_hostname(&session->ssl, session->host) == 0
        && (saved == NULL || mbedtls_ssl_set_session(&session->ssl, saved) == 0);
    if (is_set && session_settle(session)) {
        return 0;
    }
    mbedtls_ssl_free(&session->ssl);
    return is_set ? MP_ENOBUFS : MP_ENOMEM;
}

static bool is_literal(const char *host, size_t len) {
    peer_t literal;
    size_t literal_len = sizeof(literal.bytes);
    return mcoap_peer_from_text((const uint8_t *)host, len, 1, literal.bytes, &literal_len) == MCOAP_OK;
}

int microcoapy_dtls_connect(coap_obj_t *self, peer_t *peer, const char *host, size_t len) {
    dtls_link_t *link = link_of(self);
    if (mcoap_peer_is_multicast(peer->bytes, peer->len)) {
        return MP_EPROTONOSUPPORT; // RFC 7252 section 9.1.1
    }
    if (!link->dtls->is_client) {
        return MP_EACCES;
    }
    if (len != 0 && is_literal(host, len)) {
        len = 0; // no name
    }
    session_t *session = session_at(link, peer);
    if (session != NULL && (session->stale || !fits(session, host, len))) {
        if (!session->is_client && !session->stale) {
            return session->established ? MP_EACCES : MP_EBUSY; // it is its peer's
        }
        if (session->busy) {
            return MP_EBUSY;
        }
        session_end(session, true);
        session = NULL;
    }
    int error = session == NULL ? begin_client(link, peer, host, len) : 0;
    if (error == 0) {
        microcoapy_dtls_find(self, peer);
    }
    return error;
}

void microcoapy_dtls_find(coap_obj_t *self, peer_t *peer) {
    dtls_link_t *link = link_of(self);
    session_t *session = session_at(link, peer);
    if (session != NULL) {
        session_peer(session, peer);
    }
}

bool microcoapy_dtls_address(coap_obj_t *self, const peer_t *peer, peer_t *out) {
    const place_t *place = microcoapy_speaks_dtls(self) ? peer_place(link_of(self), peer) : NULL;
    if (place != NULL) {
        *out = place->session == NULL ? place->address : place->session->address;
    }
    return place != NULL;
}

// ---- for the link ------------------------------------------------------------------------------

receive_t microcoapy_dtls_receive(coap_obj_t *self, datagram_t *datagram) {
    dtls_link_t *link = link_of(self);
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
    session_t *session = session_at(link, &datagram->peer);
    #if DTLS_CID_LEN
    if (datagram->len > 0 && self->rx[RECORD_TYPE] == RECORD_WITH_CID) {
        session = session_with(link, self->rx, datagram->len);
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
    place_t *place = peer_place(link_of(self), peer);
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
        return session_write(session, data, len);
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
    place_t *place = peer_place(link_of(self), peer);
    session_t *session = place == NULL ? NULL : place->session;
    if (session != NULL && session->unanswered && self->now - session->asked >= SILENCE_MS) {
        session->stale = true;
    }
}

// Milliseconds until it sends its flight again.
static uint32_t session_due(const session_t *session) {
    if (session == NULL || session->established || !session->times || session->busy) {
        return UINT32_MAX;
    }
    uint32_t elapsed = microcoapy_now() - session->timer_start;
    return elapsed >= session->timer_end ? 0 : session->timer_end - elapsed;
}

uint32_t microcoapy_dtls_next_timer(coap_obj_t *self) {
    dtls_link_t *link = link_of(self);
    uint32_t next = link->ready != NULL ? 0 : UINT32_MAX;
    for (size_t i = 0; i < link->count; i++) {
        next = MIN(next, session_due(link->place[i].session));
    }
    return next;
}

void microcoapy_dtls_run_timers(coap_obj_t *self) {
    dtls_link_t *link = link_of(self);
    for (size_t i = 0; i < link->count && link->coap != NULL; i++) {
        if (session_due(link->place[i].session) == 0) {
            session_shake(link->place[i].session);
        }
    }
}

void microcoapy_dtls_close(coap_obj_t *self) {
    dtls_link_t *link = link_of(self);
    for (size_t i = 0; i < link->count; i++) {
        if (link->place[i].session != NULL) {
            session_end(link->place[i].session, true);
        }
    }
    if (link->spare != NULL && !link->spare->busy) {
        mbedtls_ssl_free(&link->spare->ssl);
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
