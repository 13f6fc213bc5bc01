// SPDX-License-Identifier: MIT
//
// The methods of Coap that take keywords, as data: each says which arguments it takes, and one function
// parses them for all. To Python they are built-in functions like any others.

#include <string.h>

#include "modern.h"
#include "protocol.h"

const qstr_short_t microcoapy_argument_names[ARG_COUNT] = {
    [ARG_HOST] = MP_QSTR_ip,
    [ARG_URL] = MP_QSTR_url,
    [ARG_TOKEN] = MP_QSTR_token,
    [ARG_PAYLOAD] = MP_QSTR_payload,
    [ARG_QUERY] = MP_QSTR_query_option,
    [ARG_OPTIONS] = MP_QSTR_options,
    [ARG_TYPE] = MP_QSTR_type,
    [ARG_METHOD] = MP_QSTR_method,
    [ARG_MESSAGEID] = MP_QSTR_messageid,
    [ARG_CONTENT_FORMAT] = MP_QSTR_content_format,
    [ARG_PORT] = MP_QSTR_port,
    [ARG_OBSERVE] = MP_QSTR_observe_option,
    [ARG_IP] = MP_QSTR_ip,
    [ARG_PACKET] = MP_QSTR_packet,
    [ARG_SOCK] = MP_QSTR_sock,
    [ARG_CB] = MP_QSTR_cb,
    [ARG_TIMEOUT] = MP_QSTR_timeoutMs,
    [ARG_POLL_PERIOD] = MP_QSTR_pollPeriodMs,
    [ARG_BLOCKING] = MP_QSTR_blocking,
    [ARG_UNDERSTANDS] = MP_QSTR_understands,
    #if MICROCOAPY_DISCOVERY
    [ARG_GROUP] = MP_QSTR_group,
    [ARG_INTERFACE] = MP_QSTR_interface,
    #endif
    [ARG_REQUEST_PACKET] = MP_QSTR_request_packet,
};

// Its own frame, so that it is on the stack of neither what is taken in nor the modern layer.
static MP_NOINLINE mp_obj_t parse_and_run(const method_obj_t *method, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    qstr_short_t names[METHOD_ARGS_MAX];
    mp_obj_t value[METHOD_ARGS_MAX];
    size_t count = 0;
    for (; method->takes[count] != ARG_END; count++) {
        names[count] = microcoapy_argument_names[method->takes[count]];
    }
    microcoapy_parse(names, SHAPE(count, method->required, count), value, n_args - 1, n_kw, args + 1);
    mp_obj_t arg[ARG_COUNT];
    memset(arg, 0, sizeof(arg));
    arg[ARG_TYPE] = MP_OBJ_NEW_SMALL_INT(method->type);
    arg[ARG_METHOD] = MP_OBJ_NEW_SMALL_INT(method->code);
    for (size_t i = 0; i < count; i++) {
        arg[method->takes[i]] = value[i];
    }
    return method->run(MP_OBJ_TO_PTR(args[0]), arg);
}

static mp_obj_t method_call(mp_obj_t method_in, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    const method_obj_t *method = MP_OBJ_TO_PTR(method_in);
    mp_arg_check_num(n_args, n_kw, 1, MP_OBJ_FUN_ARGS_MAX, true);
    if (method->sends) {
        // A program may send for long without polling.
        microcoapy_take_in(MP_OBJ_TO_PTR(args[0]));
    }
    #if MICROCOAPY_MODERN
    bool has_uri = method->code != 0 && method->type == TYPE_CON && n_args > 1 && microcoapy_is_uri(args[1]);
    if (has_uri || method->run == NULL) {
        // The modern layer's method of the same name.
        return microcoapy_request_uri(MP_OBJ_TO_PTR(args[0]), method->code, n_args - 1, n_kw, args + 1);
    }
    #endif
    return parse_and_run(method, n_args, n_kw, args);
}

MP_DEFINE_CONST_OBJ_TYPE(
    microcoapy_method_type, MP_QSTR_function, MP_TYPE_FLAG_BINDS_SELF | MP_TYPE_FLAG_BUILTIN_FUN,
    call, method_call
    );
