// SPDX-License-Identifier: MIT
//
// The tables of resource.c that hold names, included at its end.

static const mp_rom_map_elem_t resource_table[] = {
    #if MICROCOAPY_OBSERVE
    { MP_ROM_QSTR(MP_QSTR_notify), MP_ROM_PTR(&resource_notify_obj) },
    #endif
};
static MP_DEFINE_CONST_DICT(resource_dict, resource_table);

MP_DEFINE_CONST_OBJ_TYPE(
    microcoapy_resource_type, MP_QSTR_Resource, MP_TYPE_FLAG_NONE,
    call, microcoapy_handler_call,
    attr, resource_attr,
    print, resource_print,
    locals_dict, &resource_dict
    );
