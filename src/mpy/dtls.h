// SPDX-License-Identifier: MIT
//
// DTLS 1.2 (RFC 6347) between a link and the pump: what comes in is opened where it lies, what goes out is sealed. dtls.c has
// the sessions, dtls_config.c the Python object with their keys and certificates.
#ifndef MICROCOAPY_DTLS_H
#define MICROCOAPY_DTLS_H

#include "link.h"

#if MICROCOAPY_DTLS

#include "mbedtls/ctr_drbg.h"
#include "mbedtls/entropy.h"
#include "mbedtls/ssl.h"
#include "mbedtls/ssl_cookie.h"

extern const mp_obj_type_t microcoapy_dtls_type;

// A Dtls. What mbedtls keeps of it is on its own heap; freed when the object is collected.
typedef struct _dtls_obj_t {
    mp_obj_base_t base;
    mp_obj_t psk_identity; // bytes, or None
    mp_obj_t psk;          // bytes, or None
    mp_obj_t psks;         // dict of identity to key, both bytes: of a server's clients; or None
    uint8_t sessions;      // how many at once
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_ssl_cookie_ctx cookies;
    mbedtls_x509_crt own_certificate;
    mbedtls_pk_context own_key;
    mbedtls_x509_crt authorities;
    mbedtls_ssl_config client;
    mbedtls_ssl_config server;
} dtls_obj_t;

// Begins with a link that is open, and ends before it is closed.
void microcoapy_dtls_open(coap_obj_t *self, mp_obj_t dtls);
void microcoapy_dtls_close(coap_obj_t *self);
// Receives: what a session's peer has sent; other datagrams the endpoint does not see.
receive_t microcoapy_dtls_receive(coap_obj_t *self, datagram_t *datagram);
bool microcoapy_dtls_send(coap_obj_t *self, const peer_t *peer, const uint8_t *data, size_t len);
// Milliseconds until a handshake has something to send again; UINT32_MAX: none has.
uint32_t microcoapy_dtls_next_timer(coap_obj_t *self);
void microcoapy_dtls_run_timers(coap_obj_t *self);

#endif // MICROCOAPY_DTLS

#endif // MICROCOAPY_DTLS_H
