// SPDX-License-Identifier: MIT
//
// The tables of modmicrocoapy.c that hold names.

static const mp_rom_map_elem_t module_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_microcoapy) },
    { MP_ROM_QSTR(MP_QSTR___version__), MP_ROM_PTR(&version_obj) },
    { MP_ROM_QSTR(MP_QSTR_Coap), MP_ROM_PTR(&microcoapy_coap_type) },
    { MP_ROM_QSTR(MP_QSTR_CoapPacket), MP_ROM_PTR(&microcoapy_packet_type) },
    { MP_ROM_QSTR(MP_QSTR_CoapOption), MP_ROM_PTR(&microcoapy_option_type) },
    { MP_ROM_QSTR(MP_QSTR_CoapResponseCode), MP_ROM_PTR(&microcoapy_code_type) },
    #if MICROCOAPY_MODERN
    { MP_ROM_QSTR(MP_QSTR_Exchange), MP_ROM_PTR(&microcoapy_exchange_type) },
    { MP_ROM_QSTR(MP_QSTR_Response), MP_ROM_PTR(&microcoapy_response_type) },
    { MP_ROM_QSTR(MP_QSTR_Request), MP_ROM_PTR(&microcoapy_request_type) },
    { MP_ROM_QSTR(MP_QSTR_Resource), MP_ROM_PTR(&microcoapy_resource_type) },
    { MP_ROM_QSTR(MP_QSTR_CoapError), MP_ROM_PTR(&microcoapy_error_type) },
    #endif
    #if MICROCOAPY_DISCOVERY
    { MP_ROM_QSTR(MP_QSTR_Link), MP_ROM_PTR(&microcoapy_link_type) },
    { MP_ROM_QSTR(MP_QSTR_links), MP_ROM_PTR(&microcoapy_links_obj) },
    #endif
    #if MICROCOAPY_OSCORE
    { MP_ROM_QSTR(MP_QSTR_SecurityContext), MP_ROM_PTR(&microcoapy_security_type) },
    { MP_ROM_QSTR(MP_QSTR_SequenceFile), MP_ROM_PTR(&microcoapy_sequence_type) },
    #endif
    #if MICROCOAPY_DTLS
    { MP_ROM_QSTR(MP_QSTR_Dtls), MP_ROM_PTR(&microcoapy_dtls_type) },
    #endif
    #if MICROCOAPY_OBSERVE
    { MP_ROM_QSTR(MP_QSTR_Observation), MP_ROM_PTR(&microcoapy_observation_type) },
    #endif
    { MP_ROM_QSTR(MP_QSTR_COAP_TYPE), MP_ROM_PTR(&microcoapy_message_type_class) },
    { MP_ROM_QSTR(MP_QSTR_COAP_METHOD), MP_ROM_PTR(&microcoapy_request_method_class) },
    { MP_ROM_QSTR(MP_QSTR_COAP_RESPONSE_CODE), MP_ROM_PTR(&microcoapy_response_code_class) },
    { MP_ROM_QSTR(MP_QSTR_COAP_OPTION_NUMBER), MP_ROM_PTR(&microcoapy_option_number_class) },
    { MP_ROM_QSTR(MP_QSTR_COAP_CONTENT_FORMAT), MP_ROM_PTR(&microcoapy_content_format_class) },
    { MP_ROM_QSTR(MP_QSTR_COAP_CONTENT_TYPE), MP_ROM_PTR(&microcoapy_content_format_class) },
    { MP_ROM_QSTR(MP_QSTR_COAP_VERSION), MP_ROM_PTR(&microcoapy_version_class) },
    { MP_ROM_QSTR(MP_QSTR_microcoapy), MP_ROM_PTR(&microcoapy_module) },
    { MP_ROM_QSTR(MP_QSTR_coap_macros), MP_ROM_PTR(&microcoapy_module) },
    { MP_ROM_QSTR(MP_QSTR_coap_packet), MP_ROM_PTR(&microcoapy_module) },
    { MP_ROM_QSTR(MP_QSTR_coap_option), MP_ROM_PTR(&microcoapy_module) },
};
static MP_DEFINE_CONST_DICT(module_dict, module_table);

const mp_obj_module_t microcoapy_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&module_dict,
};
