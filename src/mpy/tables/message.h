// SPDX-License-Identifier: MIT
//
// The tables of message.c that hold names, included at its end.

MP_DEFINE_CONST_OBJ_TYPE(
    microcoapy_response_type, MP_QSTR_Response, MP_TYPE_FLAG_NONE,
    make_new, response_make_new,
    attr, response_attr,
    print, response_print
    );

MP_DEFINE_CONST_OBJ_TYPE(
    microcoapy_request_type, MP_QSTR_Request, MP_TYPE_FLAG_NONE,
    attr, request_attr,
    print, request_print
    );

// CoapError(code, text=""): a handler that raises it is answered with.
MP_DEFINE_CONST_OBJ_TYPE(
    microcoapy_error_type, MP_QSTR_CoapError, MP_TYPE_FLAG_NONE,
    make_new, mp_obj_exception_make_new,
    print, mp_obj_exception_print,
    attr, mp_obj_exception_attr,
    parent, &mp_type_Exception
    );
