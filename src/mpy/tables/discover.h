// SPDX-License-Identifier: MIT
//
// The tables of discover.c that hold names, included at its end.

MP_DEFINE_CONST_OBJ_TYPE(
    microcoapy_link_type, MP_QSTR_Link, MP_TYPE_FLAG_NONE,
    attr, link_attr,
    print, link_print
    );

static MP_DEFINE_CONST_OBJ_TYPE(
    next_type, MP_QSTR_next, MP_TYPE_FLAG_ITER_IS_ITERNEXT,
    iter, next_iternext
    );

static const mp_rom_map_elem_t discovery_table[] = {
    { MP_ROM_QSTR(MP_QSTR___aiter__), MP_ROM_PTR(&itself_obj) },
    { MP_ROM_QSTR(MP_QSTR___anext__), MP_ROM_PTR(&discovery_anext_obj) },
};
static MP_DEFINE_CONST_DICT(discovery_dict, discovery_table);

static MP_DEFINE_CONST_OBJ_TYPE(
    discovery_type, MP_QSTR_Discovery, MP_TYPE_FLAG_ITER_IS_ITERNEXT,
    iter, discovery_iternext,
    locals_dict, &discovery_dict
    );
