// SPDX-License-Identifier: MIT
//
// SequenceFile: where the Sender Sequence Number of a security context outlives a power cut, RFC 8613 appendix B.1.1.

#include <string.h>

#include "py/builtin.h"
#include "py/mperrno.h"
#include "py/runtime.h"
#include "security.h"

#if MICROCOAPY_OSCORE

// Two files, written in turn: while one is written, the other has the number before. A file is the number in network byte
// order, and a hash of it.
#define RECORD_NUMBER (8)
#define RECORD_LEN (RECORD_NUMBER + 4)

typedef struct {
    mp_obj_base_t base;
    mp_obj_t path;
    uint8_t next; // which file is written next
} sequence_obj_t;

uint64_t microcoapy_sequence_arg(mp_obj_t value, qstr argument) {
    if (!mp_obj_is_int(value)) {
        microcoapy_bad_type(argument);
    }
    // Sequence numbers have 40 bits.
    mp_int_t high = microcoapy_int_arg(
        mp_binary_op(MP_BINARY_OP_RSHIFT, value, MP_OBJ_NEW_SMALL_INT(32)), argument, 0, 1 << 8);
    return (uint64_t)high << 32 | (uint32_t)mp_obj_int_get_truncated(value);
}

static mp_obj_t sequence_open(sequence_obj_t *self, uint8_t which, const char *mode) {
    size_t len;
    const char *path = mp_obj_str_get_data(self->path, &len);
    vstr_t name;
    vstr_init(&name, len + 2);
    vstr_add_strn(&name, path, len);
    vstr_add_char(&name, '.');
    vstr_add_char(&name, '0' + which);
    mp_obj_t arguments[2] = { mp_obj_new_str_from_vstr(&name), mp_obj_new_str_from_cstr(mode) };
    mp_obj_t open = mp_load_attr(MP_OBJ_FROM_PTR(&mp_module_builtins), MP_QSTR_open);
    return mp_call_function_n_kw(open, 2, 0, arguments);
}

static void record_check(const uint8_t *record, uint8_t *check) {
    uint32_t hash = mcoap_fingerprint(record, RECORD_NUMBER);
    for (size_t i = 0; i < sizeof(hash); i++) {
        check[i] = hash >> (8 * i);
    }
}

typedef enum { RECORD_MISSING, RECORD_CUT, RECORD_DAMAGED, RECORD_GOOD } record_t;

static record_t sequence_read(sequence_obj_t *self, uint8_t which, uint64_t *number) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        if (!mp_obj_exception_match(MP_OBJ_FROM_PTR(nlr.ret_val), MP_OBJ_FROM_PTR(&mp_type_OSError))
            || mp_obj_exception_get_value(MP_OBJ_FROM_PTR(nlr.ret_val)) != MP_OBJ_NEW_SMALL_INT(MP_ENOENT)) {
            nlr_jump(nlr.ret_val);
        }
        return RECORD_MISSING;
    }
    mp_obj_t file = sequence_open(self, which, "rb");
    mp_obj_t data = microcoapy_call(file, MP_QSTR_read, 0, MP_OBJ_NULL, MP_OBJ_NULL);
    microcoapy_call(file, MP_QSTR_close, 0, MP_OBJ_NULL, MP_OBJ_NULL);
    nlr_pop();
    mp_buffer_info_t bytes;
    mp_get_buffer_raise(data, &bytes, MP_BUFFER_READ);
    if (bytes.len < RECORD_LEN) {
        return RECORD_CUT;
    }
    uint8_t check[4];
    const uint8_t *record = bytes.buf;
    record_check(record, check);
    if (bytes.len > RECORD_LEN || memcmp(check, record + RECORD_NUMBER, sizeof(check)) != 0) {
        return RECORD_DAMAGED;
    }
    *number = 0;
    for (size_t i = 0; i < RECORD_NUMBER; i++) {
        *number = *number << 8 | record[i];
    }
    return RECORD_GOOD;
}

// load() -> the number that was saved last, or None
static mp_obj_t sequence_load(mp_obj_t self_in) {
    sequence_obj_t *self = MP_OBJ_TO_PTR(self_in);
    uint64_t number[2] = { 0, 0 };
    record_t found[2];
    for (size_t i = 0; i < 2; i++) {
        found[i] = sequence_read(self, i, &number[i]);
    }
    if (found[0] != RECORD_GOOD && found[1] != RECORD_GOOD) {
        // Only the first of all writes leaves no good one, if it is cut.
        if (found[0] == RECORD_DAMAGED || found[1] != RECORD_MISSING) {
            mp_raise_OSError(MP_EIO);
        }
        self->next = 0;
        return mp_const_none;
    }
    size_t newer = found[1] == RECORD_GOOD && (found[0] != RECORD_GOOD || number[1] > number[0]);
    self->next = 1 - newer;
    // If the other one was whole once, the numbers up to there are used; the last write of security_obj_t's was no further.
    bool is_lost = found[1 - newer] != RECORD_GOOD;
    return mp_obj_new_int_from_ull(number[newer] + (is_lost ? SEQUENCE_RESERVE : 0));
}
static MP_DEFINE_CONST_FUN_OBJ_1(sequence_load_obj, sequence_load);

// save(number)
static mp_obj_t sequence_save(mp_obj_t self_in, mp_obj_t number) {
    sequence_obj_t *self = MP_OBJ_TO_PTR(self_in);
    uint8_t record[RECORD_LEN];
    uint64_t value = microcoapy_sequence_arg(number, MP_QSTR_number);
    for (size_t i = 0; i < RECORD_NUMBER; i++) {
        record[RECORD_NUMBER - 1 - i] = value >> (8 * i);
    }
    record_check(record, record + RECORD_NUMBER);
    mp_obj_t file = sequence_open(self, self->next, "wb");
    mp_obj_t data = mp_obj_new_bytes(record, sizeof(record));
    mp_obj_t written = microcoapy_call(file, MP_QSTR_write, 1, data, MP_OBJ_NULL);
    microcoapy_call(file, MP_QSTR_close, 0, MP_OBJ_NULL, MP_OBJ_NULL);
    if (written != MP_OBJ_NEW_SMALL_INT(RECORD_LEN)) {
        mp_raise_OSError(MP_EIO);
    }
    self->next = 1 - self->next;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(sequence_save_obj, sequence_save);

// SequenceFile(path)
static mp_obj_t sequence_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, 1, false);
    microcoapy_str_arg(args[0], MP_QSTR_path);
    sequence_obj_t *self = m_new0(sequence_obj_t, 1);
    self->base.type = type;
    self->path = args[0];
    return MP_OBJ_FROM_PTR(self);
}

#include "tables/sequence.h"

#endif // MICROCOAPY_OSCORE
