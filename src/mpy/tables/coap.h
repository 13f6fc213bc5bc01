// SPDX-License-Identifier: MIT
//
// The tables of coap.c that hold names, included at its end.

static const mp_rom_map_elem_t coap_table[] = {
    { MP_ROM_QSTR(MP_QSTR_TRANSMISSION_STATE), MP_ROM_PTR(&microcoapy_state_class) },
    { MP_ROM_QSTR(MP_QSTR_start), MP_ROM_PTR(&coap_start_obj) },
    { MP_ROM_QSTR(MP_QSTR_stop), MP_ROM_PTR(&coap_stop_obj) },
    { MP_ROM_QSTR(MP_QSTR_setCustomSocket), MP_ROM_PTR(&coap_set_custom_socket_obj) },
    { MP_ROM_QSTR(MP_QSTR_poll), MP_ROM_PTR(&coap_poll_obj) },
    { MP_ROM_QSTR(MP_QSTR_loop), MP_ROM_PTR(&coap_loop_obj) },
    { MP_ROM_QSTR(MP_QSTR_addIncomingRequestCallback), MP_ROM_PTR(&coap_add_incoming_request_callback_obj) },
    { MP_ROM_QSTR(MP_QSTR_stats), MP_ROM_PTR(&coap_stats_obj) },
    { MP_ROM_QSTR(MP_QSTR___enter__), MP_ROM_PTR(&coap_enter_obj) },
    { MP_ROM_QSTR(MP_QSTR___exit__), MP_ROM_PTR(&coap_exit_obj) },
    { MP_ROM_QSTR(MP_QSTR_run), MP_ROM_PTR(&coap_run_obj) },
    #if MICROCOAPY_DISCOVERY
    { MP_ROM_QSTR(MP_QSTR_join), MP_ROM_PTR(&coap_join_obj) },
    { MP_ROM_QSTR(MP_QSTR_discover), MP_ROM_PTR(&microcoapy_discover_obj) },
    #endif
    { MP_ROM_QSTR(MP_QSTR_feed), MP_ROM_PTR(&coap_feed_obj) },
    { MP_ROM_QSTR(MP_QSTR_take), MP_ROM_PTR(&coap_take_obj) },
    { MP_ROM_QSTR(MP_QSTR_next_timeout_ms), MP_ROM_PTR(&coap_next_timeout_ms_obj) },
    { MP_ROM_QSTR(MP_QSTR_export_state), MP_ROM_PTR(&coap_export_state_obj) },
    #if MICROCOAPY_MODERN
    { MP_ROM_QSTR(MP_QSTR_serve), MP_ROM_PTR(&microcoapy_serve_obj) },
    { MP_ROM_QSTR(MP_QSTR_resource), MP_ROM_PTR(&microcoapy_resource_obj) },
    { MP_ROM_QSTR(MP_QSTR_request), MP_ROM_PTR(&microcoapy_request_obj) },
    { MP_ROM_QSTR(MP_QSTR_fetch), MP_ROM_PTR(&microcoapy_fetch_obj) },
    { MP_ROM_QSTR(MP_QSTR_patch), MP_ROM_PTR(&microcoapy_patch_obj) },
    { MP_ROM_QSTR(MP_QSTR_ipatch), MP_ROM_PTR(&microcoapy_ipatch_obj) },
    #endif
    #if MICROCOAPY_OSCORE
    { MP_ROM_QSTR(MP_QSTR_secure), MP_ROM_PTR(&microcoapy_secure_obj) },
    #endif
    #if MICROCOAPY_OBSERVE
    { MP_ROM_QSTR(MP_QSTR_observe), MP_ROM_PTR(&microcoapy_observe_obj) },
    #endif
    { MP_ROM_QSTR(MP_QSTR_get), MP_ROM_PTR(&microcoapy_get_obj) },
    { MP_ROM_QSTR(MP_QSTR_getNonConf), MP_ROM_PTR(&microcoapy_get_non_obj) },
    { MP_ROM_QSTR(MP_QSTR_delete), MP_ROM_PTR(&microcoapy_delete_obj) },
    { MP_ROM_QSTR(MP_QSTR_deleteNonConf), MP_ROM_PTR(&microcoapy_delete_non_obj) },
    { MP_ROM_QSTR(MP_QSTR_put), MP_ROM_PTR(&microcoapy_put_obj) },
    { MP_ROM_QSTR(MP_QSTR_putNonConf), MP_ROM_PTR(&microcoapy_put_non_obj) },
    { MP_ROM_QSTR(MP_QSTR_post), MP_ROM_PTR(&microcoapy_post_obj) },
    { MP_ROM_QSTR(MP_QSTR_postNonConf), MP_ROM_PTR(&microcoapy_post_non_obj) },
    { MP_ROM_QSTR(MP_QSTR_send), MP_ROM_PTR(&microcoapy_send_obj) },
    { MP_ROM_QSTR(MP_QSTR_sendEx), MP_ROM_PTR(&microcoapy_send_ex_obj) },
    { MP_ROM_QSTR(MP_QSTR_sendPacket), MP_ROM_PTR(&microcoapy_send_packet_obj) },
    { MP_ROM_QSTR(MP_QSTR_sendResponse), MP_ROM_PTR(&microcoapy_send_response_obj) },
    { MP_ROM_QSTR(MP_QSTR_ping), MP_ROM_PTR(&microcoapy_ping_obj) },
};
static MP_DEFINE_CONST_DICT(coap_dict, coap_table);

#if MICROCOAPY_MODERN
#define COAP_STREAM protocol, &microcoapy_coap_stream,
#else
#define COAP_STREAM
#endif
MP_DEFINE_CONST_OBJ_TYPE(
    microcoapy_coap_type, MP_QSTR_Coap, MP_TYPE_FLAG_NONE,
    make_new, coap_make_new,
    attr, coap_attr,
    COAP_STREAM
    locals_dict, &coap_dict
    );
