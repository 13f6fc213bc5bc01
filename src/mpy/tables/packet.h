// SPDX-License-Identifier: MIT
//
// The tables of packet.c that hold names, included at its end.

MP_DEFINE_CONST_OBJ_TYPE(
    microcoapy_option_type, MP_QSTR_CoapOption, MP_TYPE_FLAG_NONE,
    make_new, option_make_new,
    attr, option_attr,
    print, option_print
    );

static const mp_rom_map_elem_t packet_table[] = {
    { MP_ROM_QSTR(MP_QSTR_addOption), MP_ROM_PTR(&packet_add_option_obj) },
    { MP_ROM_QSTR(MP_QSTR_setUriHost), MP_ROM_PTR(&packet_set_uri_host_obj) },
    { MP_ROM_QSTR(MP_QSTR_setUriPath), MP_ROM_PTR(&packet_set_uri_path_obj) },
    { MP_ROM_QSTR(MP_QSTR_setObserve), MP_ROM_PTR(&packet_set_observe_obj) },
    { MP_ROM_QSTR(MP_QSTR_getObserveValue), MP_ROM_PTR(&packet_get_observe_value_obj) },
    { MP_ROM_QSTR(MP_QSTR_toString), MP_ROM_PTR(&packet_to_string_obj) },
};
static MP_DEFINE_CONST_DICT(packet_dict, packet_table);

MP_DEFINE_CONST_OBJ_TYPE(
    microcoapy_packet_type, MP_QSTR_CoapPacket, MP_TYPE_FLAG_NONE,
    make_new, packet_make_new,
    attr, microcoapy_packet_attr,
    print, packet_print,
    locals_dict, &packet_dict
    );
