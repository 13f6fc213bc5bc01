// SPDX-License-Identifier: MIT
//
// The lists of names of dtls_config.c.

// Arguments of Dtls; none by position.
enum {
    DTLS_PSK_IDENTITY,
    DTLS_PSK,
    DTLS_PSKS,
    DTLS_CERT,
    DTLS_KEY,
    DTLS_CA,
    DTLS_SESSIONS,
    DTLS_ARGUMENTS,
};
static const qstr_short_t dtls_arguments[DTLS_ARGUMENTS] = {
    MP_QSTR_psk_identity, MP_QSTR_psk, MP_QSTR_psks, MP_QSTR_cert, MP_QSTR_key, MP_QSTR_ca, MP_QSTR_sessions,
};
