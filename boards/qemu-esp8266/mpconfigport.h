// SPDX-License-Identifier: MIT
#include <alloca.h>
#include <stdint.h>

#define MICROPY_CONFIG_ROM_LEVEL        (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)

#define MICROPY_PERSISTENT_CODE_LOAD    (1)
#define MICROPY_ENABLE_GC               (1)
// The tests see the messages that the unix port has.
#define MICROPY_ERROR_REPORTING         (MICROPY_ERROR_REPORTING_DETAILED)
#define MICROPY_STACK_CHECK             (1)
#define MICROPY_ENABLE_EXTERNAL_IMPORT  (1)
// Scripts are the host's files, opened by semihosting.
#define MICROPY_READER_POSIX            (1)
#define MICROPY_VFS                     (0)
#define MICROPY_LONGINT_IMPL            (MICROPY_LONGINT_IMPL_MPZ)
#define MICROPY_FLOAT_IMPL              (MICROPY_FLOAT_IMPL_FLOAT)
#define MICROPY_HELPER_REPL             (0)
#define MICROPY_REPL_INFO               (0)
#define MICROPY_PY_BUILTINS_INPUT       (0)
#define MICROPY_PY_BUILTINS_HELP        (0)

#define MICROPY_PY_SYS_PLATFORM         "qemu-esp8266"
#define MICROPY_PY_SYS_STDFILES         (0)
#define MICROPY_PY_SYS_STDIO_BUFFER     (0)
#define MICROPY_PY_TIME_GMTIME_LOCALTIME_MKTIME (0)
#define MICROPY_PY_TIME_TIME_TIME_NS    (0)
#define MICROPY_PY_OS                   (1)
#define MICROPY_PY_OS_INCLUDEFILE       "os_urandom.c"
#define MICROPY_PY_OS_UNAME             (0)
#define MICROPY_PY_OS_URANDOM           (1)
// tty_uart.c has what there is.
#define MICROPY_PY_MACHINE              (0)

// As the chip's port: the C library has other numbers.
#define MICROPY_USE_INTERNAL_ERRNO      (1)

// As on the chip, for the firmware whose constants are in flash.
#define MICROCOAPY_WORD_FLASH           (1)

#define MICROPY_HW_BOARD_NAME           "QEMU sim"
#define MICROPY_HW_MCU_NAME             "lx106"

#define MP_NEED_LOG2                    (1)
#define MP_SSIZE_MAX                    (0x7fffffff)
#define UINT_FMT                        "%u"
#define INT_FMT                         "%d"
typedef int32_t mp_int_t;
typedef uint32_t mp_uint_t;
typedef long mp_off_t;

#define MP_STATE_PORT MP_STATE_VM
