// SPDX-License-Identifier: MIT
//
// The tables of sequence.c that hold names, included at its end.

static const mp_rom_map_elem_t sequence_table[] = {
    { MP_ROM_QSTR(MP_QSTR_load), MP_ROM_PTR(&sequence_load_obj) },
    { MP_ROM_QSTR(MP_QSTR_save), MP_ROM_PTR(&sequence_save_obj) },
};
static MP_DEFINE_CONST_DICT(sequence_dict, sequence_table);

MP_DEFINE_CONST_OBJ_TYPE(
    microcoapy_sequence_type, MP_QSTR_SequenceFile, MP_TYPE_FLAG_NONE,
    make_new, sequence_make_new,
    locals_dict, &sequence_dict
    );
