// SPDX-License-Identifier: MIT
//
// The lists of names of message.c.

// Arguments of Response; those before RESPONSE_POSITIONAL may be given by position.
enum {
    RESPONSE_CODE,
    RESPONSE_PAYLOAD,
    RESPONSE_CONTENT_FORMAT,
    RESPONSE_POSITIONAL,
    RESPONSE_ETAG = RESPONSE_POSITIONAL,
    RESPONSE_MAX_AGE,
    RESPONSE_LOCATION,
    RESPONSE_OPTIONS,
    RESPONSE_ARGUMENTS,
};
static const qstr_short_t response_arguments[RESPONSE_ARGUMENTS] = {
    MP_QSTR_code, MP_QSTR_payload, MP_QSTR_content_format, MP_QSTR_etag, MP_QSTR_max_age, MP_QSTR_location,
    MP_QSTR_options,
};
