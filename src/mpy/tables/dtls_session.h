// SPDX-License-Identifier: MIT
//
// The tables of dtls_session.c that hold names, included in it.

static const mp_rom_map_elem_t session_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&session_del_obj) },
};
static MP_DEFINE_CONST_DICT(session_dict, session_table);

static MP_DEFINE_CONST_OBJ_TYPE(session_type, MP_QSTR_dtls, MP_TYPE_FLAG_NONE, locals_dict, &session_dict);
