// SPDX-License-Identifier: MIT
//
// Module machine: a UART, which is the host's terminal that -X uart=PATH names (a pseudo-terminal of tools/modem_relay.py).

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "py/stream.h"

// Semihosting takes the host's flags. Not QEMU's controlling terminal.
#define HOST_O_RDWR (2)
#define HOST_O_NOCTTY (0400)

typedef struct {
    mp_obj_base_t base;
    int fd;
} uart_obj_t;

static mp_obj_t uart_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    // Line parameters are accepted and mean nothing here.
    mp_arg_check_num(n_args, 0, 1, 2, false);
    (void)n_kw;
    (void)args;
    if (qemu_uart_path == NULL) {
        mp_raise_OSError(MP_ENODEV);
    }
    int fd = open(qemu_uart_path, HOST_O_RDWR | HOST_O_NOCTTY);
    if (fd < 0) {
        mp_raise_OSError(MP_ENODEV);
    }
    uart_obj_t *self = mp_obj_malloc(uart_obj_t, type);
    self->fd = fd;
    return MP_OBJ_FROM_PTR(self);
}

static mp_uint_t uart_read(mp_obj_t self_in, void *buffer, mp_uint_t size, int *error) {
    uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    if (!qemu_readable(self->fd)) {
        *error = MP_EAGAIN;
        return MP_STREAM_ERROR;
    }
    int n = read(self->fd, buffer, size);
    if (n < 0) {
        *error = MP_EIO;
        return MP_STREAM_ERROR;
    }
    return n;
}

static mp_uint_t uart_write(mp_obj_t self_in, const void *buffer, mp_uint_t size, int *error) {
    uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    int n = write(self->fd, buffer, size);
    if (n < 0) {
        *error = MP_EIO;
        return MP_STREAM_ERROR;
    }
    return n;
}

static mp_uint_t uart_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg, int *error) {
    uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    if (request == MP_STREAM_POLL) {
        mp_uint_t ready = arg & MP_STREAM_POLL_WR;
        if ((arg & MP_STREAM_POLL_RD) && qemu_readable(self->fd)) {
            ready |= MP_STREAM_POLL_RD;
        }
        return ready;
    }
    *error = MP_EINVAL;
    return MP_STREAM_ERROR;
}

// As machine.UART may say: 1 for 'one or more'.
static mp_obj_t uart_any(mp_obj_t self_in) {
    uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    return MP_OBJ_NEW_SMALL_INT(qemu_readable(self->fd));
}
static MP_DEFINE_CONST_FUN_OBJ_1(uart_any_obj, uart_any);

static const mp_rom_map_elem_t uart_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_any), MP_ROM_PTR(&uart_any_obj) },
    { MP_ROM_QSTR(MP_QSTR_read), MP_ROM_PTR(&mp_stream_read1_obj) },
    { MP_ROM_QSTR(MP_QSTR_readinto), MP_ROM_PTR(&mp_stream_readinto_obj) },
    { MP_ROM_QSTR(MP_QSTR_write), MP_ROM_PTR(&mp_stream_write_obj) },
};
static MP_DEFINE_CONST_DICT(uart_locals, uart_locals_table);

static const mp_stream_p_t uart_stream = {
    .read = uart_read,
    .write = uart_write,
    .ioctl = uart_ioctl,
};

static MP_DEFINE_CONST_OBJ_TYPE(
    uart_type,
    MP_QSTR_UART,
    MP_TYPE_FLAG_NONE,
    make_new, uart_make_new,
    protocol, &uart_stream,
    locals_dict, &uart_locals
    );

static const mp_rom_map_elem_t machine_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_machine) },
    { MP_ROM_QSTR(MP_QSTR_UART), MP_ROM_PTR(&uart_type) },
};
static MP_DEFINE_CONST_DICT(machine_globals, machine_globals_table);

const mp_obj_module_t qemu_machine_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&machine_globals,
};
MP_REGISTER_MODULE(MP_QSTR_machine, qemu_machine_module);
