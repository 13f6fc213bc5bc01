// SPDX-License-Identifier: MIT
//
// The constant classes of the Python API. Names are those of the original library, with its two
// misspellings beside the right forms; numbers are those of the IANA CoRE parameters registry.
// The only file of the shim that may spell a protocol number.

#include "shim.h"

// RFC 7252 section 3: a code is a class of 3 bits and a detail of 5 bits, written c.dd.
#define CODE_DETAIL_BITS (5)
#define CODE_DETAIL_MAX (31)
#define CODE_CLASS_MAX (7)
#define CODE(class_, detail) ((class_) << CODE_DETAIL_BITS | (detail))

#define INT(name, value) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_INT(value) }

// A class that only carries names.
#define CONSTANT_CLASS(c_name, python_name, table) \
    static MP_DEFINE_CONST_DICT(table##_dict, table); \
    MP_DEFINE_CONST_OBJ_TYPE(c_name, python_name, MP_TYPE_FLAG_NONE, locals_dict, &table##_dict)

// Words, not bytes: on ESP8266 constants may end up where only aligned words can be read.
const uint32_t microcoapy_protocol_version = 1;
const uint32_t microcoapy_type_con = 0;
const uint32_t microcoapy_type_non = 1;
const uint32_t microcoapy_type_max = 3;
const uint32_t microcoapy_method_get = CODE(0, 1);
const uint32_t microcoapy_method_post = CODE(0, 2);
const uint32_t microcoapy_method_put = CODE(0, 3);
const uint32_t microcoapy_method_delete = CODE(0, 4);
// Bit n is method 0.n.
const uint32_t microcoapy_methods_all = 0xfe;
const uint32_t microcoapy_option_uri_host = 3;
const uint32_t microcoapy_option_uri_path = 11;

// RFC 7252 section 3
static const mp_rom_map_elem_t message_type_table[] = {
    INT(COAP_CON, 0),
    INT(COAP_NONCON, 1),
    INT(COAP_ACK, 2),
    INT(COAP_RESET, 3),
};
CONSTANT_CLASS(microcoapy_message_type_type, MP_QSTR_COAP_TYPE, message_type_table);

// RFC 7252 section 12.1.1; FETCH, PATCH and iPATCH: RFC 8132 section 6
static const mp_rom_map_elem_t method_table[] = {
    INT(COAP_EMPTY_MESSAGE, CODE(0, 0)),
    INT(COAP_GET, CODE(0, 1)),
    INT(COAP_POST, CODE(0, 2)),
    INT(COAP_PUT, CODE(0, 3)),
    INT(COAP_DELETE, CODE(0, 4)),
    INT(COAP_FETCH, CODE(0, 5)),
    INT(COAP_PATCH, CODE(0, 6)),
    INT(COAP_IPATCH, CODE(0, 7)),
};
CONSTANT_CLASS(microcoapy_method_type, MP_QSTR_COAP_METHOD, method_table);

// RFC 7252 section 12.1.2
static const mp_rom_map_elem_t response_code_table[] = {
    INT(COAP_CREATED, CODE(2, 1)),
    INT(COAP_DELETED, CODE(2, 2)),
    INT(COAP_VALID, CODE(2, 3)),
    INT(COAP_CHANGED, CODE(2, 4)),
    INT(COAP_CONTENT, CODE(2, 5)),
    INT(COAP_BAD_REQUEST, CODE(4, 0)),
    INT(COAP_UNAUTHORIZED, CODE(4, 1)),
    INT(COAP_BAD_OPTION, CODE(4, 2)),
    INT(COAP_FORBIDDEN, CODE(4, 3)),
    INT(COAP_NOT_FOUND, CODE(4, 4)),
    INT(COAP_METHOD_NOT_ALLOWD, CODE(4, 5)),
    INT(COAP_METHOD_NOT_ALLOWED, CODE(4, 5)),
    INT(COAP_NOT_ACCEPTABLE, CODE(4, 6)),
    INT(COAP_PRECONDITION_FAILED, CODE(4, 12)),
    INT(COAP_REQUEST_ENTITY_TOO_LARGE, CODE(4, 13)),
    INT(COAP_UNSUPPORTED_CONTENT_FORMAT, CODE(4, 15)),
    INT(COAP_INTERNAL_SERVER_ERROR, CODE(5, 0)),
    INT(COAP_NOT_IMPLEMENTED, CODE(5, 1)),
    INT(COAP_BAD_GATEWAY, CODE(5, 2)),
    INT(COAP_SERVICE_UNAVALIABLE, CODE(5, 3)),
    INT(COAP_SERVICE_UNAVAILABLE, CODE(5, 3)),
    INT(COAP_GATEWAY_TIMEOUT, CODE(5, 4)),
    INT(COAP_PROXYING_NOT_SUPPORTED, CODE(5, 5)),
};
CONSTANT_CLASS(microcoapy_response_code_type, MP_QSTR_COAP_RESPONSE_CODE, response_code_table);

// RFC 7252 section 12.2
static const mp_rom_map_elem_t option_number_table[] = {
    INT(COAP_IF_MATCH, 1),
    INT(COAP_URI_HOST, 3),
    INT(COAP_E_TAG, 4),
    INT(COAP_IF_NONE_MATCH, 5),
    INT(COAP_URI_PORT, 7),
    INT(COAP_LOCATION_PATH, 8),
    INT(COAP_URI_PATH, 11),
    INT(COAP_CONTENT_FORMAT, 12),
    INT(COAP_MAX_AGE, 14),
    INT(COAP_URI_QUERY, 15),
    INT(COAP_ACCEPT, 17),
    INT(COAP_LOCATION_QUERY, 20),
    INT(COAP_PROXY_URI, 35),
    INT(COAP_PROXY_SCHEME, 39),
};
CONSTANT_CLASS(microcoapy_option_number_type, MP_QSTR_COAP_OPTION_NUMBER, option_number_table);

// RFC 7252 section 12.3; CBOR: RFC 8949 section 9.4
static const mp_rom_map_elem_t content_format_table[] = {
    INT(COAP_NONE, MCOAP_CONTENT_FORMAT_NONE),
    INT(COAP_TEXT_PLAIN, 0),
    INT(COAP_APPLICATION_LINK_FORMAT, 40),
    INT(COAP_APPLICATION_XML, 41),
    INT(COAP_APPLICATION_OCTET_STREAM, 42),
    INT(COAP_APPLICATION_EXI, 47),
    INT(COAP_APPLICATION_JSON, 50),
    INT(COAP_APPLICATION_CBOR, 60),
};
CONSTANT_CLASS(microcoapy_content_format_type, MP_QSTR_COAP_CONTENT_FORMAT, content_format_table);

static const mp_rom_map_elem_t version_table[] = {
    INT(COAP_VERSION_UNSUPPORTED, 0),
    INT(COAP_VERSION_1, 1),
};
CONSTANT_CLASS(microcoapy_version_type, MP_QSTR_COAP_VERSION, version_table);

// Where a request of the classic layer stands. A response that the server announced with an Empty
// ACK is a separate response (RFC 7252 section 5.2.2).
static const mp_rom_map_elem_t state_table[] = {
    INT(STATE_IDLE, 0),
    INT(STATE_SEPARATE_ACK_RECEIVED_WAITING_DATA, 1),
};
CONSTANT_CLASS(microcoapy_state_type, MP_QSTR_TRANSMISSION_STATE, state_table);

void microcoapy_code_split(uint32_t code, unsigned *class_, unsigned *detail) {
    *class_ = code >> CODE_DETAIL_BITS;
    *detail = code & CODE_DETAIL_MAX;
}

// CoapResponseCode.encode(class, detail) -> int
static mp_obj_t code_encode(mp_obj_t class_in, mp_obj_t detail_in) {
    mp_int_t class_ = microcoapy_int_arg(class_in, MP_QSTR_class, 0, CODE_CLASS_MAX);
    mp_int_t detail = microcoapy_int_arg(detail_in, MP_QSTR_detail, 0, CODE_DETAIL_MAX);
    return MP_OBJ_NEW_SMALL_INT(CODE(class_, detail));
}
static MP_DEFINE_CONST_FUN_OBJ_2(code_encode_fun, code_encode);
static MP_DEFINE_CONST_STATICMETHOD_OBJ(code_encode_obj, MP_ROM_PTR(&code_encode_fun));

// CoapResponseCode.decode(code) -> (class, detail)
static mp_obj_t code_decode(mp_obj_t code_in) {
    unsigned class_, detail;
    microcoapy_code_split(microcoapy_int_arg(code_in, MP_QSTR_code, 0, UINT8_MAX), &class_, &detail);
    mp_obj_t pair[2] = { MP_OBJ_NEW_SMALL_INT(class_), MP_OBJ_NEW_SMALL_INT(detail) };
    return mp_obj_new_tuple(2, pair);
}
static MP_DEFINE_CONST_FUN_OBJ_1(code_decode_fun, code_decode);
static MP_DEFINE_CONST_STATICMETHOD_OBJ(code_decode_obj, MP_ROM_PTR(&code_decode_fun));

static const mp_rom_map_elem_t code_table[] = {
    { MP_ROM_QSTR(MP_QSTR_encode), MP_ROM_PTR(&code_encode_obj) },
    { MP_ROM_QSTR(MP_QSTR_decode), MP_ROM_PTR(&code_decode_obj) },
};
CONSTANT_CLASS(microcoapy_code_type, MP_QSTR_CoapResponseCode, code_table);
