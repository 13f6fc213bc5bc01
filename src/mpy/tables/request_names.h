// SPDX-License-Identifier: MIT
//
// The lists of names of request.c.

// Arguments of a request. The first two may be given by position.
enum {
    ARG_URI_,
    ARG_PAYLOAD_,
    ARG_BODY,
    ARG_INTO,
    ARG_PROGRESS,
    ARG_TIMEOUT_,
    ARG_RESUME,
    ARG_BLOCK_SIZE,
    ARG_NON,
    ARG_TOKEN_,
    ARG_OPTIONS_,
    ARG_CALLBACK,
    ARG_UNDERSTANDS_,
    #if MICROCOAPY_OSCORE
    ARG_SECURITY,
    #endif
    ARG_OPTION_FIRST, // from here on: the value of an option
    OPTION_ARGUMENTS = 6,
    ARG_REQUEST_COUNT = ARG_OPTION_FIRST + OPTION_ARGUMENTS,
};
static const qstr_short_t argument_names[ARG_REQUEST_COUNT] = {
    MP_QSTR_uri, MP_QSTR_payload, MP_QSTR_body, MP_QSTR_into, MP_QSTR_progress, MP_QSTR_timeout, MP_QSTR_resume,
    MP_QSTR_block_size, MP_QSTR_non, MP_QSTR_token, MP_QSTR_options, MP_QSTR_callback,
    MP_QSTR_understands,
    #if MICROCOAPY_OSCORE
    MP_QSTR_security,
    #endif
    MP_QSTR_content_format, MP_QSTR_accept, MP_QSTR_etag, MP_QSTR_if_match, MP_QSTR_if_none_match, MP_QSTR_no_response,
};

// The names of methods and their codes.
static const struct {
    qstr_short_t name;
    uint8_t code;
} methods[] = {
    { MP_QSTR_GET, METHOD_GET }, { MP_QSTR_POST, METHOD_POST }, { MP_QSTR_PUT, METHOD_PUT },
    { MP_QSTR_DELETE, METHOD_DELETE }, { MP_QSTR_FETCH, METHOD_FETCH }, { MP_QSTR_PATCH, METHOD_PATCH },
    { MP_QSTR_iPATCH, METHOD_IPATCH }, { MP_QSTR_IPATCH, METHOD_IPATCH },
};
