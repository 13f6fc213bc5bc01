// SPDX-License-Identifier: MIT
//
// Request handlers: a Python dict of path to handler, which programs may edit, and the engine's
// table of the same paths, in which each path has a number.

#include <string.h>

#include "shim.h"

// Room for a few short paths; doubled when it does not do.
#define FIRST_RESOURCE_MEMORY (64)

mp_obj_t microcoapy_callbacks(coap_obj_t *self) {
    if (self->callbacks == MP_OBJ_NULL) {
        self->callbacks = mp_obj_new_dict(0);
    }
    return self->callbacks;
}

static bool in_step(coap_obj_t *self, mp_map_t *map) {
    if (map->used != self->resource_count) {
        return false;
    }
    for (size_t i = 0; i < self->resource_count; i++) {
        if (mp_map_lookup(map, self->resource_paths[i], MP_MAP_LOOKUP) == NULL) {
            return false;
        }
    }
    return true;
}

static mcoap_result add_path(coap_obj_t *self, mp_obj_t path, uint32_t resource) {
    size_t len;
    const char *data = mp_obj_str_get_data(path, &len);
    const uint8_t *text = microcoapy_engine_bytes(data, len);
    for (;;) {
        // Every method: a classic handler looks at packet.method itself.
        mcoap_result result = mcoap_resource_add(self->endpoint, text, len, microcoapy_methods_all, resource);
        if (result != MCOAP_ERR_MEMORY) {
            return result;
        }
        size_t size = self->resource_memory_len == 0 ? FIRST_RESOURCE_MEMORY : 2 * self->resource_memory_len;
        // The engine copies the table over, so the old block must live until then.
        uint8_t *memory = m_new(uint8_t, size);
        result = mcoap_resource_memory(self->endpoint, memory, size);
        if (result != MCOAP_OK) {
            return result;
        }
        self->resource_memory = memory;
        self->resource_memory_len = size;
    }
}

void microcoapy_resources_sync(coap_obj_t *self) {
    if (self->callbacks == MP_OBJ_NULL) {
        return;
    }
    mp_map_t *map = mp_obj_dict_get_map(self->callbacks);
    if (in_step(self, map)) {
        return;
    }
    mp_obj_t *paths = m_new(mp_obj_t, map->used);
    self->resource_paths = paths;
    self->resource_count = 0;
    mcoap_resource_clear(self->endpoint);
    mcoap_result failure = MCOAP_OK;
    for (size_t i = 0; i < map->alloc; i++) {
        if (!mp_map_slot_is_filled(map, i)) {
            continue;
        }
        uint32_t resource = self->resource_count++;
        paths[resource] = map->table[i].key;
        if (mp_obj_is_str(paths[resource])) {
            mcoap_result result = add_path(self, paths[resource], resource);
            failure = result == MCOAP_OK ? failure : result;
        }
    }
    if (failure != MCOAP_OK) {
        microcoapy_raise(failure);
    }
}

mp_obj_t microcoapy_resource_handler(coap_obj_t *self, uint32_t resource) {
    if (self->callbacks == MP_OBJ_NULL || resource >= self->resource_count) {
        return MP_OBJ_NULL;
    }
    mp_map_elem_t *elem =
        mp_map_lookup(mp_obj_dict_get_map(self->callbacks), self->resource_paths[resource], MP_MAP_LOOKUP);
    return elem == NULL ? MP_OBJ_NULL : elem->value;
}
