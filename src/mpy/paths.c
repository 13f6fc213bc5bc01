// SPDX-License-Identifier: MIT
//
// Which paths are served: a Python dict of path to handler, which programs may edit, and the engine's table of the same
// paths, in which each path has a number.

#include <string.h>

#include "py/gc.h"
#include "modern.h"
#include "protocol.h"

// Room for a few short paths; doubled when it does not do.
#define FIRST_RESOURCE_MEMORY (96)

mp_obj_t microcoapy_callbacks(coap_obj_t *self) {
    if (self->callbacks == MP_OBJ_NULL) {
        self->callbacks = mp_obj_new_dict(0);
    }
    return self->callbacks;
}

// ---- handlers with settings ---------------------------------------------------------------------

static const mp_obj_type_t handler_type;

mp_obj_t microcoapy_handler_call(mp_obj_t self_in, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    handler_obj_t *self = MP_OBJ_TO_PTR(self_in);
    #if MICROCOAPY_MODERN
    // As a decorator a Resource takes its handler; after that it is the handler.
    if (self->callback == MP_OBJ_NULL) {
        mp_arg_check_num(n_args, n_kw, 1, 1, false);
        if (!mp_obj_is_callable(args[0])) {
            microcoapy_bad_type(MP_QSTR_handler);
        }
        self->callback = args[0];
        microcoapy_path_add(self->coap, self->path, self_in, MP_QSTR_path);
        return self_in;
    }
    #endif
    return mp_call_function_n_kw(self->callback, n_args, n_kw, args);
}

static bool has_settings(mp_obj_t handler) {
    #if MICROCOAPY_MODERN
    return MP_OBJ_TYPE_GET_SLOT_OR_NULL(mp_obj_get_type(handler), call) == microcoapy_handler_call;
    #else
    return mp_obj_is_type(handler, &handler_type);
    #endif
}

mp_obj_t microcoapy_handler(mp_obj_t callback, mp_obj_t understands) {
    understood_t understood;
    microcoapy_understood_arg(understood, understands);
    if (understood[0] == 0) {
        return callback;
    }
    handler_obj_t *handler = m_new0(handler_obj_t, 1);
    handler->base.type = &handler_type;
    handler->callback = callback;
    handler->settings.methods = METHODS_ALL;
    memcpy(handler->settings.understood, understood, sizeof(understood));
    return MP_OBJ_FROM_PTR(handler);
}

// ---- the table ---------------------------------------------------------------------------------

// Whether the dict has the same keys at the same places. A lookup of each would take ten times as long.
static bool in_step(coap_obj_t *self, const mp_map_t *map) {
    size_t number = 0;
    if (self->paths_changed || map->used != self->resource_count) {
        return false;
    }
    for (size_t i = 0; i < map->alloc; i++) {
        if (mp_map_slot_is_filled(map, i) && map->table[i].key != self->resource_paths[number++]) {
            return false;
        }
    }
    return true;
}

// Gives the engine's table more memory; it copies the table over, so the old block must live until then.
static mcoap_result grow(coap_obj_t *self) {
    size_t size = self->resource_memory == NULL ? FIRST_RESOURCE_MEMORY : 2 * gc_nbytes(self->resource_memory);
    uint8_t *memory = m_new(uint8_t, size);
    mcoap_result result = mcoap_resource_memory(self->endpoint, memory, size);
    if (result == MCOAP_OK) {
        self->resource_memory = memory;
    }
    return result;
}

// Bytes of a str that the engine can read.
static const uint8_t *engine_text(mp_obj_t str, size_t *len) {
    const char *text = mp_obj_str_get_data(str, len);
    return microcoapy_engine_bytes(text, *len);
}

static mcoap_result add_path(coap_obj_t *self, mp_obj_t path, const mcoap_resource *settings) {
    size_t len;
    const uint8_t *text = engine_text(path, &len);
    mcoap_result result;
    while ((result = mcoap_resource_add(self->endpoint, text, len, settings)) == MCOAP_ERR_MEMORY
           && (result = grow(self)) == MCOAP_OK) {
    }
    return result;
}

static mcoap_result add_attribute(coap_obj_t *self, mp_obj_t name_in, mp_obj_t value) {
    size_t name_len, value_len = 0;
    const uint8_t *name = engine_text(name_in, &name_len);
    const uint8_t *text = NULL;
    if (name_len != 0 && name[name_len - 1] == '_') {
        name_len--; // if_, because if is a keyword
    }
    bool quoted = microcoapy_is_str(value);
    if (value != mp_const_true) {
        // Whatever is no str is written as str() has it.
        mp_obj_t as_str = quoted ? value : mp_call_function_1(MP_OBJ_FROM_PTR(&mp_type_str), value);
        text = engine_text(as_str, &value_len);
    }
    mcoap_result result;
    while ((result = mcoap_resource_attribute(self->endpoint, name, name_len, text, value_len, quoted)) == MCOAP_ERR_MEMORY
           && (result = grow(self)) == MCOAP_OK) {
    }
    return result;
}

// A plain function takes every method and looks at packet.method itself.
static mcoap_result add(coap_obj_t *self, mp_obj_t path, mp_obj_t handler_in, uint32_t number) {
    mcoap_resource plain = { .methods = METHODS_ALL };
    mcoap_resource *settings = &plain;
    mp_map_t *attributes = NULL;
    if (has_settings(handler_in)) {
        handler_obj_t *handler = MP_OBJ_TO_PTR(handler_in);
        settings = &handler->settings;
        #if MICROCOAPY_MODERN
        attributes = handler->attributes == MP_OBJ_NULL ? NULL : mp_obj_dict_get_map(handler->attributes);
        #endif
    }
    settings->number = number;
    #if MICROCOAPY_OSCORE
    if (has_settings(handler_in)) {
        settings->contexts = microcoapy_security_admitted(self, ((handler_obj_t *)MP_OBJ_TO_PTR(handler_in))->security);
    }
    #endif
    mcoap_result result = add_path(self, path, settings);
    for (size_t i = 0; attributes != NULL && i < attributes->alloc && result == MCOAP_OK; i++) {
        if (mp_map_slot_is_filled(attributes, i) && attributes->table[i].value != mp_const_none
            && attributes->table[i].value != mp_const_false) {
            result = add_attribute(self, attributes->table[i].key, attributes->table[i].value);
        }
    }
    return result;
}

// The engine's table is brought in line with the dict.
static mcoap_result update(coap_obj_t *self) {
    if (self->callbacks == MP_OBJ_NULL) {
        return MCOAP_OK;
    }
    mp_map_t *map = mp_obj_dict_get_map(self->callbacks);
    if (in_step(self, map)) {
        return MCOAP_OK;
    }
    mp_obj_t *paths = m_new(mp_obj_t, map->used);
    self->resource_paths = paths;
    self->resource_count = 0;
    self->paths_changed = true;
    mcoap_resource_clear(self->endpoint);
    mcoap_result failure = MCOAP_OK;
    for (size_t i = 0; i < map->alloc; i++) {
        if (!mp_map_slot_is_filled(map, i)) {
            continue;
        }
        uint32_t number = self->resource_count++;
        paths[number] = map->table[i].key;
        if (microcoapy_is_str(paths[number])) {
            mcoap_result result = add(self, paths[number], map->table[i].value, number);
            failure = result == MCOAP_OK ? failure : result;
        }
    }
    self->paths_changed = false;
    #if MICROCOAPY_OBSERVE
    mcoap_resource_changed(self->endpoint);
    #endif
    return failure;
}

void microcoapy_paths_sync(coap_obj_t *self) {
    mcoap_result result = update(self);
    if (result != MCOAP_OK) {
        microcoapy_raise(result);
    }
}

uint32_t microcoapy_path_find(coap_obj_t *self, mp_obj_t path) {
    uint32_t number = 0;
    while (number < self->resource_count && !mp_obj_equal(self->resource_paths[number], path)) {
        number++;
    }
    return number;
}

static mp_obj_t without_slash(mp_obj_t path) {
    size_t len;
    const char *text = mp_obj_str_get_data(path, &len);
    return len != 0 && text[0] == '/' ? mp_obj_new_str(text + 1, len - 1) : path;
}

// What is wrong with it is to be told here. All the rest is done once, when the next datagram comes.
static void try_to_add(coap_obj_t *self, mp_obj_t path, mp_obj_t handler, qstr argument) {
    mcoap_result result = add(self, path, handler, microcoapy_path_find(self, path));
    if (result == MCOAP_ERR_URI) {
        microcoapy_bad_value(argument);
    }
    if (result != MCOAP_OK) {
        microcoapy_raise(result);
    }
}

static MP_NOINLINE void add_or_undo(coap_obj_t *self, mp_obj_t path, mp_obj_t handler, qstr argument) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        try_to_add(self, path, handler, argument);
        nlr_pop();
    } else {
        // No request could ever reach it.
        mp_obj_dict_delete(self->callbacks, path);
        nlr_jump(nlr.ret_val);
    }
}

void microcoapy_path_add(coap_obj_t *self, mp_obj_t path, mp_obj_t handler, qstr argument) {
    path = without_slash(path);
    mp_obj_dict_store(microcoapy_callbacks(self), path, handler);
    self->paths_changed = true; // also if the path was there before
    add_or_undo(self, path, handler, argument);
    self->is_server = mp_const_true;
}

mp_obj_t microcoapy_path_of(coap_obj_t *self, uint32_t number) {
    return number < self->resource_count ? self->resource_paths[number] : MP_OBJ_NULL;
}

mp_obj_t microcoapy_path_handler(coap_obj_t *self, uint32_t number) {
    mp_obj_t path = microcoapy_path_of(self, number);
    if (path == MP_OBJ_NULL) {
        return MP_OBJ_NULL;
    }
    mp_map_elem_t *elem = mp_map_lookup(mp_obj_dict_get_map(self->callbacks), path, MP_MAP_LOOKUP);
    return elem == NULL ? MP_OBJ_NULL : elem->value;
}

bool microcoapy_path_number(coap_obj_t *self, mp_obj_t handler, uint32_t *number) {
    microcoapy_paths_sync(self);
    for (size_t i = 0; i < self->resource_count; i++) {
        if (microcoapy_path_handler(self, i) == handler) {
            *number = i;
            return true;
        }
    }
    return false;
}

#include "tables/paths.h"
