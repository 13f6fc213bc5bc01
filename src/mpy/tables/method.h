// SPDX-License-Identifier: MIT
//
// The tables of method.c that hold names, included at its end.

MP_DEFINE_CONST_OBJ_TYPE(
    microcoapy_method_type, MP_QSTR_function, MP_TYPE_FLAG_BINDS_SELF | MP_TYPE_FLAG_BUILTIN_FUN,
    call, method_call
    );
