// SPDX-License-Identifier: MIT
//
// Included by extmod/modos.c: the parts of the os module that ports provide.

#include <stdlib.h>

#include "os_urandom.c"

static mp_obj_t mp_os_getenv(size_t n_args, const mp_obj_t *args) {
    const char *value = getenv(mp_obj_str_get_str(args[0]));
    if (value == NULL) {
        return n_args == 2 ? args[1] : mp_const_none;
    }
    return mp_obj_new_str_from_cstr(value);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mp_os_getenv_obj, 1, 2, mp_os_getenv);

// The table of os has getenv only together with functions that change the environment.
void microcoapy_os_attr(mp_obj_t self, qstr attr, mp_obj_t *dest);
void microcoapy_os_attr(mp_obj_t self, qstr attr, mp_obj_t *dest) {
    (void)self;
    if (attr == MP_QSTR_getenv && dest[0] == MP_OBJ_NULL) {
        dest[0] = MP_OBJ_FROM_PTR(&mp_os_getenv_obj);
    }
}
MP_REGISTER_MODULE_DELEGATION(mp_module_os, microcoapy_os_attr);
