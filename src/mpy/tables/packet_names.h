// SPDX-License-Identifier: MIT
//
// The lists of names of packet.c.

static const qstr_short_t option_names[] = { MP_QSTR_number, MP_QSTR_buffer };

// From the version on, in the order of packet_obj_t.
static const qstr_short_t packet_names[] = {
    MP_QSTR_version, MP_QSTR_type, MP_QSTR_method, MP_QSTR_token, MP_QSTR_payload, MP_QSTR_messageid,
    MP_QSTR_content_format, MP_QSTR_query, MP_QSTR_options,
};
