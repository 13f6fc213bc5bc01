// SPDX-License-Identifier: MIT
//
// Resource: a path with its handler, as coap.resource() makes it.

#include <string.h>

#include "modern.h"
#include "protocol.h"

#if MICROCOAPY_MODERN

// ---- settings ----------------------------------------------------------------------------------

static uint32_t methods_of(mp_obj_t methods) {
    size_t len;
    mp_obj_t *items;
    microcoapy_one_or_more(&methods, &len, &items);
    uint32_t bits = 0;
    for (size_t i = 0; i < len; i++) {
        bits |= 1u << microcoapy_method_code(items[i]);
    }
    if ((bits & METHODS_ALL) != bits || bits == 0) {
        microcoapy_bad_value(MP_QSTR_methods);
    }
    return bits;
}

static void set_flag(resource_obj_t *resource, uint32_t flag, mp_obj_t value) {
    if (mp_obj_is_true(value)) {
        resource->handler.settings.flags |= flag;
    }
}

mp_obj_t microcoapy_fingerprint(const uint8_t *data, size_t len) {
    uint32_t tag = mcoap_fingerprint(data, len);
    return mp_obj_new_bytes((const byte *)&tag, sizeof(tag));
}

// What answers a GET from now on, with an ETag of its bytes. What a program may change in place is copied.
static void set_value(resource_obj_t *resource, mp_obj_t value) {
    mp_buffer_info_t bytes;
    if (!mp_get_buffer(value, &bytes, MP_BUFFER_READ)) {
        microcoapy_bad_type(MP_QSTR_value);
    }
    if (!microcoapy_is_str(value) && !mp_obj_is_type(value, &mp_type_bytes)) {
        value = mp_obj_new_bytes(bytes.buf, bytes.len);
    }
    resource->etag = microcoapy_fingerprint(microcoapy_engine_bytes(bytes.buf, bytes.len), bytes.len);
    resource->value = value;
}

// False: the keyword is no setting, but an attribute of the link.
static bool set(resource_obj_t *resource, qstr name, mp_obj_t value) {
    switch (name) {
        case MP_QSTR_methods:
            resource->handler.settings.methods = methods_of(value);
            return true;
        #if MICROCOAPY_OBSERVE
        case MP_QSTR_obs:
            set_flag(resource, MCOAP_RESOURCE_OBSERVABLE, value);
            return true;
        case MP_QSTR_non:
            set_flag(resource, MCOAP_RESOURCE_NON, value);
            return true;
        case MP_QSTR_min_interval:
            resource->handler.settings.interval_ms = microcoapy_int_arg(value, name, 0, INT32_MAX);
            return true;
        #endif
        case MP_QSTR_hidden:
            set_flag(resource, MCOAP_RESOURCE_HIDDEN, value);
            return true;
        #if MICROCOAPY_BLOCK
        case MP_QSTR_fresh:
            set_flag(resource, MCOAP_RESOURCE_FRESH, value);
            return true;
        case MP_QSTR_max_body:
            resource->handler.settings.max_body = microcoapy_int_arg(value, name, 1, BODY_MAX);
            return true;
        #endif
        #if MICROCOAPY_OSCORE
        case MP_QSTR_security:
            if (microcoapy_is_given(value) && value != mp_const_false) {
                microcoapy_security_admit(resource->handler.coap, value);
                resource->handler.security = value;
            }
            return true;
        #endif
        case MP_QSTR_into:
            if (!mp_obj_is_callable(value)) {
                microcoapy_bad_type(name);
            }
            resource->into = value;
            return true;
        case MP_QSTR_etag:
            // A stored value has its own, whichever keyword comes first.
            if (resource->value == MP_OBJ_NULL) {
                resource->etag = value;
            }
            return true;
        case MP_QSTR_value:
            set_value(resource, value);
            return true;
        case MP_QSTR_understands:
            microcoapy_understood_arg(resource->handler.settings.understood, value);
            return true;
        default:
            return false;
    }
}

// RFC 6690 section 2: rt, if and ct may have several values, separated by spaces.
static mp_obj_t attribute_text(mp_obj_t value) {
    size_t len;
    mp_obj_t *items;
    if (!microcoapy_items(value, &len, &items)) {
        return value;
    }
    vstr_t text;
    mp_print_t print;
    vstr_init_print(&text, 32, &print);
    for (size_t i = 0; i < len; i++) {
        mp_print_str(&print, i == 0 ? "" : " ");
        mp_obj_print_helper(&print, items[i], PRINT_STR);
    }
    return mp_obj_new_str_from_vstr(&text);
}

// Who knows the ETag of its state deals with If-Match and If-None-Match: serve.c does.
static void enforce_conditions(resource_obj_t *resource) {
    if (resource->etag != MP_OBJ_NULL) {
        microcoapy_understood_add(resource->handler.settings.understood, OPTION_IF_MATCH);
        microcoapy_understood_add(resource->handler.settings.understood, OPTION_IF_NONE_MATCH);
    }
}

// resource(path, *, methods=("GET",), value=..., obs=False, non=False, min_interval=0, etag=..., into=None, max_body=...,
// fresh=False, hidden=False, security=None, understands=(), **attributes)
static mp_obj_t coap_resource(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    mp_arg_check_num(n_args, kwargs->used, 2, 2, true);
    microcoapy_str_arg(args[1], MP_QSTR_path);
    resource_obj_t *resource = m_new0(resource_obj_t, 1);
    resource->handler.base.type = &microcoapy_resource_type;
    resource->handler.coap = MP_OBJ_TO_PTR(args[0]);
    resource->handler.path = args[1];
    resource->handler.attributes = mp_obj_new_dict(0);
    resource->handler.settings.methods = 1u << METHOD_GET;
    resource->format = MCOAP_CONTENT_FORMAT_NONE;
    for (size_t i = 0; i < kwargs->alloc; i++) {
        if (mp_map_slot_is_filled(kwargs, i)) {
            mp_map_elem_t *given = &kwargs->table[i];
            qstr name = MP_OBJ_QSTR_VALUE(given->key);
            if (!set(resource, name, given->value)) {
                if (name == MP_QSTR_ct && mp_obj_is_small_int(given->value)) {
                    resource->format = microcoapy_int_arg(given->value, name, 0, UINT16_MAX);
                }
                mp_obj_dict_store(resource->handler.attributes, given->key, attribute_text(given->value));
            }
        }
    }
    enforce_conditions(resource);
    if (resource->into != MP_OBJ_NULL && resource->handler.settings.max_body == 0) {
        resource->handler.settings.max_body = BODY_MAX; // whoever takes it block by block needs no memory for it
    }
    if (resource->value != MP_OBJ_NULL) {
        microcoapy_path_add(resource->handler.coap, args[1], MP_OBJ_FROM_PTR(resource), MP_QSTR_path);
    }
    return MP_OBJ_FROM_PTR(resource);
}
MP_DEFINE_CONST_FUN_OBJ_KW(microcoapy_resource_obj, 2, coap_resource);

// ---- the object --------------------------------------------------------------------------------

// The state has changed.
static mp_obj_t resource_notify(mp_obj_t self_in) {
    #if MICROCOAPY_OBSERVE
    resource_obj_t *resource = MP_OBJ_TO_PTR(self_in);
    uint32_t number;
    if (microcoapy_path_number(resource->handler.coap, self_in, &number)) {
        mcoap_resource_notify(resource->handler.coap->endpoint, number);
        microcoapy_async_update(resource->handler.coap);
    }
    #endif
    return mp_const_none;
}
#if MICROCOAPY_OBSERVE
static MP_DEFINE_CONST_FUN_OBJ_1(resource_notify_obj, resource_notify);
#endif

static void resource_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    resource_obj_t *resource = MP_OBJ_TO_PTR(self_in);
    if (attr == MP_QSTR_etag) {
        if (dest[0] == MP_OBJ_NULL) {
            dest[0] = resource->etag == MP_OBJ_NULL ? mp_const_none : resource->etag;
        } else if (dest[1] != MP_OBJ_NULL) {
            if (resource->etag == MP_OBJ_NULL) {
                resource->handler.coap->paths_changed = true;
            }
            resource->etag = dest[1];
            enforce_conditions(resource);
            dest[0] = MP_OBJ_NULL;
        }
    } else if (attr == MP_QSTR_value && resource->value != MP_OBJ_NULL) {
        if (dest[0] == MP_OBJ_NULL) {
            dest[0] = resource->value;
        } else if (dest[1] != MP_OBJ_NULL) {
            set_value(resource, dest[1]);
            resource_notify(self_in);
            dest[0] = MP_OBJ_NULL;
        }
    } else if (dest[0] == MP_OBJ_NULL) {
        if (attr == MP_QSTR_path) {
            dest[0] = resource->handler.path;
        } else {
            dest[1] = MP_OBJ_SENTINEL; // a method
        }
    }
}

static void resource_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    resource_obj_t *resource = MP_OBJ_TO_PTR(self_in);
    mp_print_str(print, "Resource(");
    mp_obj_print_helper(print, resource->handler.path, PRINT_REPR);
    mp_print_str(print, ")");
}

#include "tables/resource.h"

#endif // MICROCOAPY_MODERN
