// SPDX-License-Identifier: MIT
//
// The sessions of an endpoint, for dtls.c, dtls_session.c and dtls_places.c.
#ifndef MICROCOAPY_DTLS_SESSION_H
#define MICROCOAPY_DTLS_SESSION_H

#include "dtls.h"

#if MICROCOAPY_DTLS

// Records: RFC 6347 section 4.1, RFC 9146 section 4.
#define RECORD_TYPE (0)       // where it is
#define RECORD_NUMBER_LEN (8) // epoch and sequence number
#define RECORD_WITH_CID (25)  // a type
// Of a ClientHello.
#define RANDOM_LEN (32)
// More has to come; the one error that mbedtls passes on from what it calls.
#define SESSION_WAITS (MBEDTLS_ERR_SSL_WANT_READ)
// Beside the errors of mbedtls, which are negative: the certificate is for another address.
#define SESSION_WRONG_ADDRESS (1)
// Places for handshakes while all sessions are there: one of ours, one of a client.
#define HANDSHAKES (2)

// Of a peer that has shown its address, or that we begin with. Freed by the collector where nobody else can.
typedef struct {
    mp_obj_base_t base;
    struct _dtls_link_t *link;
    bool is_client;
    bool begun;        // the first flight was sent
    bool established;
    bool busy;         // mbedtls has been called and not returned yet
    bool unanswered;   // something was sent, at `asked`, and nothing has come since
    bool stale;        // the peer may have lost it
    bool times;        // mbedtls has a timer
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
    peer_t address;    // where its peer is
    peer_t proven;     // where it was when the handshake began
    uint8_t hello[RANDOM_LEN]; // of the client, with which the handshake began
    #if DTLS_CID_LEN
    uint8_t cid[DTLS_CID_LEN]; // by which a client of ours is known
    uint8_t newest[RECORD_NUMBER_LEN]; // of its records
    peer_t from; // where the record at `in` has come from
    #endif
    mbedtls_ssl_context ssl; // the last, so that the others are near
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

static inline dtls_link_t *microcoapy_dtls_link(const coap_obj_t *self) {
    return MP_OBJ_TO_PTR(self->dtls);
}

// ---- dtls_session.c: all calls of mbedtls -----------------------------------------------------

// NULL: mbedtls has no memory.
session_t *microcoapy_session_new(dtls_link_t *link, bool is_client);
void microcoapy_session_free(session_t *session);
// Frees it. A peer that has the session may be told.
void microcoapy_session_close(session_t *session, bool tell);
// Of a client: whom it shakes hands with, resumed where that is possible. The host: as the program names it, or NULL for an
// address; kept. False: mbedtls has no memory.
bool microcoapy_session_set_server(session_t *session, const peer_t *peer, char *host);
// Takes a ClientHello of anyone. True: the cookie in it was the address's, and the handshake has begun. Otherwise a cookie
// went back, and the session is as before.
bool microcoapy_session_hello(session_t *session, const datagram_t *datagram, const uint8_t *random);
// The next steps of a handshake. 0: it is over; SESSION_WAITS, or an error.
int microcoapy_session_handshake(session_t *session);
// Tells the peer of that error, where mbedtls does not.
void microcoapy_session_alert(session_t *session, int error);
// One message of the datagram at `in`: its bytes. 0: a record without data; SESSION_WAITS, or an error.
int microcoapy_session_receive(session_t *session, uint8_t *data, size_t len);
// Whether there is another message in it.
bool microcoapy_session_has_more(const session_t *session);
bool microcoapy_session_write(session_t *session, const uint8_t *data, size_t len);
// Milliseconds until it sends its flight again; UINT32_MAX: it does not. NULL: neither.
uint32_t microcoapy_session_due(const session_t *session);
// Whether the certificate of a server names what the program has asked, RFC 7252 section 9.1.3.3. NULL: its address.
bool microcoapy_session_names(session_t *session, const char *host);

// ---- dtls_places.c -----------------------------------------------------------------------------

// Gives it a place, which another session may have to give up. False: there is none.
bool microcoapy_session_settle(session_t *session);
// With its peer told, if that knows the session. What the endpoint has of the peer ends with it.
void microcoapy_session_end(session_t *session, bool tell);
bool microcoapy_session_is_over(const session_t *session);
// Ends the one that has not been used for longest, where those with a key are too many with this one.
void microcoapy_session_make_room(session_t *session);
// As the engine knows it; only of one that has a place.
void microcoapy_session_peer(const session_t *session, peer_t *out);
// Where the session of a peer is, or was; NULL: the place has another one.
place_t *microcoapy_peer_place(dtls_link_t *link, const peer_t *peer);
// That of the IP peer; NULL: none.
session_t *microcoapy_session_at(dtls_link_t *link, const peer_t *address);
#if DTLS_CID_LEN
// Where a record with a connection id goes, wherever it has come from; NULL: nowhere.
session_t *microcoapy_session_with(dtls_link_t *link, const uint8_t *cid);
#endif

#endif // MICROCOAPY_DTLS

#endif // MICROCOAPY_DTLS_SESSION_H
