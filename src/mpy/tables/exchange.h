// SPDX-License-Identifier: MIT
//
// The tables of exchange.c that hold names, included at its end.

#include "waiter.h"

static const mp_rom_map_elem_t exchange_table[] = {
    { MP_ROM_QSTR(MP_QSTR_wait), MP_ROM_PTR(&exchange_wait_obj) },
    { MP_ROM_QSTR(MP_QSTR_done), MP_ROM_PTR(&exchange_done_obj) },
    { MP_ROM_QSTR(MP_QSTR_cancel), MP_ROM_PTR(&exchange_cancel_obj) },
    WAITER_METHODS,
};
static MP_DEFINE_CONST_DICT(exchange_dict, exchange_table);

MP_DEFINE_CONST_OBJ_TYPE(
    microcoapy_exchange_type, MP_QSTR_Exchange, MP_TYPE_FLAG_ITER_IS_ITERNEXT,
    iter, microcoapy_waiter_iternext,
    attr, exchange_attr,
    locals_dict, &exchange_dict
    );

static const mp_rom_map_elem_t observation_table[] = {
    { MP_ROM_QSTR(MP_QSTR_wait), MP_ROM_PTR(&observation_wait_obj) },
    { MP_ROM_QSTR(MP_QSTR_done), MP_ROM_PTR(&exchange_done_obj) },
    { MP_ROM_QSTR(MP_QSTR_cancel), MP_ROM_PTR(&observation_cancel_obj) },
    { MP_ROM_QSTR(MP_QSTR___aiter__), MP_ROM_PTR(&itself_obj) },
    { MP_ROM_QSTR(MP_QSTR___anext__), MP_ROM_PTR(&itself_obj) },
    { MP_ROM_QSTR(MP_QSTR___aenter__), MP_ROM_PTR(&observation_aenter_obj) },
    { MP_ROM_QSTR(MP_QSTR___aexit__), MP_ROM_PTR(&observation_aexit_obj) },
    { MP_ROM_QSTR(MP_QSTR___enter__), MP_ROM_PTR(&itself_obj) },
    { MP_ROM_QSTR(MP_QSTR___exit__), MP_ROM_PTR(&observation_exit_obj) },
    WAITER_METHODS,
};
static MP_DEFINE_CONST_DICT(observation_dict, observation_table);

MP_DEFINE_CONST_OBJ_TYPE(
    microcoapy_observation_type, MP_QSTR_Observation, MP_TYPE_FLAG_ITER_IS_ITERNEXT,
    iter, observation_iternext,
    attr, exchange_attr,
    locals_dict, &observation_dict
    );
