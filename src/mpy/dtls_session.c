// SPDX-License-Identifier: MIT
//
// One session: mbedtls, what it calls, and what comes of it. Where the session is among the others: dtls_places.c.
//
// mbedtls calls the link, which may run Python code, and that may do anything to the endpoint. A session that mbedtls is
// busy with is left alone meanwhile; what that code raises goes on when mbedtls has returned.

#include <string.h>

#include "dtls_session.h"

#if MICROCOAPY_DTLS

// What IPv6 takes everywhere, RFC 8200 section 5, less the headers.
#define FLIGHT_MTU (1280 - 40 - 8)
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

int microcoapy_session_receive(session_t *session, uint8_t *data, size_t len) {
    return leave(session, mbedtls_ssl_read(enter(session), data, len));
}

bool microcoapy_session_has_more(const session_t *session) {
    return mbedtls_ssl_check_pending(&session->ssl) != 0;
}

bool microcoapy_session_write(session_t *session, const uint8_t *data, size_t len) {
    return leave(session, mbedtls_ssl_write(enter(session), data, len)) == (int)len;
}

// ---- a session ---------------------------------------------------------------------------------

void microcoapy_session_free(session_t *session) {
    mbedtls_ssl_free(&session->ssl);
}

static mp_obj_t session_del(mp_obj_t self_in) {
    microcoapy_session_free(MP_OBJ_TO_PTR(self_in));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(session_del_obj, session_del);

#include "tables/dtls_session.h"

session_t *microcoapy_session_new(dtls_link_t *link, bool is_client) {
    dtls_obj_t *dtls = link->dtls;
    session_t *session = mp_obj_malloc_with_finaliser(session_t, &session_type);
    memset((uint8_t *)session + sizeof(session->base), 0, sizeof(*session) - sizeof(session->base));
    mbedtls_ssl_init(&session->ssl);
    session->link = link;
    session->is_client = is_client;
    if (mbedtls_ssl_setup(&session->ssl, is_client ? &dtls->client : &dtls->server) != 0) {
        microcoapy_session_free(session);
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

void microcoapy_session_close(session_t *session, bool tell) {
    if (session->established && tell) {
        if (session->is_client) {
            microcoapy_dtls_save(session->link->dtls, &session->proven, session->host, &session->ssl);
        }
        leave(session, mbedtls_ssl_close_notify(enter(session)));
    }
    microcoapy_session_free(session);
}

// ---- its handshake -----------------------------------------------------------------------------

bool microcoapy_session_set_server(session_t *session, const peer_t *peer, char *host) {
    const mbedtls_ssl_session *saved = microcoapy_dtls_saved(session->link->dtls, peer, host);
    session->address = *peer;
    session->host = host;
    return mbedtls_ssl_set_hostname(&session->ssl, host) == 0
           && (saved == NULL || mbedtls_ssl_set_session(&session->ssl, saved) == 0);
}

bool microcoapy_session_names(session_t *session, const char *host) {
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

void microcoapy_session_alert(session_t *session, int error) {
    uint8_t alert;
    switch (error) {
        case MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE:
            alert = MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE;
            break;
        case SESSION_WRONG_ADDRESS:
            alert = MBEDTLS_SSL_ALERT_MSG_BAD_CERT;
            break;
        default:
            return;
    }
    leave(session, mbedtls_ssl_send_alert_message(enter(session), MBEDTLS_SSL_ALERT_LEVEL_FATAL, alert));
}

int microcoapy_session_handshake(session_t *session) {
    session->begun = true;
    int result = leave(session, mbedtls_ssl_handshake(enter(session)));
    if (result != 0) {
        return result;
    }
    mbedtls_ssl_set_mtu(&session->ssl, 0);
    // mbedtls has compared a name itself.
    bool is_named = !session->is_client || session->host != NULL || !session->link->dtls->checks_names
        || microcoapy_session_names(session, NULL);
    return is_named ? 0 : SESSION_WRONG_ADDRESS;
}

bool microcoapy_session_hello(session_t *session, const datagram_t *datagram, const uint8_t *random) {
    dtls_link_t *link = session->link;
    session->address = datagram->peer;
    session->in = link->coap->rx;
    session->in_len = datagram->len;
    memcpy(session->hello, random, RANDOM_LEN);
    if (mbedtls_ssl_session_reset(&session->ssl) != 0
        || mbedtls_ssl_set_client_transport_id(&session->ssl, datagram->peer.bytes, datagram->peer.len) != 0) {
        return false;
    }
    link->dtls->knows_address = false;
    int result = microcoapy_session_handshake(session);
    return link->coap != NULL && result == SESSION_WAITS && link->dtls->knows_address;
}

uint32_t microcoapy_session_due(const session_t *session) {
    if (session == NULL || session->established || !session->times || session->busy) {
        return UINT32_MAX;
    }
    uint32_t elapsed = microcoapy_now() - session->timer_start;
    return elapsed >= session->timer_end ? 0 : session->timer_end - elapsed;
}

#endif // MICROCOAPY_DTLS
