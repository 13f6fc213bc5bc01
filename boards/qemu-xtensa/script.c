// SPDX-License-Identifier: MIT
//
// Runs a script, a file of the host's, as a command does. There are no other files.

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "py/builtin.h"
#include "py/compile.h"
#include "py/gc.h"
#include "py/mperrno.h"
#include "py/runtime.h"
#include "sim.h"

void nlr_jump_fail(void *value) {
    (void)value;
    mp_printf(&mp_plat_print, "FATAL: uncaught NLR\n");
    exit(1);
}

void __assert_func(const char *file, int line, const char *function, const char *expression) {
    mp_printf(&mp_plat_print, "assertion failed: %s:%d %s: %s\n", file, line, function ? function : "", expression);
    exit(134);
}

mp_import_stat_t mp_import_stat(const char *path) {
    int fd = open(path, O_RDONLY);
    if (fd < 0) {
        return MP_IMPORT_STAT_NO_EXIST;
    }
    // The host opens folders, too, but does not let them be read.
    char first;
    ssize_t got = read(fd, &first, 1);
    close(fd);
    return got < 0 ? MP_IMPORT_STAT_DIR : MP_IMPORT_STAT_FILE;
}

static mp_obj_t no_open(size_t n_args, const mp_obj_t *args, mp_map_t *keywords) {
    (void)n_args;
    (void)args;
    (void)keywords;
    mp_raise_OSError(MP_EPERM);
}
MP_DEFINE_CONST_FUN_OBJ_KW(mp_builtin_open_obj, 1, no_open);

// As on unix, scripts import what lies beside them.
static void set_paths(int n, const char **arguments) {
    size_t len = strlen(arguments[0]);
    while (len > 0 && arguments[0][len - 1] != '/') {
        len--;
    }
    mp_obj_list_store(mp_sys_path, MP_OBJ_NEW_SMALL_INT(0), mp_obj_new_str(arguments[0], len));
    for (int i = 0; i < n; i++) {
        mp_obj_list_append(mp_sys_argv, mp_obj_new_str_from_cstr(arguments[i]));
    }
}

static int status_of(mp_obj_t exception) {
    const mp_obj_type_t *type = mp_obj_get_type(exception);
    if (!mp_obj_is_subclass_fast(MP_OBJ_FROM_PTR(type), MP_OBJ_FROM_PTR(&mp_type_SystemExit))) {
        mp_obj_print_exception(&mp_plat_print, exception);
        return 1;
    }
    mp_obj_t value = mp_obj_exception_get_value(exception);
    mp_int_t status = 0;
    if (value != mp_const_none && !mp_obj_get_int_maybe(value, &status)) {
        status = 1;
    }
    return status;
}

static int run(int n, const char **arguments) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        set_paths(n, arguments);
        mp_lexer_t *lexer = mp_lexer_new_from_file(qstr_from_str(arguments[0]));
        qstr source_name = lexer->source_name;
        mp_parse_tree_t tree = mp_parse(lexer, MP_PARSE_FILE_INPUT);
        mp_call_function_0(mp_compile(&tree, source_name, false));
        nlr_pop();
        return 0;
    }
    return status_of(MP_OBJ_FROM_PTR(nlr.ret_val));
}

int run_script(void *heap, size_t heap_size, unsigned resets, int n, const char **arguments) {
    for (;;) {
        gc_init(heap, (char *)heap + heap_size);
        mp_init();
        int status = run(n, arguments);
        if (status != 0 || resets-- == 0) {
            mp_deinit();
            return status;
        }
        // As the chips' ports reset softly.
        gc_sweep_all();
        mp_deinit();
    }
}
