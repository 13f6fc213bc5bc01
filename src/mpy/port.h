// SPDX-License-Identifier: MIT
//
// What the shim takes from the port it is built for: the clock, waiting, entropy, exceptions. Here, in entropy.c and in
// the files of the links platforms are told apart, nowhere else. Where there is no such function to call, as in a
// dynamic native module, this is what has to go through Python.
#ifndef MICROCOAPY_PORT_H
#define MICROCOAPY_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/obj.h"
#include "py/runtime.h"

#include "microcoapy.h"

// ---- what the port has --------------------------------------------------------------------------

// File descriptors with recvmsg(2), sendto(2) and poll(2), instead of the socket object's methods.
#ifndef MICROCOAPY_POSIX
#if (defined(__unix__) || defined(__APPLE__)) && MICROPY_PY_SOCKET
#define MICROCOAPY_POSIX (1)
#else
#define MICROCOAPY_POSIX (0)
#endif
#endif

// Whether constants, interned strings among them, lie in memory that takes only aligned 32-bit loads: ESP8266's flash.
// The port's compiler reads bytes there by words; the engine's does not.
#ifndef MICROCOAPY_WORD_FLASH
#ifdef __ets__
#define MICROCOAPY_WORD_FLASH (1)
#else
#define MICROCOAPY_WORD_FLASH (0)
#endif
#endif

// Where random bytes come from.
#define MICROCOAPY_ENTROPY_HAL (0)     // mp_hal_get_random: unix, and every port from 1.29 on
#define MICROCOAPY_ENTROPY_IDF (1)     // ESP-IDF's esp_fill_random
#define MICROCOAPY_ENTROPY_ESP8266 (2) // a register of ESP8266
#define MICROCOAPY_ENTROPY_OS (3)      // os.urandom: there is no function for them
#ifndef MICROCOAPY_ENTROPY
#if defined(__unix__) || defined(__APPLE__) || MICROPY_VERSION >= MICROPY_MAKE_VERSION(1, 29, 0)
#define MICROCOAPY_ENTROPY MICROCOAPY_ENTROPY_HAL
#elif defined(ESP_PLATFORM)
#define MICROCOAPY_ENTROPY MICROCOAPY_ENTROPY_IDF
#elif defined(__ets__)
#define MICROCOAPY_ENTROPY MICROCOAPY_ENTROPY_ESP8266
#else
#define MICROCOAPY_ENTROPY MICROCOAPY_ENTROPY_OS
#endif
#endif

// MicroPython renamed its own macro after 1.25.
#define MICROCOAPY_NORETURN __attribute__((noreturn))

// MicroPython has no name for these.
#if MICROPY_USE_INTERNAL_ERRNO
#define MP_EMSGSIZE (90)
#define MP_EPROTONOSUPPORT (93)
#else
#define MP_EMSGSIZE EMSGSIZE
#define MP_EPROTONOSUPPORT EPROTONOSUPPORT
#endif

// It returns twice, which MicroPython (1.25) does not tell the compiler: that would keep something of before in a place of
// the stack that the first way takes for itself.
#if !MICROPY_NLR_SETJMP && !defined(nlr_push)
unsigned int nlr_push(nlr_buf_t *buffer) __attribute__((returns_twice));
#endif

struct _coap_obj_t;

// ---- clock.c, and waiting --------------------------------------------------------------------------

// Milliseconds, which wrap around.
uint32_t microcoapy_now(void);
// Lets the port do its own work meanwhile; returns early when there was some.
#define microcoapy_sleep(milliseconds) mp_event_wait_ms(milliseconds)
// Ctrl-C, scheduled callbacks, and whatever else the port does between two steps of a program.
#define microcoapy_port_events() mp_event_handle_nowait()

// ---- entropy.c ----------------------------------------------------------------------------------

#define MICROCOAPY_URANDOM (MICROCOAPY_ENTROPY == MICROCOAPY_ENTROPY_OS)
#if MICROCOAPY_URANDOM
typedef struct {
    mp_obj_t urandom; // os.urandom; MP_OBJ_NULL until first used
    uint8_t left;
    uint8_t bytes[32]; // what it gave; the last ones are unused
} entropy_t;
#endif
void microcoapy_entropy(struct _coap_obj_t *self, uint8_t *out, size_t len);

// ---- errors.c -----------------------------------------------------------------------------------

// Raises ValueError for what can never be right, OSError for what should not have happened.
MICROCOAPY_NORETURN void microcoapy_raise(mcoap_result result);
// "ValueError: port: not valid" and the like, with the argument named.
MICROCOAPY_NORETURN void microcoapy_bad_value(qstr argument);
MICROCOAPY_NORETURN void microcoapy_bad_type(qstr argument);
mp_obj_t microcoapy_os_error(int number);
// How an exchange has ended without a response, by the kind of its event.
int microcoapy_event_errno(uint8_t kind);
// Prints an exception that nobody else will see, with its traceback.
void microcoapy_show(mp_obj_t exception);
// For an exception that only means that the socket has nothing to give or could not do what is named: raises it
// again if it is none (KeyboardInterrupt, SystemExit).
void microcoapy_contain(struct _coap_obj_t *self, qstr what, void *exception);
// Prints it, if the attribute debug is set.
void microcoapy_report(struct _coap_obj_t *self, qstr what, mp_obj_t object);
void microcoapy_report_errno(struct _coap_obj_t *self, qstr what, int error);

#endif // MICROCOAPY_PORT_H
