// SPDX-License-Identifier: MIT
//
// The tables of async.c that hold names, included at its end.

#include "waiter.h"

static const mp_rom_map_elem_t driver_coro_table[] = {
    { MP_ROM_QSTR(MP_QSTR_send), MP_ROM_PTR(&driver_send_obj) },
    { MP_ROM_QSTR(MP_QSTR_throw), MP_ROM_PTR(&driver_throw_obj) },
};
static MP_DEFINE_CONST_DICT(driver_coro_dict, driver_coro_table);

static MP_DEFINE_CONST_OBJ_TYPE(
    driver_coro_type, MP_QSTR_coroutine, MP_TYPE_FLAG_NONE,
    locals_dict, &driver_coro_dict
    );

static const mp_rom_map_elem_t serve_table[] = {
    WAITER_METHODS,
};
static MP_DEFINE_CONST_DICT(serve_dict, serve_table);

static MP_DEFINE_CONST_OBJ_TYPE(
    serve_type, MP_QSTR_serve, MP_TYPE_FLAG_ITER_IS_ITERNEXT,
    iter, serve_iternext,
    locals_dict, &serve_dict
    );

static MP_DEFINE_CONST_OBJ_TYPE(
    ready_type, MP_QSTR_ready, MP_TYPE_FLAG_ITER_IS_ITERNEXT,
    iter, ready_iternext
    );
