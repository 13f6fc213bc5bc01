// SPDX-License-Identifier: MIT
//
// The lists of names of method.c.

const qstr_short_t microcoapy_argument_names[ARG_COUNT] = {
    [ARG_HOST] = MP_QSTR_ip,
    [ARG_URL] = MP_QSTR_url,
    [ARG_TOKEN] = MP_QSTR_token,
    [ARG_PAYLOAD] = MP_QSTR_payload,
    [ARG_QUERY] = MP_QSTR_query_option,
    [ARG_OPTIONS] = MP_QSTR_options,
    [ARG_TYPE] = MP_QSTR_type,
    [ARG_METHOD] = MP_QSTR_method,
    [ARG_MESSAGEID] = MP_QSTR_messageid,
    [ARG_CONTENT_FORMAT] = MP_QSTR_content_format,
    [ARG_PORT] = MP_QSTR_port,
    [ARG_OBSERVE] = MP_QSTR_observe_option,
    [ARG_IP] = MP_QSTR_ip,
    [ARG_PACKET] = MP_QSTR_packet,
    [ARG_SOCK] = MP_QSTR_sock,
    [ARG_CB] = MP_QSTR_cb,
    [ARG_TIMEOUT] = MP_QSTR_timeoutMs,
    [ARG_POLL_PERIOD] = MP_QSTR_pollPeriodMs,
    [ARG_BLOCKING] = MP_QSTR_blocking,
    [ARG_UNDERSTANDS] = MP_QSTR_understands,
    #if MICROCOAPY_DISCOVERY
    [ARG_GROUP] = MP_QSTR_group,
    [ARG_INTERFACE] = MP_QSTR_interface,
    #endif
    [ARG_REQUEST_PACKET] = MP_QSTR_request_packet,
    #if MICROCOAPY_DTLS
    [ARG_DTLS] = MP_QSTR_dtls,
    #endif
};
