// SPDX-License-Identifier: MIT
//
// The lists of names of security.c.

// Arguments of SecurityContext; those before SECURITY_POSITIONAL may be given by position.
enum {
    SECURITY_SECRET,
    SECURITY_SALT,
    SECURITY_POSITIONAL,
    SECURITY_SENDER_ID = SECURITY_POSITIONAL,
    SECURITY_RECIPIENT_ID,
    SECURITY_ID_CONTEXT,
    SECURITY_LOAD,
    SECURITY_SAVE,
    SECURITY_ARGUMENTS,
};
static const qstr_short_t security_arguments[SECURITY_ARGUMENTS] = {
    MP_QSTR_secret, MP_QSTR_salt, MP_QSTR_sender_id, MP_QSTR_recipient_id, MP_QSTR_id_context, MP_QSTR_load,
    MP_QSTR_save,
};
