// SPDX-License-Identifier: MIT
//
// The tables of serve.c that hold names, included at the end of its modern part.

static const mp_rom_map_elem_t handler_run_table[] = {
    { MP_ROM_QSTR(MP_QSTR_send), MP_ROM_PTR(&handler_run_send_obj) },
    { MP_ROM_QSTR(MP_QSTR_throw), MP_ROM_PTR(&handler_run_throw_obj) },
};
static MP_DEFINE_CONST_DICT(handler_run_dict, handler_run_table);

static MP_DEFINE_CONST_OBJ_TYPE(
    handler_run_type, MP_QSTR_coroutine, MP_TYPE_FLAG_NONE,
    locals_dict, &handler_run_dict
    );
