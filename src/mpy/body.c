// SPDX-License-Identifier: MIT
//
// Bodies of requests and responses, part by part: where their bytes come from, and where they go. However long a body,
// one block of it is in memory here.

#include <string.h>

#include "py/objarray.h"
#include "modern.h"

#if MICROCOAPY_MODERN

// MicroPython's block devices (extmod/vfs.h): what ioctl() is asked for, and the size when it does not say.
#define BLOCKDEV_BLOCK_SIZE (5)
#define BLOCKDEV_BLOCK_SIZE_DEFAULT (512)
// What flash holds where nothing has been written.
#define ERASED (0xff)

static bool has_method(mp_obj_t object, qstr name) {
    mp_obj_t method[2];
    mp_load_method_maybe(object, name, method);
    return method[0] != MP_OBJ_NULL;
}

// A view of bytes that is made once and moved after that, so that a long body leaves no garbage behind. Only valid
// during the call that it is passed to.
static mp_obj_t view_of(mp_obj_t *view, void *data, size_t len) {
    if (*view == MP_OBJ_NULL) {
        #if MICROPY_PY_BUILTINS_MEMORYVIEW
        // Writable, for readinto.
        *view = mp_obj_new_memoryview('B' | MP_OBJ_ARRAY_TYPECODE_FLAG_RW, 0, NULL);
        #else
        *view = mp_obj_new_bytearray_by_ref(0, NULL);
        #endif
    }
    mp_obj_array_t *array = MP_OBJ_TO_PTR(*view);
    array->items = data;
    array->len = len;
    return *view;
}

static void close_view(mp_obj_t view) {
    if (view != MP_OBJ_NULL) {
        ((mp_obj_array_t *)MP_OBJ_TO_PTR(view))->len = 0;
    }
}

// ---- from a program ----------------------------------------------------------------------------

enum { SOURCE_BYTES, SOURCE_READINTO, SOURCE_READ, SOURCE_ITERATOR };

void microcoapy_source_init(source_t *source, mp_obj_t object, qstr argument) {
    memset(source, 0, sizeof(*source));
    if (object == MP_OBJ_NULL || object == mp_const_none) {
        return;
    }
    mp_buffer_info_t buffer;
    if (mp_get_buffer(object, &buffer, MP_BUFFER_READ)) {
        source->kind = SOURCE_BYTES;
    } else if (has_method(object, MP_QSTR_readinto)) {
        source->kind = SOURCE_READINTO;
    } else if (has_method(object, MP_QSTR_read)) {
        source->kind = SOURCE_READ;
    } else {
        const mp_obj_type_t *type = mp_obj_get_type(object);
        if (!MP_OBJ_TYPE_HAS_SLOT(type, iter) && !has_method(object, MP_QSTR___iter__)) {
            microcoapy_bad_type(argument);
        }
        source->kind = SOURCE_ITERATOR;
        object = mp_getiter(object, NULL);
    }
    source->object = object;
}

uint32_t microcoapy_source_total(const source_t *source) {
    mp_buffer_info_t buffer;
    if (source->object == MP_OBJ_NULL || source->kind != SOURCE_BYTES) {
        return MCOAP_UNKNOWN;
    }
    mp_get_buffer_raise(source->object, &buffer, MP_BUFFER_READ);
    return buffer.len;
}

// What an iterator gives next: false at its end.
static bool next_chunk(source_t *source) {
    source->chunk_used = 0;
    source->chunk = mp_iternext(source->object);
    if (source->chunk == mp_const_none) {
        // What is to be awaited gives it again and again: nobody has awaited it.
        microcoapy_bad_type(MP_QSTR_body);
    }
    if (source->chunk != MP_OBJ_STOP_ITERATION) {
        return true;
    }
    source->chunk = MP_OBJ_NULL;
    return false;
}

static size_t read_chunk(source_t *source, uint8_t *to, size_t room) {
    mp_buffer_info_t chunk;
    for (;;) {
        if (source->chunk != MP_OBJ_NULL) {
            microcoapy_bytes_arg(source->chunk, MP_QSTR_body, &chunk);
            if (chunk.len > source->chunk_used) {
                break;
            }
        }
        if (!next_chunk(source)) {
            return 0;
        }
    }
    size_t len = MIN(room, chunk.len - source->chunk_used);
    memcpy(to, (const uint8_t *)chunk.buf + source->chunk_used, len);
    source->chunk_used += len;
    return len;
}

// Reads on behind the buffer; 0 at the end.
static size_t read_on(source_t *source) {
    uint8_t *to = source->buffer + source->filled;
    size_t room = source->size - source->filled;
    mp_buffer_info_t data;
    switch (source->kind) {
        case SOURCE_READINTO: {
            mp_obj_t len = microcoapy_call(source->object, MP_QSTR_readinto, 1, view_of(&source->view, to, room), MP_OBJ_NULL);
            close_view(source->view);
            return len == mp_const_none ? 0 : microcoapy_int_arg(len, MP_QSTR_readinto, 0, room);
        }
        case SOURCE_READ:
            microcoapy_bytes_arg(
                microcoapy_call(source->object, MP_QSTR_read, 1, MP_OBJ_NEW_SMALL_INT(room), MP_OBJ_NULL), MP_QSTR_read, &data);
            if (data.len > room) {
                microcoapy_bad_value(MP_QSTR_read);
            }
            memcpy(to, data.buf, data.len);
            return data.len;
        default:
            return read_chunk(source, to, room);
    }
}

static bool is_buffered(const source_t *source, uint32_t offset) {
    return offset >= source->offset && offset - source->offset <= source->filled;
}

// Moves the buffer to that place in the body.
static bool move_to(source_t *source, uint32_t offset) {
    bool buffered = is_buffered(source, offset);
    if (!buffered && source->kind != SOURCE_ITERATOR && has_method(source->object, MP_QSTR_seek)) {
        microcoapy_call(source->object, MP_QSTR_seek, 1, mp_obj_new_int_from_uint(offset), MP_OBJ_NULL);
        source->offset = offset;
        source->filled = 0;
        source->ended = false;
        return true;
    }
    if (!buffered && offset < source->offset) {
        return false;
    }
    // Reads over what nobody has asked for.
    while (!is_buffered(source, offset)) {
        source->offset += source->filled;
        source->filled = 0;
        source->filled = read_on(source);
        if (source->filled == 0) {
            source->ended = true;
            source->offset = offset;
            return true;
        }
    }
    size_t gone = offset - source->offset;
    memmove(source->buffer, source->buffer + gone, source->filled - gone);
    source->filled -= gone;
    source->offset = offset;
    return true;
}

bool microcoapy_source_prepare(source_t *source, uint32_t offset, size_t len) {
    if (source->object == MP_OBJ_NULL || source->kind == SOURCE_BYTES) {
        return true;
    }
    // A stream may make the endpoint receive what asks for another part.
    if (source->busy) {
        return false;
    }
    source->busy = true;
    // One byte more shows whether the body goes on.
    if (source->size < len + 1) {
        source->buffer = m_renew(uint8_t, source->buffer, source->size, len + 1);
        source->size = len + 1;
    }
    bool moved = move_to(source, offset);
    while (moved && source->filled < len + 1 && !source->ended) {
        size_t more = read_on(source);
        source->filled += more;
        source->ended = more == 0;
    }
    source->busy = false;
    return moved;
}

const uint8_t *microcoapy_source_part(const source_t *source, uint32_t offset, size_t *len, bool *more) {
    const uint8_t *data = source->buffer;
    size_t rest = source->filled;
    *more = !source->ended;
    if (source->object == MP_OBJ_NULL) {
        rest = 0;
        *more = false;
    } else if (source->kind == SOURCE_BYTES) {
        mp_buffer_info_t buffer;
        mp_get_buffer_raise(source->object, &buffer, MP_BUFFER_READ);
        rest = offset < buffer.len ? buffer.len - offset : 0;
        data = (const uint8_t *)buffer.buf + MIN(offset, buffer.len);
        *more = false;
    }
    if (rest > *len) {
        *more = true;
    } else {
        *len = rest;
    }
    return source->kind == SOURCE_BYTES ? microcoapy_engine_bytes(data, *len) : data;
}

// ---- to a program ------------------------------------------------------------------------------

enum { SINK_KEEP, SINK_WRITE, SINK_BLOCKS };

static uint32_t device_unit(mp_obj_t device) {
    mp_obj_t size = microcoapy_call(device, MP_QSTR_ioctl, 2, MP_OBJ_NEW_SMALL_INT(BLOCKDEV_BLOCK_SIZE), MP_OBJ_NEW_SMALL_INT(0));
    return size == mp_const_none ? BLOCKDEV_BLOCK_SIZE_DEFAULT : microcoapy_int_arg(size, MP_QSTR_ioctl, 1, UINT16_MAX);
}

void microcoapy_sink_init(sink_t *sink, mp_obj_t target, uint32_t start, qstr argument) {
    memset(sink, 0, sizeof(*sink));
    sink->total = start;
    if (target == MP_OBJ_NULL || target == mp_const_none) {
        sink->kind = SINK_KEEP;
        return;
    }
    sink->target = target;
    if (has_method(target, MP_QSTR_writeblocks)) {
        sink->kind = SINK_BLOCKS;
        sink->unit = device_unit(target);
        if (start % sink->unit != 0) {
            microcoapy_bad_value(argument);
        }
        vstr_init(&sink->buffer, sink->unit);
    } else if (has_method(target, MP_QSTR_write)) {
        sink->kind = SINK_WRITE;
    } else {
        microcoapy_bad_type(argument);
    }
}

bool microcoapy_sink_restart(sink_t *sink, uint32_t start) {
    if (sink->total == start) {
        return true;
    }
    if (sink->kind == SINK_WRITE) {
        if (!has_method(sink->target, MP_QSTR_seek)) {
            return false;
        }
        microcoapy_call(sink->target, MP_QSTR_seek, 1, mp_obj_new_int_from_uint(start), MP_OBJ_NULL);
    }
    sink->buffer.len = 0;
    sink->total = start;
    return true;
}

// Blocks until everything is written, as a stream may take less.
static void write_all(sink_t *sink, uint8_t *data, size_t len) {
    while (len != 0) {
        mp_obj_t written = microcoapy_call(sink->target, MP_QSTR_write, 1, view_of(&sink->view, data, len), MP_OBJ_NULL);
        close_view(sink->view);
        // Whatever is no number says nothing.
        size_t count = mp_obj_is_small_int(written)
            ? (size_t)microcoapy_int_arg(written, MP_QSTR_write, 1, len) : len;
        data += count;
        len -= count;
    }
}

// Writes the first unit of the buffer.
static void write_unit(sink_t *sink) {
    uint32_t number = (sink->total - sink->buffer.len) / sink->unit;
    mp_obj_t data = view_of(&sink->view, sink->buffer.buf, sink->unit);
    microcoapy_call(sink->target, MP_QSTR_writeblocks, 2, mp_obj_new_int_from_uint(number), data);
    close_view(sink->view);
    vstr_cut_out_bytes(&sink->buffer, 0, sink->unit);
}

void microcoapy_sink_write(sink_t *sink, const uint8_t *data, size_t len) {
    if (sink->busy) {
        mp_raise_OSError(MP_EBUSY);
    }
    sink->busy = true;
    // Copied first, because writing may run Python code that makes the endpoint receive something else.
    if (sink->buffer.buf == NULL) {
        vstr_init(&sink->buffer, len);
    }
    if (sink->buffer.len + len > sink->buffer.alloc) {
        vstr_hint_size(&sink->buffer, MAX(len, sink->buffer.len / 2));
    }
    vstr_add_strn(&sink->buffer, (const char *)data, len);
    sink->total += len;
    if (sink->kind == SINK_WRITE) {
        write_all(sink, (uint8_t *)sink->buffer.buf, sink->buffer.len);
        sink->buffer.len = 0;
    }
    while (sink->kind == SINK_BLOCKS && sink->buffer.len >= sink->unit) {
        write_unit(sink);
    }
    sink->busy = false;
}

mp_obj_t microcoapy_sink_finish(sink_t *sink) {
    if (sink->kind == SINK_KEEP) {
        if (sink->buffer.buf == NULL || sink->buffer.len == 0) {
            return mp_const_empty_bytes;
        }
        return mp_obj_new_bytes_from_vstr(&sink->buffer);
    }
    if (sink->kind == SINK_BLOCKS && sink->buffer.len != 0) {
        size_t rest = sink->unit - sink->buffer.len;
        memset(vstr_add_len(&sink->buffer, rest), ERASED, rest);
        sink->total += rest;
        write_unit(sink);
    }
    return sink->target;
}

// ---- bodies under way --------------------------------------------------------------------------

#if MICROCOAPY_BLOCK
body_t *microcoapy_body_find(coap_obj_t *self, mcoap_handle handle, bool incoming) {
    for (body_t *body = self->bodies; body != NULL; body = body->next) {
        if (body->handle == handle && body->incoming == incoming && handle != 0) {
            return body;
        }
    }
    return NULL;
}

void microcoapy_body_drop(coap_obj_t *self, const body_t *gone) {
    for (body_t **link = &self->bodies; *link != NULL; link = &(*link)->next) {
        if (*link == gone) {
            *link = gone->next;
            return;
        }
    }
}

void microcoapy_prune_bodies(coap_obj_t *self) {
    body_t **link = &self->bodies;
    while (*link != NULL) {
        if (mcoap_body_alive(self->endpoint, (*link)->handle)) {
            link = &(*link)->next;
        } else {
            *link = (*link)->next;
        }
    }
}
#else
void microcoapy_prune_bodies(coap_obj_t *self) {
    (void)self;
}
#endif

#endif // MICROCOAPY_MODERN
