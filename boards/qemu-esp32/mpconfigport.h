// SPDX-License-Identifier: MIT

#include "mpconfigsim.h"

// MicroPython's own NLR for windowed Xtensa needs inline assembly, which LLVM 22 has not.
#define MICROPY_NLR_SETJMP (1)

#define MICROPY_KBD_EXCEPTION (0)

#define MICROPY_PY_OS_SYNC (0)
#define MICROPY_PY_OS_INCLUDEFILE "os_functions.h"
#define MICROPY_PY_TIME (1)
#define MICROPY_PY_SYS_PLATFORM "qemu-esp32"
#define MICROPY_HW_MCU_NAME "windowed Xtensa"
