// SPDX-License-Identifier: MIT
//
// The constant classes of the Python API. Names are those of the original library, with its two
// misspellings beside the right forms; numbers are those of the IANA CoRE parameters registry.

#include "protocol.h"
#include "shim.h"

// A name and a small number in a word: half of what an entry of a dict takes. Numbers are kept plus one.
#define INT(name, value) ((uint32_t)MP_QSTR_##name << 16 | ((value) + 1))
#define INT_NAME(constant) ((constant) >> 16)
#define INT_VALUE(constant) ((mp_int_t)((constant) & 0xffff) - 1)

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

#include "tables/constants.h"
