// SPDX-License-Identifier: MIT
//
// The methods of Coap that take keywords, as data: each says which arguments it takes, and one function
// parses them for all. To Python they are built-in functions like any others.

#include <string.h>

#include "modern.h"
#include "protocol.h"
#include "tables/method_names.h"

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

#include "tables/method.h"
