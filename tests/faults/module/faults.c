// SPDX-License-Identifier: MIT
//
// Module faults, of build/micropython-faults alone: allocations fail where a test says so.

#include "py/gc.h"
#include "py/runtime.h"

static mp_uint_t good; // allocations that succeed before the first that fails
static mp_uint_t bad;  // how many fail then
static mp_uint_t failed;
static bool held;

static bool fails(void) {
    if (bad == 0 || held) {
        return false;
    }
    if (good != 0) {
        good--;
        return false;
    }
    bad--;
    failed++;
    return true;
}

void *__real_gc_alloc(size_t bytes, unsigned int flags);
void *__wrap_gc_alloc(size_t bytes, unsigned int flags);
void *__wrap_gc_alloc(size_t bytes, unsigned int flags) {
    return fails() ? NULL : __real_gc_alloc(bytes, flags);
}

void *__real_gc_realloc(void *block, size_t bytes, bool allow_move);
void *__wrap_gc_realloc(void *block, size_t bytes, bool allow_move);
void *__wrap_gc_realloc(void *block, size_t bytes, bool allow_move) {
    // Giving memory back cannot fail.
    bool grows = block == NULL || bytes > gc_nbytes(block);
    return grows && fails() ? NULL : __real_gc_realloc(block, bytes, allow_move);
}

// fail(n, count): n allocations from now on succeed, then so many fail.
static mp_obj_t faults_fail(mp_obj_t n, mp_obj_t count) {
    good = mp_obj_get_int(n);
    bad = mp_obj_get_int(count);
    failed = 0;
    held = false;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(faults_fail_obj, faults_fail);

// stop(): none fails any more; how many have failed.
static mp_obj_t faults_stop(void) {
    bad = 0;
    return MP_OBJ_NEW_SMALL_INT(failed);
}
static MP_DEFINE_CONST_FUN_OBJ_0(faults_stop_obj, faults_stop);

// hold(True): what is allocated from now on does not fail, and does not count. Until hold(False).
static mp_obj_t faults_hold(mp_obj_t hold) {
    held = mp_obj_is_true(hold);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(faults_hold_obj, faults_hold);

static const mp_rom_map_elem_t globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_faults) },
    { MP_ROM_QSTR(MP_QSTR_fail), MP_ROM_PTR(&faults_fail_obj) },
    { MP_ROM_QSTR(MP_QSTR_hold), MP_ROM_PTR(&faults_hold_obj) },
    { MP_ROM_QSTR(MP_QSTR_stop), MP_ROM_PTR(&faults_stop_obj) },
};
static MP_DEFINE_CONST_DICT(globals, globals_table);

const mp_obj_module_t faults_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&globals,
};
MP_REGISTER_MODULE(MP_QSTR_faults, faults_module);
