// SPDX-License-Identifier: MIT
//
// The tables of dtls_config.c that hold names, included at its end.

static const mp_rom_map_elem_t dtls_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&dtls_del_obj) },
};
static MP_DEFINE_CONST_DICT(dtls_dict, dtls_table);

MP_DEFINE_CONST_OBJ_TYPE(
    microcoapy_dtls_type, MP_QSTR_Dtls, MP_TYPE_FLAG_NONE,
    make_new, dtls_make_new,
    locals_dict, &dtls_dict
    );
