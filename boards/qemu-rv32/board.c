// SPDX-License-Identifier: MIT
//
// What MicroPython's qemu port lacks for its VIRT_RV32 board: a clock, and by RISC-V semihosting
// the host's files, its random bytes, and variables given on the emulator's command line.

#include <string.h>

#include "py/builtin.h"
#include "py/gc.h"
#include "py/lexer.h"
#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/runtime.h"

#include "board.h"

// ---- semihosting -------------------------------------------------------------------------------

#define SYS_OPEN (0x01)
#define SYS_CLOSE (0x02)
#define SYS_READ (0x06)
#define SYS_FLEN (0x0c)
#define SYS_GET_CMDLINE (0x15)

// fopen's "rb"
#define OPEN_READ (1)

// The two marks around ebreak must be uncompressed and lie in one page, so the call is a function of its own.
__attribute__((naked, noinline, aligned(16))) static long semihost(long operation, void *parameters) {
    __asm volatile (
        ".option push       \n"
        ".option norvc      \n"
        "slli zero, zero, 31\n"
        "ebreak             \n"
        "srai zero, zero, 7 \n"
        "ret                \n"
        ".option pop        \n");
}

static int file_open(const char *path) {
    uintptr_t parameters[] = { (uintptr_t)path, OPEN_READ, strlen(path) };
    return semihost(SYS_OPEN, parameters);
}

static void file_close(int fd) {
    uintptr_t parameters[] = { fd };
    semihost(SYS_CLOSE, parameters);
}

// Bytes, or negative.
static long file_size(int fd) {
    uintptr_t parameters[] = { fd };
    return semihost(SYS_FLEN, parameters);
}

// True if there were that many bytes.
static bool file_read(int fd, void *out, size_t len) {
    uintptr_t parameters[] = { fd, (uintptr_t)out, len };
    return semihost(SYS_READ, parameters) == 0;
}

void board_random(uint8_t *out, size_t len) {
    int fd = file_open("/dev/urandom");
    bool filled = fd >= 0 && file_read(fd, out, len);
    if (fd >= 0) {
        file_close(fd);
    }
    if (!filled) {
        mp_raise_OSError(MP_EIO);
    }
}

// ---- variables ---------------------------------------------------------------------------------

const char *board_variable(const char *name, size_t *len) {
    static char lines[512];
    if (lines[0] == '\0') {
        uintptr_t parameters[] = { (uintptr_t)lines, sizeof(lines) };
        if (semihost(SYS_GET_CMDLINE, parameters) != 0) {
            return NULL;
        }
    }
    size_t name_len = strlen(name);
    for (const char *line = lines; *line != '\0';) {
        size_t line_len = strcspn(line, "\n");
        if (line_len > name_len && strncmp(line, name, name_len) == 0 && line[name_len] == '=') {
            *len = line_len - name_len - 1;
            return line + name_len + 1;
        }
        line += line_len + (line[line_len] != '\0');
    }
    return NULL;
}

// Variable HEAP_SIZE, in bytes, makes the heap smaller than it was built.
void __real_gc_init(void *start, void *end);
void __wrap_gc_init(void *start, void *end);
void __wrap_gc_init(void *start, void *end) {
    size_t len;
    const char *value = board_variable("HEAP_SIZE", &len);
    size_t size = 0;
    // Not strtoul, which needs errno: nothing sets up thread-local storage here.
    for (size_t i = 0; value != NULL && i < len && value[i] >= '0' && value[i] <= '9'; i++) {
        size = 10 * size + (value[i] - '0');
    }
    if (size != 0 && size < (size_t)((char *)end - (char *)start)) {
        end = (char *)start + size;
    }
    __real_gc_init(start, end);
}

// ---- modules -----------------------------------------------------------------------------------

// A folder can be opened like a file, but not read. No test imports an empty file.
mp_import_stat_t mp_import_stat(const char *path) {
    uint8_t first;
    int fd = file_open(path);
    if (fd < 0) {
        return MP_IMPORT_STAT_NO_EXIST;
    }
    bool file = file_read(fd, &first, 1);
    file_close(fd);
    return file ? MP_IMPORT_STAT_FILE : MP_IMPORT_STAT_DIR;
}

mp_lexer_t *mp_lexer_new_from_file(qstr name) {
    int fd = file_open(qstr_str(name));
    if (fd < 0) {
        mp_raise_OSError(MP_ENOENT);
    }
    long len = file_size(fd);
    char *text = len > 0 ? m_new_maybe(char, len) : NULL;
    bool filled = text != NULL && file_read(fd, text, len);
    file_close(fd);
    if (!filled) {
        mp_raise_OSError(MP_EIO);
    }
    return mp_lexer_new_from_str_len(name, text, len, len);
}

static mp_obj_t board_open(size_t n_args, const mp_obj_t *args, mp_map_t *keywords) {
    (void)n_args;
    (void)args;
    (void)keywords;
    mp_raise_OSError(MP_EPERM);
}
MP_DEFINE_CONST_FUN_OBJ_KW(mp_builtin_open_obj, 1, board_open);

// ---- the clock ---------------------------------------------------------------------------------

// The core-local interruptor's counter, which QEMU runs at 10 MHz.
#define MTIME ((volatile uint32_t *)0x0200bff8)
#define MTIME_PER_US (10)

static uint64_t mtime(void) {
    uint32_t high, low;
    do {
        high = MTIME[1];
        low = MTIME[0];
    } while (MTIME[1] != high);
    return (uint64_t)high << 32 | low;
}

mp_uint_t mp_hal_ticks_ms(void) {
    return mtime() / (1000 * MTIME_PER_US);
}

mp_uint_t mp_hal_ticks_us(void) {
    return mtime() / MTIME_PER_US;
}

mp_uint_t mp_hal_ticks_cpu(void) {
    return mtime();
}

void mp_hal_delay_us(mp_uint_t us) {
    uint64_t end = mtime() + (uint64_t)us * MTIME_PER_US;
    while (mtime() < end) {
    }
}

void mp_hal_delay_ms(mp_uint_t ms) {
    mp_uint_t start = mp_hal_ticks_ms();
    while (mp_hal_ticks_ms() - start < ms) {
        mp_event_handle_nowait();
    }
}
