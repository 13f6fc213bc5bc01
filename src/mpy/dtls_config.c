// SPDX-License-Identifier: MIT
//
// Dtls: the keys and certificates of an endpoint that speaks DTLS, and what it offers. Keys appear in no text.

#include <string.h>

#include "py/runtime.h"
#include "dtls.h"
#include "modern.h"

#if MICROCOAPY_DTLS

#include "tables/dtls_names.h"

#define SESSIONS_DEFAULT (4)
#define SESSIONS_MAX (64)

// RFC 7252 section 9.1.3: with these every implementation can talk; the others are what they come from.
static const int psk_suites[] = {
    MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8, MBEDTLS_TLS_PSK_WITH_AES_128_CCM, MBEDTLS_TLS_PSK_WITH_AES_128_GCM_SHA256, 0,
};
static const int certificate_suites[] = {
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, 0,
};

// Of a client of ours.
static int find_psk(void *context, mbedtls_ssl_context *ssl, const unsigned char *identity, size_t len) {
    dtls_obj_t *self = context;
    mp_obj_t name = mp_obj_new_bytes(identity, len);
    mp_obj_t key = MP_OBJ_NULL;
    if (self->psks != mp_const_none) {
        mp_map_elem_t *found = mp_map_lookup(mp_obj_dict_get_map(self->psks), name, MP_MAP_LOOKUP);
        key = found == NULL ? MP_OBJ_NULL : found->value;
    } else if (mp_obj_equal(name, self->psk_identity)) {
        key = self->psk;
    }
    mp_buffer_info_t buffer;
    if (key == MP_OBJ_NULL || !mp_get_buffer(key, &buffer, MP_BUFFER_READ)) {
        return MBEDTLS_ERR_SSL_UNKNOWN_IDENTITY;
    }
    return mbedtls_ssl_set_hs_psk(ssl, buffer.buf, buffer.len);
}

static bool set_up(dtls_obj_t *self, mbedtls_ssl_config *config, int role) {
    bool has_psk = self->psk != mp_const_none || self->psks != mp_const_none;
    if (mbedtls_ssl_config_defaults(config, role, MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT) != 0) {
        return false;
    }
    mbedtls_ssl_conf_rng(config, mbedtls_ctr_drbg_random, &self->random);
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_ciphersuites(config, has_psk ? psk_suites : certificate_suites);
    // As RFC 7252 waits for an ACK at first.
    mbedtls_ssl_conf_handshake_timeout(config, 2000, 60000);
    if (self->authorities.version != 0) {
        mbedtls_ssl_conf_ca_chain(config, &self->authorities, NULL);
        mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_REQUIRED);
    }
    return self->own_certificate.version == 0
           || mbedtls_ssl_conf_own_cert(config, &self->own_certificate, &self->own_key) == 0;
}

static bool set_up_client(dtls_obj_t *self) {
    mp_buffer_info_t key, identity;
    if (!set_up(self, &self->client, MBEDTLS_SSL_IS_CLIENT)) {
        return false;
    }
    if (self->psk == mp_const_none) {
        return true;
    }
    mp_get_buffer_raise(self->psk, &key, MP_BUFFER_READ);
    mp_get_buffer_raise(self->psk_identity, &identity, MP_BUFFER_READ);
    return mbedtls_ssl_conf_psk(&self->client, key.buf, key.len, identity.buf, identity.len) == 0;
}

static bool set_up_server(dtls_obj_t *self) {
    if (!set_up(self, &self->server, MBEDTLS_SSL_IS_SERVER)
        || mbedtls_ssl_cookie_setup(&self->cookies, mbedtls_ctr_drbg_random, &self->random) != 0) {
        return false;
    }
    mbedtls_ssl_conf_psk_cb(&self->server, find_psk, self);
    mbedtls_ssl_conf_dtls_cookies(&self->server, mbedtls_ssl_cookie_write, mbedtls_ssl_cookie_check, &self->cookies);
    return true;
}

// The argument's bytes, copied; None stays None.
static mp_obj_t bytes_or_none(mp_obj_t value, qstr argument) {
    mp_buffer_info_t bytes;
    if (!microcoapy_is_given(value)) {
        return mp_const_none;
    }
    microcoapy_bytes_arg(value, argument, &bytes);
    return mp_obj_new_bytes(bytes.buf, bytes.len);
}

// The bytes that mbedtls parses: of PEM, with a zero behind them.
static void encoded(mp_obj_t value, qstr argument, vstr_t *out) {
    mp_buffer_info_t bytes;
    microcoapy_bytes_arg(value, argument, &bytes);
    vstr_init(out, bytes.len + 1);
    vstr_add_strn(out, bytes.buf, bytes.len);
    if (bytes.len != 0 && out->buf[0] == '-') {
        vstr_add_byte(out, 0);
    }
}

static void parse_certificates(mp_obj_t value, qstr argument, mbedtls_x509_crt *out) {
    vstr_t text;
    if (microcoapy_is_given(value)) {
        encoded(value, argument, &text);
        if (mbedtls_x509_crt_parse(out, (const uint8_t *)text.buf, text.len) != 0) {
            microcoapy_bad_value(argument);
        }
    }
}

static mp_obj_t dtls_del(mp_obj_t self_in) {
    dtls_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mbedtls_ssl_config_free(&self->client);
    mbedtls_ssl_config_free(&self->server);
    mbedtls_x509_crt_free(&self->own_certificate);
    mbedtls_pk_free(&self->own_key);
    mbedtls_x509_crt_free(&self->authorities);
    mbedtls_ssl_cookie_free(&self->cookies);
    mbedtls_ctr_drbg_free(&self->random);
    mbedtls_entropy_free(&self->entropy);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(dtls_del_obj, dtls_del);

static void init(dtls_obj_t *self) {
    mbedtls_entropy_init(&self->entropy);
    mbedtls_ctr_drbg_init(&self->random);
    mbedtls_ssl_cookie_init(&self->cookies);
    mbedtls_x509_crt_init(&self->own_certificate);
    mbedtls_pk_init(&self->own_key);
    mbedtls_x509_crt_init(&self->authorities);
    mbedtls_ssl_config_init(&self->client);
    mbedtls_ssl_config_init(&self->server);
}

// Dtls(*, psk_identity=None, psk=None, psks=None, cert=None, key=None, ca=None, sessions=4)
static mp_obj_t dtls_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_obj_t value[DTLS_ARGUMENTS];
    microcoapy_parse(dtls_arguments, SHAPE(DTLS_ARGUMENTS, 0, 0), value, n_args, n_kw, args);
    dtls_obj_t *self = mp_obj_malloc_with_finaliser(dtls_obj_t, type);
    init(self);
    self->psk_identity = bytes_or_none(value[DTLS_PSK_IDENTITY], MP_QSTR_psk_identity);
    self->psk = bytes_or_none(value[DTLS_PSK], MP_QSTR_psk);
    self->psks = microcoapy_is_given(value[DTLS_PSKS]) ? value[DTLS_PSKS] : mp_const_none;
    self->sessions = SESSIONS_DEFAULT;
    if (self->psks != mp_const_none && !mp_obj_is_type(self->psks, &mp_type_dict)) {
        microcoapy_bad_type(MP_QSTR_psks);
    }
    if ((self->psk == mp_const_none) != (self->psk_identity == mp_const_none)) {
        microcoapy_bad_value(self->psk == mp_const_none ? MP_QSTR_psk : MP_QSTR_psk_identity);
    }
    if (microcoapy_is_given(value[DTLS_SESSIONS])) {
        self->sessions = microcoapy_int_arg(value[DTLS_SESSIONS], MP_QSTR_sessions, 1, SESSIONS_MAX);
    }
    parse_certificates(value[DTLS_CERT], MP_QSTR_cert, &self->own_certificate);
    parse_certificates(value[DTLS_CA], MP_QSTR_ca, &self->authorities);
    if (microcoapy_is_given(value[DTLS_KEY])) {
        vstr_t text;
        encoded(value[DTLS_KEY], MP_QSTR_key, &text);
        if (mbedtls_pk_parse_key(&self->own_key, (const uint8_t *)text.buf, text.len, NULL, 0) != 0) {
            microcoapy_bad_value(MP_QSTR_key);
        }
    }
    if (mbedtls_ctr_drbg_seed(&self->random, mbedtls_entropy_func, &self->entropy, NULL, 0) != 0
        || !set_up_client(self) || !set_up_server(self)) {
        m_malloc_fail(sizeof(*self));
    }
    return MP_OBJ_FROM_PTR(self);
}

#include "tables/dtls.h"

#endif // MICROCOAPY_DTLS
