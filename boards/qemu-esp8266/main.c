// SPDX-License-Identifier: MIT
//
// MicroPython on the lx106 core, ESP8266's, as QEMU's 'sim' machine has it: semihosting gives files, arguments, waiting
// and an exit status, so a program of the host's is run and ended like by the unix port.
//
//   firmware [-X heapsize=BYTES[k]] [-X uart=PATH] SCRIPT [ARGUMENT...]

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "py/builtin.h"
#include "py/compile.h"
#include "py/gc.h"
#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/objlist.h"
#include "py/runtime.h"
#include "py/stackctrl.h"

// Semihosting calls of the 'sim' machine.
enum {
    SIMCALL_EXIT = 1,
    SIMCALL_READ = 3,
    SIMCALL_WRITE = 4,
    SIMCALL_OPEN = 5,
    SIMCALL_CLOSE = 6,
    SIMCALL_SELECT_ONE = 29,
    SIMCALL_ARGC = 1000,
    SIMCALL_ARGV_SIZE = 1001,
    SIMCALL_ARGV = 1002,
};
// MicroPython renamed its own macro after 1.25.
#define NO_RETURN __attribute__((noreturn))

enum { SELECT_NOTHING = 0, SELECT_READ = 1 };

int simcall(int number, int a, int b, int c, int d);
uintptr_t gc_registers(uintptr_t registers[4]);
extern uint32_t _stack_top;

// What the chip's port leaves for C and Python.
#define STACK_SIZE (8 * 1024)
#define HEAP_SIZE_MAX (256 * 1024)
#define HEAP_SIZE_DEFAULT (128 * 1024)
static uint32_t heap[HEAP_SIZE_MAX / 4];
const char *qemu_uart_path;

// ---- the C library's part ----------------------------------------------------------------------

NO_RETURN void exit(int status) {
    simcall(SIMCALL_EXIT, status, 0, 0, 0);
    for (;;) {
    }
}

NO_RETURN void abort(void) {
    exit(134);
}

int open(const char *path, int flags, ...) {
    return simcall(SIMCALL_OPEN, (int)path, flags, 0, 0);
}

ssize_t read(int fd, void *buffer, size_t size) {
    return simcall(SIMCALL_READ, fd, (int)buffer, size, 0);
}

ssize_t write(int fd, const void *buffer, size_t size) {
    return simcall(SIMCALL_WRITE, fd, (int)buffer, size, 0);
}

int close(int fd) {
    return simcall(SIMCALL_CLOSE, fd, 0, 0, 0);
}

// ---- the port ----------------------------------------------------------------------------------

// The host's, not the C library's: seconds and microseconds, 32 bits each.
static int select_one(int fd, int what, uint32_t milliseconds) {
    uint32_t timeval[2] = { milliseconds / 1000, milliseconds % 1000 * 1000 };
    return simcall(SIMCALL_SELECT_ONE, fd, what, (int)timeval, 0);
}

bool qemu_readable(int fd) {
    return select_one(fd, SELECT_READ, 0) > 0;
}

void qemu_sleep_ms(int32_t milliseconds) {
    select_one(0, SELECT_NOTHING, milliseconds < 0 ? 1 : milliseconds);
}

// CCOUNT counts 10,000 per millisecond and wraps after seven minutes: it is asked more often than that. Time begins a
// little before the millisecond counter wraps, so that everything that runs here meets that, too.
#define CYCLES_PER_US (10)
#define CYCLES_PER_MS (1000 * CYCLES_PER_US)
#define TICKS_AT_START ((uint32_t)-250)

static uint32_t cycles(void) {
    uint32_t count;
    __asm volatile ("rsr %0, ccount" : "=r" (count));
    return count;
}

mp_uint_t mp_hal_ticks_ms(void) {
    static uint32_t milliseconds = TICKS_AT_START;
    static uint32_t counted;
    uint32_t passed = (cycles() - counted) / CYCLES_PER_MS;
    counted += passed * CYCLES_PER_MS;
    milliseconds += passed;
    return milliseconds;
}

mp_uint_t mp_hal_ticks_us(void) {
    return cycles() / CYCLES_PER_US;
}

mp_uint_t mp_hal_ticks_cpu(void) {
    return cycles();
}

void mp_hal_delay_us(mp_uint_t microseconds) {
    uint32_t start = cycles();
    while (cycles() - start < microseconds * CYCLES_PER_US) {
    }
}

void mp_hal_delay_ms(mp_uint_t milliseconds) {
    uint32_t start = mp_hal_ticks_ms();
    uint32_t passed = 0;
    while (passed < milliseconds) {
        mp_event_wait_ms(milliseconds - passed);
        passed = mp_hal_ticks_ms() - start;
    }
}

void mp_hal_get_random(size_t n, uint8_t *out) {
    static int fd = -1;
    if (fd < 0) {
        fd = open("/dev/urandom", O_RDONLY);
    }
    if (read(fd, out, n) != (ssize_t)n) {
        mp_raise_OSError(MP_EIO);
    }
}

mp_uint_t mp_hal_stdout_tx_strn(const char *text, size_t len) {
    return write(1, text, len);
}

// The host's output is no terminal: lines end as they do in its files.
void mp_hal_stdout_tx_strn_cooked(const char *text, size_t len) {
    mp_hal_stdout_tx_strn(text, len);
}

void mp_hal_stdout_tx_str(const char *text) {
    mp_hal_stdout_tx_strn(text, strlen(text));
}

NO_RETURN void fatal_exception(int kind, int cause, uint32_t pc, uint32_t address, uint32_t caller) {
    mp_printf(&mp_plat_print, "exception %d: cause %d, pc %08x, address %08x, a0 %08x\n", kind, cause, pc, address, caller);
    exit(139);
}

void gc_collect(void) {
    uintptr_t registers[4];
    gc_collect_start();
    uintptr_t sp = gc_registers(registers);
    gc_collect_root((void **)registers, MP_ARRAY_SIZE(registers));
    gc_collect_root((void **)sp, ((uintptr_t)&_stack_top - sp) / sizeof(void *));
    gc_collect_end();
}

NO_RETURN void nlr_jump_fail(void *value) {
    (void)value;
    mp_printf(&mp_plat_print, "uncaught exception\n");
    exit(1);
}

#ifndef NDEBUG
NO_RETURN void __assert_func(const char *file, int line, const char *function, const char *expression) {
    (void)function;
    mp_printf(&mp_plat_print, "%s:%d: %s\n", file, line, expression);
    exit(134);
}
#endif

mp_import_stat_t mp_import_stat(const char *path) {
    int fd = open(path, O_RDONLY);
    if (fd < 0) {
        return MP_IMPORT_STAT_NO_EXIST;
    }
    char first;
    int n = read(fd, &first, 1);
    close(fd);
    return n < 0 ? MP_IMPORT_STAT_DIR : MP_IMPORT_STAT_FILE;
}

// Programs and modules come from the host; files do not.
static mp_obj_t no_open(size_t n_args, const mp_obj_t *args, mp_map_t *keywords) {
    mp_raise_OSError(MP_ENODEV);
}
MP_DEFINE_CONST_FUN_OBJ_KW(mp_builtin_open_obj, 1, no_open);

// ---- one program -------------------------------------------------------------------------------

static int exit_status(mp_obj_t exception) {
    if (!mp_obj_is_subclass_fast(MP_OBJ_FROM_PTR(mp_obj_get_type(exception)), MP_OBJ_FROM_PTR(&mp_type_SystemExit))) {
        mp_obj_print_exception(&mp_plat_print, exception);
        return 1;
    }
    mp_obj_t value = mp_obj_exception_get_value(exception);
    mp_int_t status;
    if (value == mp_const_none) {
        return 0;
    }
    return mp_obj_get_int_maybe(value, &status) ? status : 1;
}

static int run_file(const char *path) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_lexer_t *lexer = mp_lexer_new_from_file(qstr_from_str(path));
        qstr source_name = lexer->source_name;
        mp_parse_tree_t tree = mp_parse(lexer, MP_PARSE_FILE_INPUT);
        mp_call_function_0(mp_compile(&tree, source_name, false));
        nlr_pop();
        return 0;
    }
    return exit_status(MP_OBJ_FROM_PTR(nlr.ret_val));
}

// The index of the script in argv; 0 if the command line is not understood.
static int parse_options(int argc, char **argv, size_t *heap_size) {
    int i = 1;
    for (; i + 1 < argc && strcmp(argv[i], "-X") == 0; i += 2) {
        const char *option = argv[i + 1];
        if (strncmp(option, "heapsize=", 9) == 0) {
            char *end;
            *heap_size = strtoul(option + 9, &end, 0) << (*end == 'k' ? 10 : 0);
            if (*heap_size < 4096 || *heap_size > HEAP_SIZE_MAX) {
                return 0;
            }
        } else if (strncmp(option, "uart=", 5) == 0) {
            qemu_uart_path = option + 5;
        } else {
            return 0;
        }
    }
    return i < argc ? i : 0;
}

void c_start(void) {
    static char *argv[128];
    size_t heap_size = HEAP_SIZE_DEFAULT;
    int argc = simcall(SIMCALL_ARGC, 0, 0, 0, 0);
    int script = 0;
    if (simcall(SIMCALL_ARGV_SIZE, 0, 0, 0, 0) <= (int)sizeof(argv)) {
        simcall(SIMCALL_ARGV, (int)argv, 0, 0, 0);
        script = parse_options(argc, argv, &heap_size);
    }
    mp_stack_set_top(&_stack_top);
    mp_stack_set_limit(STACK_SIZE - 192);
    gc_init(heap, (char *)heap + heap_size);
    mp_init();
    if (script == 0) {
        mp_printf(&mp_plat_print, "usage: firmware [-X heapsize=BYTES[k]] [-X uart=PATH] SCRIPT [ARGUMENT...]\n");
        exit(2);
    }
    for (int i = script; i < argc; i++) {
        mp_obj_list_append(mp_sys_argv, mp_obj_new_str(argv[i], strlen(argv[i])));
    }
    int status = run_file(argv[script]);
    mp_deinit();
    exit(status);
}
