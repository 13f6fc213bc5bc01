// SPDX-License-Identifier: MIT
//
// Attributes that are objects in a row, with their names in the same order; and methods by name.

#include "shim.h"

size_t microcoapy_name_index(const qstr_short_t *names, size_t count, qstr name) {
    size_t i = 0;
    while (i < count && names[i] != name) {
        i++;
    }
    return i;
}

bool microcoapy_slot_attr(const qstr_short_t *names, size_t count, mp_obj_t *slots, qstr attr, mp_obj_t *dest) {
    size_t i = microcoapy_name_index(names, count, attr);
    if (i == count) {
        return false;
    }
    if (dest[0] == MP_OBJ_NULL) {
        dest[0] = slots[i];
    } else if (dest[1] != MP_OBJ_NULL) {
        slots[i] = dest[1];
        dest[0] = MP_OBJ_NULL;
    }
    return true;
}

bool microcoapy_own_attr(mp_obj_t *dict, qstr attr, mp_obj_t *dest) {
    mp_obj_t name = MP_OBJ_NEW_QSTR(attr);
    if (dest[0] != MP_OBJ_NULL && dest[1] != MP_OBJ_NULL) {
        if (*dict == MP_OBJ_NULL) {
            *dict = mp_obj_new_dict(1);
        }
        mp_obj_dict_store(*dict, name, dest[1]);
        dest[0] = MP_OBJ_NULL;
        return true;
    }
    mp_map_elem_t *own = *dict == MP_OBJ_NULL ? NULL : mp_map_lookup(mp_obj_dict_get_map(*dict), name, MP_MAP_LOOKUP);
    if (own == NULL) {
        return false;
    }
    if (dest[0] == MP_OBJ_NULL) {
        dest[0] = own->value;
    } else {
        mp_obj_dict_delete(*dict, name);
        dest[0] = MP_OBJ_NULL;
    }
    return true;
}

mp_obj_t microcoapy_call_maybe(mp_obj_t object, qstr name, size_t n_args, mp_obj_t a, mp_obj_t b) {
    mp_obj_t method[4];
    mp_load_method_maybe(object, name, method);
    if (method[0] == MP_OBJ_NULL) {
        return MP_OBJ_NULL;
    }
    method[2] = a;
    method[3] = b;
    return mp_call_method_n_kw(n_args, 0, method);
}

mp_obj_t microcoapy_call(mp_obj_t object, qstr name, size_t n_args, mp_obj_t a, mp_obj_t b) {
    mp_obj_t result = microcoapy_call_maybe(object, name, n_args, a, b);
    return result == MP_OBJ_NULL ? mp_load_attr(object, name) : result; // which raises AttributeError
}
