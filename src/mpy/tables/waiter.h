// SPDX-License-Identifier: MIT

#ifndef MICROCOAPY_TABLES_WAITER_H
#define MICROCOAPY_TABLES_WAITER_H

// The methods that asyncio wants of an awaitable: send, throw, close, remove.
#define WAITER_METHODS \
    { MP_ROM_QSTR(MP_QSTR_send), MP_ROM_PTR(&microcoapy_waiter_send_obj) }, \
    { MP_ROM_QSTR(MP_QSTR_throw), MP_ROM_PTR(&microcoapy_waiter_throw_obj) }, \
    { MP_ROM_QSTR(MP_QSTR_close), MP_ROM_PTR(&microcoapy_waiter_close_obj) }, \
    { MP_ROM_QSTR(MP_QSTR_remove), MP_ROM_PTR(&microcoapy_waiter_remove_obj) }

#endif
