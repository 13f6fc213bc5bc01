// SPDX-License-Identifier: MIT
//
// DTLS 1.2 (RFC 6347) between a link and the pump: what comes in is opened where it lies, what goes out is sealed. dtls.c has
// what is called from outside, dtls_session.c a session, dtls_places.c where they are, dtls_resume.c what is left of those of
// ours, dtls_config.c the Python object with keys and certificates.
//
// A peer with a session is known to the engine by that session: MCOAP_PEER_SESSION, the place of the session, and its
// number. So what belongs to one session is never taken for what belongs to another, RFC 7252 section 9.1.1.
#ifndef MICROCOAPY_DTLS_H
#define MICROCOAPY_DTLS_H

#include "link.h"

// RFC 7252 section 12.7
#define COAPS_DEFAULT_PORT (5684)

#if MICROCOAPY_DTLS

#include "mbedtls/ctr_drbg.h"
#include "mbedtls/pk.h"
#include "mbedtls/platform_util.h"
#include "mbedtls/ssl.h"
#include "mbedtls/ssl_cache.h"
#include "mbedtls/ssl_cookie.h"
#include "mbedtls/x509_crt.h"

// Bytes of the connection ids that we ask our clients for, RFC 9146; what mbedtls had before version 3 is a draft of it. Ours
// as a client is empty: who moves is the client.
#if defined(MBEDTLS_SSL_DTLS_CONNECTION_ID) && MBEDTLS_VERSION_NUMBER >= 0x03000000 \
    && !MBEDTLS_SSL_DTLS_CONNECTION_ID_COMPAT
#define DTLS_CID_LEN (4)
#else
#define DTLS_CID_LEN (0)
#endif
#ifndef MBEDTLS_PRIVATE
#define MBEDTLS_PRIVATE(member) member // before version 3
#endif
// Of psk_suites or certificate_suites, and the 0 behind them.
#define SUITES_MAX (9)

extern const mp_obj_type_t microcoapy_dtls_type;

// Whether a cipher suite of that name is of a key that both have.
static inline bool microcoapy_dtls_has_key(const char *suite) {
    return suite != NULL && strstr(suite, "-PSK-") != NULL;
}

// What a handshake of ours may be resumed with.
typedef struct {
    peer_t peer; // whom with; len is 0 where there is none
    char *host;  // as in the session; or NULL
    mbedtls_ssl_session session;
} resumable_t;

// A Dtls. What mbedtls keeps of it is on its own heap; freed when the object is collected.
typedef struct _dtls_obj_t {
    mp_obj_base_t base;
    mp_obj_t psk_identity; // bytes, or None
    mp_obj_t psk;          // bytes, or None
    mp_obj_t psks;         // dict of identity to key: of a server's clients; or None
    resumable_t *resumables; // as many as sessions
    uint8_t resumables_next; // whose turn it is to give way
    uint8_t sessions;      // how many at once
    bool has_certificate;  // of its own
    bool checks_names;     // it has certificates of authorities
    bool is_client;        // it has what a client needs
    bool is_server;
    bool knows_address;    // a cookie was right
    mbedtls_ctr_drbg_context random;
    mbedtls_ssl_cookie_ctx cookies;
    #if defined(MBEDTLS_SSL_CACHE_C)
    mbedtls_ssl_cache_context cache;
    #endif
    mbedtls_x509_crt own_certificate;
    mbedtls_pk_context own_key;
    mbedtls_x509_crt authorities;
    int client_suites[SUITES_MAX];
    int server_suites[SUITES_MAX];
    mbedtls_ssl_config client;
    mbedtls_ssl_config server;
} dtls_obj_t;

// dtls_resume.c: sessions of ours with a server, of this name where it has one.
void microcoapy_dtls_save(dtls_obj_t *self, const peer_t *peer, char *host, const mbedtls_ssl_context *ssl);
void microcoapy_dtls_unsave(dtls_obj_t *self, const peer_t *peer, const char *host);
// One that may be resumed, or NULL.
const mbedtls_ssl_session *microcoapy_dtls_saved(dtls_obj_t *self, const peer_t *peer, const char *host);
void microcoapy_dtls_forget(dtls_obj_t *self);

#endif // MICROCOAPY_DTLS

// dtls.c, declared in every build: called where microcoapy_speaks_dtls, which microcoapy_dtls_open makes true.
// Begins with a link that is open, and ends before it is closed.
void microcoapy_dtls_open(coap_obj_t *self, mp_obj_t dtls);
void microcoapy_dtls_close(coap_obj_t *self);
// The peer, an IP peer, becomes the one of its session, with which a handshake begins where there is none. The host: as the
// program names it. An errno, or 0.
int microcoapy_dtls_connect(coap_obj_t *self, peer_t *peer, const char *host, size_t len);
// The same where there is a session.
void microcoapy_dtls_find(coap_obj_t *self, peer_t *peer);
// The IP peer that a session is with; false if that is not known any more.
bool microcoapy_dtls_address(coap_obj_t *self, const peer_t *peer, peer_t *out);
// Receives: what a session's peer has sent; other datagrams the endpoint does not see.
receive_t microcoapy_dtls_receive(coap_obj_t *self, datagram_t *datagram);
bool microcoapy_dtls_send(coap_obj_t *self, const peer_t *peer, const uint8_t *data, size_t len);
// A request to the peer has not been answered: its session may be one that it does not know any more.
void microcoapy_dtls_timed_out(coap_obj_t *self, const peer_t *peer);
// Milliseconds until a handshake has something to send again; UINT32_MAX: none has.
uint32_t microcoapy_dtls_next_timer(coap_obj_t *self);
void microcoapy_dtls_run_timers(coap_obj_t *self);

// RFC 7252 sections 6.1 and 6.2
static inline mp_int_t microcoapy_default_port(const coap_obj_t *self) {
    (void)self;
    return microcoapy_speaks_dtls(self) ? COAPS_DEFAULT_PORT : COAP_DEFAULT_PORT;
}

#endif // MICROCOAPY_DTLS_H
