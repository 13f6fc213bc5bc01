// SPDX-License-Identifier: MIT
//
// MicroPython on a windowed Xtensa core under QEMU, as a command:
//   firmware [NAME=VALUE...] SCRIPT [ARGUMENT...]
// NAME=VALUE is for os.getenv; HEAP_SIZE is the heap's, in bytes. The exit status is the script's.

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"
#include "py/builtin.h"
#include "py/compile.h"
#include "py/gc.h"
#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "py/stackctrl.h"

#define HEAP_SIZE_DEFAULT (256 * 1024)
#define HEAP_SIZE_MAX (4 * 1024 * 1024)
// Below the checked limit: what C code uses between two checks.
#define STACK_RESERVE (4096)

extern uint32_t _estack, _sstack;

static uint32_t gc_heap[HEAP_SIZE_MAX / sizeof(uint32_t)];

static int n_environment;
static const char **environment;

// ---- failures -----------------------------------------------------------------------------------

// From crt.S, for anything but a window exception or alloca's.
void fatal_exception(int kind, int cause, uint32_t epc1, uint32_t depc, uint32_t address) {
    mp_printf(&mp_plat_print, "FATAL exception: vector %d cause %d epc1 %08x depc %08x address %08x\n",
        kind, cause, epc1, depc, address);
    exit(139);
}

void nlr_jump_fail(void *value) {
    (void)value;
    mp_printf(&mp_plat_print, "FATAL: uncaught NLR\n");
    exit(1);
}

void __assert_func(const char *file, int line, const char *function, const char *expression) {
    mp_printf(&mp_plat_print, "assertion failed: %s:%d %s: %s\n", file, line, function ? function : "", expression);
    exit(1);
}

// ---- collector ----------------------------------------------------------------------------------

// Off only in abi.c, to see that it matters.
bool collector_spills = true;

void gc_collect(void) {
    gc_collect_start();
    // Roots may be in registers of any caller that is still in the register file: in a scan of the stack
    // they are found only after they were written there.
    void **lowest = collector_spills ? spill_windows() : __builtin_frame_address(0);
    gc_collect_root(lowest, (void **)&_estack - lowest);
    gc_collect_end();
}

// ---- files: scripts only ------------------------------------------------------------------------

mp_import_stat_t mp_import_stat(const char *path) {
    int fd = open(path, O_RDONLY);
    if (fd < 0) {
        return MP_IMPORT_STAT_NO_EXIST;
    }
    // The host opens folders, too, but does not let them be read.
    char c;
    ssize_t got = read(fd, &c, 1);
    close(fd);
    return got < 0 ? MP_IMPORT_STAT_DIR : MP_IMPORT_STAT_FILE;
}

mp_obj_t mp_builtin_open(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    (void)n_args;
    (void)args;
    (void)kwargs;
    mp_raise_OSError(MP_EPERM);
}
MP_DEFINE_CONST_FUN_OBJ_KW(mp_builtin_open_obj, 1, mp_builtin_open);

// ---- the command --------------------------------------------------------------------------------

char *getenv(const char *name) {
    size_t len = strlen(name);
    for (int i = 0; i < n_environment; i++) {
        if (strncmp(environment[i], name, len) == 0 && environment[i][len] == '=') {
            return (char *)environment[i] + len + 1;
        }
    }
    return NULL;
}

// 0 for what is no size.
static size_t heap_size(void) {
    const char *text = getenv("HEAP_SIZE");
    if (text == NULL) {
        return HEAP_SIZE_DEFAULT;
    }
    size_t size = 0;
    while (*text >= '0' && *text <= '9' && size <= HEAP_SIZE_MAX) {
        size = size * 10 + (*text++ - '0');
    }
    return *text == 0 && size <= HEAP_SIZE_MAX ? size : 0;
}

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

static int run_script(int n, const char **arguments) {
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

void c_start(void) {
    const char **arguments = NULL;
    int n = host_arguments(&arguments);
    environment = arguments;
    while (n > 0 && strchr(arguments[0], '=') != NULL) {
        arguments++;
        n--;
        n_environment++;
    }
    mp_stack_set_top(&_estack);
    mp_stack_set_limit((char *)&_estack - (char *)&_sstack - STACK_RESERVE);
    size_t heap = heap_size();
    if (n == 0 || heap == 0) {
        mp_printf(&mp_plat_print, "usage: firmware [NAME=VALUE...] SCRIPT [ARGUMENT...]; HEAP_SIZE is at most %d\n",
            HEAP_SIZE_MAX);
        exit(2);
    }
    gc_init(gc_heap, (char *)gc_heap + heap);
    mp_init();
    int status = run_script(n, arguments);
    mp_deinit();
    exit(status);
}
