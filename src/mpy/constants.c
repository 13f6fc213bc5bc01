// SPDX-License-Identifier: MIT
//
// The constant classes of the Python API. Names are those of the original library, with its two
// misspellings beside the right forms; numbers are those of the IANA CoRE parameters registry.

#include "protocol.h"
#include "shim.h"

// A name and a small number in a word: half of what an entry of a dict takes. Numbers are kept plus one.
#define INT(name, value) ((uint32_t)MP_QSTR_##name << 8 | ((value) + 1))
#define INT_NAME(constant) ((constant) >> 8)
#define INT_VALUE(constant) ((mp_int_t)((constant) & 0xff) - 1)

// A class that only carries names.
#define CONSTANT_CLASS(c_name, python_name, ...) \
    const constant_class_t c_name = { \
        { &constant_class_type }, python_name, MP_ARRAY_SIZE(((uint32_t[]) { __VA_ARGS__ })), { __VA_ARGS__ } \
    }

static void constant_class_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    const constant_class_t *self = MP_OBJ_TO_PTR(self_in);
    mp_printf(print, "<class '%q'>", (qstr)self->name);
}

static void constant_class_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    const constant_class_t *self = MP_OBJ_TO_PTR(self_in);
    for (size_t i = 0; i < self->count && dest[0] == MP_OBJ_NULL; i++) {
        if (INT_NAME(self->constant[i]) == attr) {
            dest[0] = MP_OBJ_NEW_SMALL_INT(INT_VALUE(self->constant[i]));
        }
    }
}

static MP_DEFINE_CONST_OBJ_TYPE(
    constant_class_type, MP_QSTR_type, MP_TYPE_FLAG_NONE,
    attr, constant_class_attr,
    print, constant_class_print
    );

// RFC 7252 section 3
CONSTANT_CLASS(microcoapy_message_type_class, MP_QSTR_COAP_TYPE,
    INT(COAP_CON, TYPE_CON),
    INT(COAP_NONCON, TYPE_NON),
    INT(COAP_ACK, TYPE_ACK),
    INT(COAP_RESET, TYPE_RST));

// RFC 7252 section 12.1.1; FETCH, PATCH and iPATCH: RFC 8132 section 6
CONSTANT_CLASS(microcoapy_request_method_class, MP_QSTR_COAP_METHOD,
    INT(COAP_EMPTY_MESSAGE, CODE(0, 0)),
    INT(COAP_GET, METHOD_GET),
    INT(COAP_POST, METHOD_POST),
    INT(COAP_PUT, METHOD_PUT),
    INT(COAP_DELETE, METHOD_DELETE),
    INT(COAP_FETCH, METHOD_FETCH),
    INT(COAP_PATCH, METHOD_PATCH),
    INT(COAP_IPATCH, METHOD_IPATCH));

// RFC 7252 section 12.1.2
CONSTANT_CLASS(microcoapy_response_code_class, MP_QSTR_COAP_RESPONSE_CODE,
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
    INT(COAP_PROXYING_NOT_SUPPORTED, CODE(5, 5)));

// RFC 7252 section 12.2
CONSTANT_CLASS(microcoapy_option_number_class, MP_QSTR_COAP_OPTION_NUMBER,
    INT(COAP_IF_MATCH, OPTION_IF_MATCH),
    INT(COAP_URI_HOST, OPTION_URI_HOST),
    INT(COAP_E_TAG, OPTION_ETAG),
    INT(COAP_IF_NONE_MATCH, OPTION_IF_NONE_MATCH),
    INT(COAP_URI_PORT, 7),
    INT(COAP_LOCATION_PATH, 8),
    INT(COAP_URI_PATH, OPTION_URI_PATH),
    INT(COAP_CONTENT_FORMAT, 12),
    INT(COAP_MAX_AGE, OPTION_MAX_AGE),
    INT(COAP_URI_QUERY, OPTION_URI_QUERY),
    INT(COAP_ACCEPT, OPTION_ACCEPT),
    INT(COAP_LOCATION_QUERY, 20),
    INT(COAP_PROXY_URI, 35),
    INT(COAP_PROXY_SCHEME, 39));

// RFC 7252 section 12.3; CBOR: RFC 8949 section 9.4
CONSTANT_CLASS(microcoapy_content_format_class, MP_QSTR_COAP_CONTENT_FORMAT,
    INT(COAP_NONE, MCOAP_CONTENT_FORMAT_NONE),
    INT(COAP_TEXT_PLAIN, FORMAT_TEXT),
    INT(COAP_APPLICATION_LINK_FORMAT, 40),
    INT(COAP_APPLICATION_XML, 41),
    INT(COAP_APPLICATION_OCTET_STREAM, 42),
    INT(COAP_APPLICATION_EXI, 47),
    INT(COAP_APPLICATION_JSON, 50),
    INT(COAP_APPLICATION_CBOR, 60));

CONSTANT_CLASS(microcoapy_version_class, MP_QSTR_COAP_VERSION,
    INT(COAP_VERSION_UNSUPPORTED, 0),
    INT(COAP_VERSION_1, PROTOCOL_VERSION));

// Where a request of the classic layer stands. A response that the server announced with an Empty
// ACK is a separate response (RFC 7252 section 5.2.2).
CONSTANT_CLASS(microcoapy_state_class, MP_QSTR_TRANSMISSION_STATE,
    INT(STATE_IDLE, 0),
    INT(STATE_SEPARATE_ACK_RECEIVED_WAITING_DATA, 1));

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
    mp_int_t code = microcoapy_int_arg(code_in, MP_QSTR_code, 0, UINT8_MAX);
    mp_obj_t pair[2] = { MP_OBJ_NEW_SMALL_INT(CODE_CLASS(code)), MP_OBJ_NEW_SMALL_INT(CODE_DETAIL(code)) };
    return mp_obj_new_tuple(2, pair);
}
static MP_DEFINE_CONST_FUN_OBJ_1(code_decode_fun, code_decode);
static MP_DEFINE_CONST_STATICMETHOD_OBJ(code_decode_obj, MP_ROM_PTR(&code_decode_fun));

static const mp_rom_map_elem_t code_table[] = {
    { MP_ROM_QSTR(MP_QSTR_encode), MP_ROM_PTR(&code_encode_obj) },
    { MP_ROM_QSTR(MP_QSTR_decode), MP_ROM_PTR(&code_decode_obj) },
};
static MP_DEFINE_CONST_DICT(code_dict, code_table);

MP_DEFINE_CONST_OBJ_TYPE(
    microcoapy_code_type, MP_QSTR_CoapResponseCode, MP_TYPE_FLAG_NONE,
    locals_dict, &code_dict
    );
