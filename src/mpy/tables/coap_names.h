// SPDX-License-Identifier: MIT
//
// The lists of names of coap.c.

// Arguments of the constructor: the port, the fields of mcoap_parameters in their order, and what export_state() gave.
static const qstr_short_t parameter_names[] = {
    MP_QSTR_port, MP_QSTR_ack_timeout, MP_QSTR_ack_random_factor, MP_QSTR_max_latency, MP_QSTR_processing_delay,
    MP_QSTR_default_leisure, MP_QSTR_probing_rate, MP_QSTR_max_retransmit, MP_QSTR_nstart, MP_QSTR_max_message,
    MP_QSTR_message_store, MP_QSTR_max_body, MP_QSTR_amplification, MP_QSTR_error_rate, MP_QSTR_state,
};

// In the order of mcoap_stats, which has nothing but counters.
static const qstr_short_t counter_names[] = {
    MP_QSTR_sent, MP_QSTR_received, MP_QSTR_retransmitted, MP_QSTR_duplicates, MP_QSTR_malformed, MP_QSTR_dropped,
    MP_QSTR_timeouts, MP_QSTR_resets, MP_QSTR_exchanges_in_use, MP_QSTR_transmissions_in_use,
    MP_QSTR_deduplication_in_use, MP_QSTR_requests_in_use, MP_QSTR_bodies_in_use, MP_QSTR_observations_in_use,
    MP_QSTR_observers_in_use,
};

enum {
    ATTR_RESPONSE_CALLBACK, // from here to ATTR_SOCK: in the order of coap_obj_t
    ATTR_ERROR_CALLBACK,
    ATTR_DISCARD_RETRANSMISSIONS,
    ATTR_DEBUG,
    ATTR_IS_SERVER,
    ATTR_SOCK,
    ATTR_STATE,
    ATTR_CALLBACKS,
    ATTR_PORT,
    ATTR_COUNT,
};

static const qstr_short_t attr_names[ATTR_COUNT] = {
    MP_QSTR_responseCallback, MP_QSTR_errorCallback, MP_QSTR_discardRetransmissions, MP_QSTR_debug, MP_QSTR_isServer,
    MP_QSTR_sock, MP_QSTR_state, MP_QSTR_callbacks, MP_QSTR_port,
};
