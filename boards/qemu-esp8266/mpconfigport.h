// SPDX-License-Identifier: MIT

#include "mpconfigsim.h"

#define MICROPY_REPL_INFO (0)
#define MICROPY_PY_BUILTINS_HELP (0)

#define MICROPY_PY_SYS_STDFILES (0)
#define MICROPY_PY_TIME_GMTIME_LOCALTIME_MKTIME (0)
#define MICROPY_PY_TIME_TIME_TIME_NS (0)
#define MICROPY_PY_OS_INCLUDEFILE "os_urandom.c"
// tty_uart.c has what there is.
#define MICROPY_PY_MACHINE (0)

// As on the chip, for the firmware whose constants are in flash.
#define MICROCOAPY_WORD_FLASH (1)

#define MICROPY_PY_SYS_PLATFORM "qemu-esp8266"
#define MICROPY_HW_MCU_NAME "lx106"
