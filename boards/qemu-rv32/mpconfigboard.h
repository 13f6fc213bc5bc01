// SPDX-License-Identifier: MIT
//
// The qemu port's configuration, and what tests of a CoAP endpoint need besides: a clock, random
// bytes, environment variables, and modules imported from the host's files.

#include "ports/qemu/mpconfigport.h"

// Numbers of errors as on unix and ESP8266, not picolibc's.
#define MICROPY_USE_INTERNAL_ERRNO  (1)

// Exceptions say as much as on unix: tests compare their text.
#define MICROPY_ERROR_REPORTING     (MICROPY_ERROR_REPORTING_DETAILED)

#undef MICROPY_PY_TIME
#define MICROPY_PY_TIME             (1)
#undef MICROPY_PY_SELECT
#define MICROPY_PY_SELECT           (1)
#undef MICROPY_PY_ASYNCIO
#define MICROPY_PY_ASYNCIO          (1)

#define MICROPY_PY_OS_URANDOM       (1)
#define MICROPY_PY_OS_GETENV_PUTENV_UNSETENV (1)
#define MICROPY_PY_OS_INCLUDEFILE   "board_os.inc"

// board.c reads the host's files; there is no file system in Python.
#undef MICROPY_VFS
#define MICROPY_VFS                 (0)
#undef MICROPY_VFS_ROM
#define MICROPY_VFS_ROM             (0)
#undef MICROPY_READER_VFS
#define MICROPY_READER_VFS          (0)
