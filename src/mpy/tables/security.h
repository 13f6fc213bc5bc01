// SPDX-License-Identifier: MIT
//
// The tables of security.c that hold names, included at its end.

static const mp_rom_map_elem_t security_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&security_close_obj) },
    { MP_ROM_QSTR(MP_QSTR_close), MP_ROM_PTR(&security_close_obj) },
    { MP_ROM_QSTR(MP_QSTR___enter__), MP_ROM_PTR(&mp_identity_obj) },
    { MP_ROM_QSTR(MP_QSTR___exit__), MP_ROM_PTR(&security_exit_obj) },
};
static MP_DEFINE_CONST_DICT(security_dict, security_table);

MP_DEFINE_CONST_OBJ_TYPE(
    microcoapy_security_type, MP_QSTR_SecurityContext, MP_TYPE_FLAG_NONE,
    make_new, security_make_new,
    attr, security_attr,
    print, security_print,
    locals_dict, &security_dict
    );
