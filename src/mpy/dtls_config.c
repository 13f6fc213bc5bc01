// SPDX-License-Identifier: MIT
//
// Dtls: the keys and certificates of an endpoint that speaks DTLS, and what it offers. Keys appear in no text.

#include <string.h>

#include "py/mperrno.h"
#include "py/runtime.h"
#include "dtls.h"
#include "modern.h"

#if MICROCOAPY_DTLS

#include "tables/dtls_names.h"

#define SESSIONS_DEFAULT (4)
#define SESSIONS_MAX (64)

// RFC 7252 section 9.1.3: the first is what every implementation has; the others are what else is met.
static const uint16_t psk_suites[] = {
    MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8, MBEDTLS_TLS_PSK_WITH_AES_128_CCM, MBEDTLS_TLS_PSK_WITH_AES_128_GCM_SHA256,
};
static const uint16_t certificate_suites[] = {
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
};

// ---- what mbedtls calls ------------------------------------------------------------------------

static bool is_same(mp_obj_t object, const uint8_t *bytes, size_t len) {
    mp_buffer_info_t buffer;
    return mp_get_buffer(object, &buffer, MP_BUFFER_READ) && buffer.len == len && memcmp(buffer.buf, bytes, len) == 0;
}

// The key of a client of ours. Nothing here raises, as no exception may pass through mbedtls.
static bool find_key(dtls_obj_t *self, const uint8_t *identity, size_t len, mp_buffer_info_t *key) {
    if (self->psks == mp_const_none) {
        return is_same(self->psk_identity, identity, len) && mp_get_buffer(self->psk, key, MP_BUFFER_READ);
    }
    const mp_map_t *keys = mp_obj_dict_get_map(self->psks);
    for (size_t i = 0; i < keys->alloc; i++) {
        if (mp_map_slot_is_filled(keys, i) && is_same(keys->table[i].key, identity, len)) {
            return mp_get_buffer(keys->table[i].value, key, MP_BUFFER_READ);
        }
    }
    return false;
}

static int set_psk(void *context, mbedtls_ssl_context *ssl, const unsigned char *identity, size_t len) {
    mp_buffer_info_t key;
    if (!find_key(context, identity, len, &key) || key.len == 0) {
        return MBEDTLS_ERR_SSL_UNKNOWN_IDENTITY;
    }
    return mbedtls_ssl_set_hs_psk(ssl, key.buf, key.len);
}

// The port's; that of mbedtls may have 38 KB of state.
static int take_entropy(void *context, unsigned char *out, size_t len) {
    (void)context;
    microcoapy_entropy(NULL, out, len);
    return 0;
}

#if defined(MBEDTLS_SSL_CACHE_C)
// Whoever has lost its key must not come back by a session that was made with it.
static bool is_with_key(const mbedtls_ssl_session *session) {
    return microcoapy_dtls_has_key(mbedtls_ssl_get_ciphersuite_name(session->MBEDTLS_PRIVATE(ciphersuite)));
}

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
static int cache_set(void *cache, const unsigned char *id, size_t len, const mbedtls_ssl_session *session) {
    return is_with_key(session) ? 0 : mbedtls_ssl_cache_set(cache, id, len, session);
}
#else
static int cache_set(void *cache, const mbedtls_ssl_session *session) {
    return is_with_key(session) ? 0 : mbedtls_ssl_cache_set(cache, session);
}
#endif
#endif

static int check_cookie(
    void *context, const unsigned char *cookie, size_t len, const unsigned char *address, size_t address_len) {
    dtls_obj_t *self = context;
    int result = mbedtls_ssl_cookie_check(&self->cookies, cookie, len, address, address_len);
    self->knows_address = result == 0;
    return result;
}

static int write_cookie(
    void *context, unsigned char **at, unsigned char *end, const unsigned char *address, size_t address_len) {
    dtls_obj_t *self = context;
    return mbedtls_ssl_cookie_write(&self->cookies, at, end, address, address_len);
}

// ---- from arguments to mbedtls -----------------------------------------------------------------

static void add_suites(int *suites, const uint16_t *added, size_t count) {
    while (*suites != 0) {
        suites++;
    }
    for (size_t i = 0; i < count; i++) {
        suites[i] = added[i];
    }
}

static bool set_up(dtls_obj_t *self, mbedtls_ssl_config *config, int role, int *suites, bool has_psk, bool has_certificate) {
    MP_STATIC_ASSERT(MP_ARRAY_SIZE(psk_suites) + MP_ARRAY_SIZE(certificate_suites) < SUITES_MAX);
    if (mbedtls_ssl_config_defaults(config, role, MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT) != 0) {
        return false;
    }
    if (has_certificate) {
        add_suites(suites, certificate_suites, MP_ARRAY_SIZE(certificate_suites));
    }
    if (has_psk) {
        add_suites(suites, psk_suites, MP_ARRAY_SIZE(psk_suites));
    }
    mbedtls_ssl_conf_ciphersuites(config, suites);
    mbedtls_ssl_conf_rng(config, mbedtls_ctr_drbg_random, &self->random);
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    // As RFC 7252 waits for an ACK at first.
    mbedtls_ssl_conf_handshake_timeout(config, 2000, 60000);
    if (self->checks_names) {
        mbedtls_ssl_conf_ca_chain(config, &self->authorities, NULL);
        mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_REQUIRED);
    }
    #if DTLS_CID_LEN
    size_t cid_len = role == MBEDTLS_SSL_IS_SERVER ? DTLS_CID_LEN : 0;
    if (mbedtls_ssl_conf_cid(config, cid_len, MBEDTLS_SSL_UNEXPECTED_CID_IGNORE) != 0) {
        return false;
    }
    #endif
    return !self->has_certificate || mbedtls_ssl_conf_own_cert(config, &self->own_certificate, &self->own_key) == 0;
}

static bool set_up_client(dtls_obj_t *self) {
    mp_buffer_info_t key, identity;
    bool has_psk = self->psk != mp_const_none;
    self->is_client = has_psk || self->checks_names;
    if (!set_up(self, &self->client, MBEDTLS_SSL_IS_CLIENT, self->client_suites, has_psk, self->checks_names)) {
        return false;
    }
    if (!has_psk) {
        return true;
    }
    mp_get_buffer_raise(self->psk, &key, MP_BUFFER_READ);
    mp_get_buffer_raise(self->psk_identity, &identity, MP_BUFFER_READ);
    return mbedtls_ssl_conf_psk(&self->client, key.buf, key.len, identity.buf, identity.len) == 0;
}

static bool set_up_server(dtls_obj_t *self) {
    bool has_psk = self->psk != mp_const_none || self->psks != mp_const_none;
    self->is_server = has_psk || self->has_certificate;
    if (!set_up(self, &self->server, MBEDTLS_SSL_IS_SERVER, self->server_suites, has_psk, self->has_certificate)
        || mbedtls_ssl_cookie_setup(&self->cookies, mbedtls_ctr_drbg_random, &self->random) != 0) {
        return false;
    }
    if (has_psk) {
        mbedtls_ssl_conf_psk_cb(&self->server, set_psk, self);
    }
    mbedtls_ssl_conf_dtls_cookies(&self->server, write_cookie, check_cookie, self);
    #if defined(MBEDTLS_SSL_CACHE_C)
    mbedtls_ssl_cache_set_max_entries(&self->cache, self->sessions);
    mbedtls_ssl_conf_session_cache(&self->server, &self->cache, mbedtls_ssl_cache_get, cache_set);
    #endif
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
    if (strstr(vstr_null_terminated_str(out), "-----BEGIN") != NULL) {
        vstr_add_byte(out, 0);
    }
}

static bool parse_certificates(mp_obj_t value, qstr argument, mbedtls_x509_crt *out) {
    vstr_t text;
    if (!microcoapy_is_given(value)) {
        return false;
    }
    encoded(value, argument, &text);
    if (mbedtls_x509_crt_parse(out, (const uint8_t *)text.buf, text.len) != 0) {
        microcoapy_bad_value(argument);
    }
    return true;
}

static void parse_key(dtls_obj_t *self, mp_obj_t value) {
    vstr_t text;
    encoded(value, MP_QSTR_key, &text);
    #if MBEDTLS_VERSION_NUMBER >= 0x03000000
    int result = mbedtls_pk_parse_key(
        &self->own_key, (const uint8_t *)text.buf, text.len, NULL, 0, mbedtls_ctr_drbg_random, &self->random);
    #else
    int result = mbedtls_pk_parse_key(&self->own_key, (const uint8_t *)text.buf, text.len, NULL, 0);
    #endif
    mbedtls_platform_zeroize(text.buf, text.alloc);
    if (result != 0) {
        microcoapy_bad_value(MP_QSTR_key);
    }
}

static void wipe(mp_obj_t bytes) {
    mp_buffer_info_t buffer;
    if (mp_get_buffer(bytes, &buffer, MP_BUFFER_READ)) {
        mbedtls_platform_zeroize(buffer.buf, buffer.len);
    }
}

static mp_obj_t dtls_del(mp_obj_t self_in) {
    dtls_obj_t *self = MP_OBJ_TO_PTR(self_in);
    wipe(self->psk);
    microcoapy_dtls_forget(self);
    mbedtls_ssl_config_free(&self->client);
    mbedtls_ssl_config_free(&self->server);
    mbedtls_x509_crt_free(&self->own_certificate);
    mbedtls_pk_free(&self->own_key);
    mbedtls_x509_crt_free(&self->authorities);
    #if defined(MBEDTLS_SSL_CACHE_C)
    mbedtls_ssl_cache_free(&self->cache);
    #endif
    mbedtls_ssl_cookie_free(&self->cookies);
    mbedtls_ctr_drbg_free(&self->random);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(dtls_del_obj, dtls_del);

static void init(dtls_obj_t *self) {
    memset((uint8_t *)self + sizeof(self->base), 0, sizeof(*self) - sizeof(self->base));
    self->psk_identity = self->psk = self->psks = mp_const_none;
    mbedtls_ctr_drbg_init(&self->random);
    mbedtls_ssl_cookie_init(&self->cookies);
    #if defined(MBEDTLS_SSL_CACHE_C)
    mbedtls_ssl_cache_init(&self->cache);
    #endif
    mbedtls_x509_crt_init(&self->own_certificate);
    mbedtls_pk_init(&self->own_key);
    mbedtls_x509_crt_init(&self->authorities);
    mbedtls_ssl_config_init(&self->client);
    mbedtls_ssl_config_init(&self->server);
}

static void take_psk(dtls_obj_t *self, const mp_obj_t *value) {
    self->psk_identity = bytes_or_none(value[DTLS_PSK_IDENTITY], MP_QSTR_psk_identity);
    self->psk = bytes_or_none(value[DTLS_PSK], MP_QSTR_psk);
    mp_buffer_info_t key;
    if ((self->psk == mp_const_none) != (self->psk_identity == mp_const_none)) {
        microcoapy_bad_value(self->psk == mp_const_none ? MP_QSTR_psk : MP_QSTR_psk_identity);
    }
    if (mp_get_buffer(self->psk, &key, MP_BUFFER_READ) && (key.len == 0 || key.len > MBEDTLS_PSK_MAX_LEN)) {
        microcoapy_bad_value(MP_QSTR_psk);
    }
    if (microcoapy_is_given(value[DTLS_PSKS])) {
        self->psks = value[DTLS_PSKS];
        if (!mp_obj_is_dict_or_ordereddict(self->psks)) {
            microcoapy_bad_type(MP_QSTR_psks);
        }
    }
}

static void take_certificates(dtls_obj_t *self, const mp_obj_t *value) {
    self->has_certificate = parse_certificates(value[DTLS_CERT], MP_QSTR_cert, &self->own_certificate);
    self->checks_names = parse_certificates(value[DTLS_CA], MP_QSTR_ca, &self->authorities);
    if (self->has_certificate != microcoapy_is_given(value[DTLS_KEY])) {
        microcoapy_bad_value(self->has_certificate ? MP_QSTR_key : MP_QSTR_cert);
    }
    if (self->has_certificate) {
        parse_key(self, value[DTLS_KEY]);
    }
}

// Dtls(*, psk_identity=None, psk=None, psks=None, cert=None, key=None, ca=None, sessions=4)
static mp_obj_t dtls_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_obj_t value[DTLS_ARGUMENTS];
    microcoapy_parse(dtls_arguments, SHAPE(DTLS_ARGUMENTS, 0, 0), value, n_args, n_kw, args);
    dtls_obj_t *self = mp_obj_malloc_with_finaliser(dtls_obj_t, type);
    init(self);
    take_psk(self, value);
    size_t sessions = SESSIONS_DEFAULT;
    if (microcoapy_is_given(value[DTLS_SESSIONS])) {
        sessions = microcoapy_int_arg(value[DTLS_SESSIONS], MP_QSTR_sessions, 1, SESSIONS_MAX);
    }
    if (mbedtls_ctr_drbg_seed(&self->random, take_entropy, NULL, NULL, 0) != 0) {
        mp_raise_OSError(MP_ENOMEM);
    }
    take_certificates(self, value);
    if (self->psk == mp_const_none && self->psks == mp_const_none && !self->has_certificate && !self->checks_names) {
        microcoapy_bad_value(MP_QSTR_psk);
    }
    self->resumables = m_new0(resumable_t, sessions);
    self->sessions = sessions;
    if (!set_up_client(self) || !set_up_server(self)) {
        mp_raise_OSError(MP_ENOMEM);
    }
    return MP_OBJ_FROM_PTR(self);
}

#include "tables/dtls.h"

#endif // MICROCOAPY_DTLS
