// SPDX-License-Identifier: MIT
//
// The tables of paths.c that hold names, included at its end.

static MP_DEFINE_CONST_OBJ_TYPE(
    handler_type, MP_QSTR_function, MP_TYPE_FLAG_NONE,
    call, microcoapy_handler_call
    );
