// SPDX-License-Identifier: MIT
//
// What both boards' mpconfigport.h have in common.

#include <alloca.h>
#include <errno.h> // py/reader.c forgets it with MICROPY_USE_INTERNAL_ERRNO
#include <stddef.h>
#include <stdint.h>

// What the chips' ports have.
#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)

#define MICROPY_ENABLE_GC (1)
#define MICROPY_ENABLE_EXTERNAL_IMPORT (1)
#define MICROPY_FLOAT_IMPL (MICROPY_FLOAT_IMPL_FLOAT)
#define MICROPY_LONGINT_IMPL (MICROPY_LONGINT_IMPL_MPZ)
#define MICROPY_PERSISTENT_CODE_LOAD (1)
#define MICROPY_READER_POSIX (1)
#define MICROPY_STACK_CHECK (1)

// As on unix, whose numbers and texts the tests print.
#define MICROPY_ERROR_REPORTING (MICROPY_ERROR_REPORTING_DETAILED)
#define MICROPY_USE_INTERNAL_ERRNO (1)

// Scripts are files of the host; there are no others, and no keyboard.
#define MICROPY_VFS (0)
#define MICROPY_HELPER_REPL (0)
#define MICROPY_PY_BUILTINS_INPUT (0)
#define MICROPY_PY_SYS_STDIO_BUFFER (0)

#define MICROPY_PY_OS (1)
#define MICROPY_PY_OS_UNAME (0)
#define MICROPY_PY_OS_URANDOM (1)
#define MICROPY_HW_BOARD_NAME "QEMU sim"

#define MP_NEED_LOG2 (1)
#define MP_SSIZE_MAX (0x7fffffff)
#define MP_STATE_PORT MP_STATE_VM
#define UINT_FMT "%u"
#define INT_FMT "%d"
typedef int32_t mp_int_t;
typedef uint32_t mp_uint_t;
typedef long mp_off_t;
