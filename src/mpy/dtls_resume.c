// SPDX-License-Identifier: MIT
//
// What is kept of sessions of ours that are over, RFC 5246 section 7.3: the next handshake with the same server is shorter.
// It belongs to the Dtls, whose keys and certificates the sessions were made with.

#include <string.h>

#include "dtls.h"

#if MICROCOAPY_DTLS

static resumable_t *find(dtls_obj_t *self, const peer_t *peer, const char *host) {
    for (size_t i = 0; i < self->sessions; i++) {
        resumable_t *resumable = &self->resumables[i];
        bool same_host = resumable->host == host
            || (resumable->host != NULL && host != NULL && strcmp(resumable->host, host) == 0);
        if (same_host && microcoapy_same_peer(&resumable->peer, peer)) {
            return resumable;
        }
    }
    return NULL;
}

static void clear(resumable_t *resumable) {
    mbedtls_ssl_session_free(&resumable->session);
    mbedtls_ssl_session_init(&resumable->session);
    resumable->peer.len = 0;
    resumable->host = NULL;
}

void microcoapy_dtls_save(dtls_obj_t *self, const peer_t *peer, char *host, const mbedtls_ssl_context *ssl) {
    resumable_t *resumable = find(self, peer, host);
    if (resumable == NULL) {
        resumable = &self->resumables[self->resumables_next];
        self->resumables_next = (self->resumables_next + 1) % self->sessions;
    }
    clear(resumable);
    if (mbedtls_ssl_get_session(ssl, &resumable->session) != 0) {
        clear(resumable);
        return;
    }
    resumable->peer = *peer;
    resumable->host = host;
}

void microcoapy_dtls_unsave(dtls_obj_t *self, const peer_t *peer, const char *host) {
    resumable_t *resumable = find(self, peer, host);
    if (resumable != NULL) {
        clear(resumable);
    }
}

const mbedtls_ssl_session *microcoapy_dtls_saved(dtls_obj_t *self, const peer_t *peer, const char *host) {
    resumable_t *resumable = find(self, peer, host);
    return resumable == NULL ? NULL : &resumable->session;
}

void microcoapy_dtls_forget(dtls_obj_t *self) {
    for (size_t i = 0; self->resumables != NULL && i < self->sessions; i++) {
        clear(&self->resumables[i]);
    }
}

#endif // MICROCOAPY_DTLS
