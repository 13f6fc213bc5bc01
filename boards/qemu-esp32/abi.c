// SPDX-License-Identifier: MIT
//
// Module abi: what goes wrong on a windowed core alone. Register windows and alloca, longjmp, the collector; variable
// arguments; and calls between C and Rust with as many and as wide arguments as the engine's interface has.

#include <alloca.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include "microcoapy.h"
#include "py/gc.h"
#include "py/runtime.h"
#include "windows.h"

#define NOINLINE __attribute__((noinline))
// More calls than the register file has windows.
#define DEPTH 40

// Keeps the compiler from knowing results.
static int volatile zero;

static int checks, failures;

static void expect(const char *what, int64_t got, int64_t want) {
    checks++;
    if (got != want) {
        failures++;
        mp_printf(&mp_plat_print, "FAIL %s: %08x%08x, not %08x%08x\n", what, (unsigned)((uint64_t)got >> 32), (unsigned)got,
            (unsigned)((uint64_t)want >> 32), (unsigned)want);
    }
}

// ---- windows ------------------------------------------------------------------------------------

static NOINLINE int deep(int n, int a, int b, int c) {
    return n == 0 ? a + b + c + zero : deep(n - 1, b, c, a + 1) + zero;
}

static NOINLINE int fill_and_call(uint8_t *p, int before, int n, int x) {
    for (int i = 0; i < n; i++) {
        p[i] = i * x;
    }
    return before + deep(DEPTH, p[0], p[n - 1], p[n / 2]) + p[n - 1];
}

// The first deep call puts the caller's registers in memory, so alloca's movsp raises the alloca exception.
static NOINLINE int with_alloca(int n, int x, int y) {
    int before = deep(DEPTH, x, y, n);
    return fill_and_call(alloca(n), before, n, x);
}

static int without_alloca(int n, int x, int y) {
    static uint8_t p[1024];
    return fill_and_call(p, deep(DEPTH, x, y, n), n, x);
}

static jmp_buf jump;

static NOINLINE __attribute__((noreturn)) void throw_from(int n, int value) {
    if (n > 0) {
        throw_from(n - 1, value + zero);
    }
    longjmp(jump, value);
}

// Keeps several values in registers over setjmp.
static NOINLINE int catch_from(int depth, int a, int b, int c, int d) {
    int e = a * 3, f = b * 5;
    int got = setjmp(jump);
    if (got == 0) {
        throw_from(depth, a + 1000);
    }
    return got + a + 2 * b + 3 * c + 4 * d + 7 * e + 11 * f;
}

// Wipes what earlier calls have left on the stack.
static NOINLINE void wipe_stack(void) {
    uint32_t volatile words[256];
    for (size_t i = 0; i < MP_ARRAY_SIZE(words); i++) {
        words[i] = 0;
    }
}

// Six blocks: some of the pointers to them are in registers of this frame alone. How many survive a collection.
static NOINLINE int kept_by_registers(void) {
    void *a = gc_alloc(32, 0), *b = gc_alloc(32, 0), *c = gc_alloc(32, 0);
    void *d = gc_alloc(32, 0), *e = gc_alloc(32, 0), *f = gc_alloc(32, 0);
    wipe_stack();
    gc_collect();
    // Nothing for what is no allocated block.
    return (gc_nbytes(a) + gc_nbytes(b) + gc_nbytes(c) + gc_nbytes(d) + gc_nbytes(e) + gc_nbytes(f)) / 32;
}

static void check_windows(void) {
    for (int n = 1; n < 1000; n += 77) {
        expect("alloca", with_alloca(n, 3, n), without_alloca(n, 3, n));
    }
    for (int depth = 0; depth < DEPTH; depth++) {
        expect("longjmp", catch_from(depth, depth, 2, 3, 4), depth + 1000 + depth + 4 + 9 + 16 + 21 * depth + 110);
    }
    for (int i = 0; i < 4; i++) {
        expect("kept by registers", kept_by_registers(), 6);
    }
    // The check sees what it is for: without the spill, the collector takes blocks that are in use.
    collector_spills = false;
    int kept = kept_by_registers();
    collector_spills = true;
    expect("kept without spilling", kept < 6, true);
}

// ---- variable arguments -------------------------------------------------------------------------

static NOINLINE int64_t sum(const char *format, ...) {
    va_list ap, copy;
    int64_t total = 0;
    va_start(ap, format);
    va_copy(copy, ap);
    for (int pass = 0; pass < 2; pass++) {
        for (const char *p = format; *p; p++) {
            total *= 3;
            switch (*p) {
                case 'i':
                    total += pass ? va_arg(copy, int) : va_arg(ap, int);
                    break;
                case 'l':
                    total += pass ? va_arg(copy, int64_t) : va_arg(ap, int64_t);
                    break;
                case 'd':
                    total += (int)(pass ? va_arg(copy, double) : va_arg(ap, double));
                    break;
            }
        }
    }
    va_end(copy);
    va_end(ap);
    return total;
}

static NOINLINE int after_six(int a, int b, int c, int d, int e, int f, ...) {
    va_list ap;
    va_start(ap, f);
    int first = va_arg(ap, int);
    int second = va_arg(ap, int);
    va_end(ap);
    return first * 100 + second + a + b + c + d + e + f;
}

static NOINLINE int after_eight(int a, int b, int c, int d, int e, int f, int g, int h, ...) {
    va_list ap;
    va_start(ap, h);
    int first = va_arg(ap, int);
    int second = va_arg(ap, int);
    va_end(ap);
    return first * 100 + second + a + b + c + d + e + f + g + h;
}

static void check_variable_arguments(void) {
    int64_t want = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 1; i <= 9; i++) {
            want = want * 3 + i;
        }
    }
    expect("va int", sum("iiiiiiiii", 1, 2, 3, 4, 5, 6, 7, 8, 9), want);
    expect("va long long", sum("lllllllll", 1LL, 2LL, 3LL, 4LL, 5LL, 6LL, 7LL, 8LL, 9LL), want);
    expect("va double", sum("ddddddddd", 1., 2., 3., 4., 5., 6., 7., 8., 9.), want);
    expect("va mixed 1", sum("ilidilidi", 1, 2LL, 3, 4., 5, 6LL, 7, 8., 9), want);
    expect("va mixed 2", sum("iiiilidll", 1, 2, 3, 4, 5LL, 6, 7., 8LL, 9LL), want);
    expect("va mixed 3", sum("iiiiilidl", 1, 2, 3, 4, 5, 6LL, 7, 8., 9LL), want);
    expect("va after six", after_six(1, 2, 3, 4, 5, 6, 7, 8), 708 + 21);
    expect("va after eight", after_eight(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), 910 + 36);
}

// ---- C and Rust ---------------------------------------------------------------------------------

// Register pairs, both ways: C calls compiler_builtins for these.
static void check_wide_arithmetic(void) {
    uint64_t volatile a = 0xfedcba9876543210, b = 0x123456789;
    int64_t volatile c = -0x123456789abcdef, d = 0x12345;
    double volatile x = 1e10, y = 3;
    int volatile by = 37;
    expect("u64 /", a / b, 0xe0000000);
    expect("u64 %", a % b, 0x96543210);
    expect("i64 /", c / d, -0x100005b0020);
    expect("i64 %", c % d, -0x654f);
    expect("u64 >>", a >> by, 0x7f6e5d4);
    expect("i64 >>", c >> by, -0x91a2c);
    expect("u64 *", a * b, 0xcccccccce1833a90);
    expect("double", (int64_t)(x * y / 7 + 0.5), 4285714286);
}

// Every argument and every field has a value of its own; a swapped, cut or shifted one shows.
static const uint8_t entropy[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
static const uint8_t client_address[] = { 4, 10, 0, 0, 1, 0x16, 0x33 };
static const uint8_t server_address[] = { 4, 10, 0, 0, 2, 0x80, 0x01 };
static const uint8_t token[] = { 0xa1, 0xb2, 0xc3, 0xd4, 0xe5 };

static mcoap_endpoint *new_endpoint(void) {
    mcoap_parameters parameters;
    mcoap_parameters_default(&parameters);
    expect("default ack_timeout", parameters.ack_timeout_ms, 2000);
    expect("default max_retransmit", parameters.max_retransmit, 4);
    expect("default probing_rate", parameters.probing_rate, 1);
    expect("parameters are right", mcoap_parameters_check(&parameters), -1);
    size_t size = mcoap_endpoint_size(&parameters);
    mcoap_endpoint *endpoint = NULL;
    expect("init", mcoap_endpoint_init(gc_alloc(size, 0), size, &parameters, entropy, MCOAP_SEED_LEN, &endpoint), MCOAP_OK);
    return endpoint;
}

// Seven words of arguments: the last is on the stack.
static void check_request(mcoap_endpoint *client, mcoap_endpoint *server) {
    static const uint8_t path[] = "abi/%41", payload[] = "payload";
    expect("begin", mcoap_exchange_begin(client, 0, 2, token, sizeof(token), entropy, sizeof(entropy)), MCOAP_OK);
    expect("path", mcoap_draft_add(client, MCOAP_PART_PATH, path, sizeof(path) - 1), MCOAP_OK);
    expect("format", mcoap_draft_uint(client, MCOAP_OPTION_CONTENT_FORMAT, 50), MCOAP_OK);
    expect("payload", mcoap_draft_add(client, MCOAP_PART_PAYLOAD, payload, sizeof(payload) - 1), MCOAP_OK);
    mcoap_handle exchange = 0;
    size_t len = 0;
    uint16_t message_id = 0;
    expect("send", mcoap_exchange_send(client, 77, server_address, sizeof(server_address), &exchange, &len, &message_id), MCOAP_OK);
    // Header, token, options Uri-Path twice and Content-Format, marker, payload.
    expect("message length", len, 4 + sizeof(token) + 4 + 2 + 2 + 1 + sizeof(payload) - 1);

    mcoap_datagram datagram;
    expect("transmit", mcoap_endpoint_poll_transmit(client, &datagram), MCOAP_OK);
    expect("datagram's length", datagram.data_len, len);
    expect("datagram's peer length", datagram.peer_len, sizeof(server_address));
    expect("datagram's peer", memcmp(datagram.peer, server_address, sizeof(server_address)), 0);
    expect("datagram's exchange", datagram.exchange, exchange);
    const uint8_t head[] = { 0x40 | sizeof(token), 2, message_id >> 8, message_id & 255 };
    expect("datagram's head", memcmp(datagram.data, head, sizeof(head)), 0);

    expect("table", mcoap_resource_memory(server, gc_alloc(256, 0), 256), MCOAP_OK);
    mcoap_resource resource = { .number = 0x89abcdef, .methods = 0x7f };
    expect("resource", mcoap_resource_add(server, path, sizeof(path) - 1, &resource), MCOAP_OK);
    mcoap_event event;
    uint8_t data[64];
    expect("datagram fits", datagram.data_len <= sizeof(data), true);
    memcpy(data, datagram.data, datagram.data_len);
    expect("handle", mcoap_endpoint_handle_datagram(server, 0xfffffff0, client_address, sizeof(client_address), data,
        datagram.data_len, false, &event), MCOAP_OK);
    expect("event's kind", event.kind, MCOAP_EVENT_REQUEST);
    expect("event's type", event.message_type, 0);
    expect("event's code", event.code, 2);
    expect("event's message id", event.message_id, message_id);
    expect("event's format", event.content_format, 50);
    expect("event's resource", event.resource, 0x89abcdef);
    expect("event's peer", event.peer_len == sizeof(client_address) && memcmp(event.peer, client_address, event.peer_len) == 0, true);
    expect("event's token", event.token_len == sizeof(token) && memcmp(event.token, token, event.token_len) == 0, true);
    expect("event's options", event.options_len, 4 + 2 + 2);
    expect("event's payload", event.payload_len == sizeof(payload) - 1 && memcmp(event.payload, payload, event.payload_len) == 0, true);

    mcoap_handle request = 0;
    expect("find", mcoap_incoming_find(server, client_address, sizeof(client_address), message_id, NULL, 0, &request), MCOAP_OK);
    expect("found", request, event.handle);
    expect("knows peer", mcoap_endpoint_knows_peer(server, client_address, sizeof(client_address)), true);
    expect("knows no other", mcoap_endpoint_knows_peer(server, server_address, sizeof(server_address)), false);
}

static void check_engine(void) {
    mcoap_endpoint *client = new_endpoint(), *server = new_endpoint();
    if (client == NULL || server == NULL) {
        return;
    }
    check_request(client, server);
    mcoap_stats stats;
    mcoap_endpoint_stats(client, &stats);
    expect("stats sent", stats.counters.sent, 1);
    expect("stats received", stats.counters.received, 0);
    expect("stats exchanges", stats.exchanges_in_use, 1);
    mcoap_endpoint_stats(server, &stats);
    expect("stats received by the server", stats.counters.received, 1);
    expect("stats requests", stats.requests_in_use, 1);
    uint32_t wait = 0;
    expect("timeout", mcoap_endpoint_poll_timeout(client, 77, &wait), MCOAP_OK);
    // RFC 7252 section 4.2: the first is between ACK_TIMEOUT and ACK_TIMEOUT * ACK_RANDOM_FACTOR.
    expect("timeout's time", wait >= 2000 && wait <= 3000, true);
    // Negative results are not cut.
    expect("bad argument", mcoap_exchange_begin(NULL, 0, 2, token, sizeof(token), entropy, sizeof(entropy)) < 0, true);
    expect("bad argument on the stack", mcoap_exchange_begin(client, 0, 2, token, sizeof(token), entropy, 0) < 0, true);
}

// (number of checks, number of failures), after a line for each failure.
static mp_obj_t check(void) {
    checks = failures = 0;
    check_windows();
    check_variable_arguments();
    check_wide_arithmetic();
    check_engine();
    mp_obj_t counts[] = { MP_OBJ_NEW_SMALL_INT(checks), MP_OBJ_NEW_SMALL_INT(failures) };
    return mp_obj_new_tuple(2, counts);
}
static MP_DEFINE_CONST_FUN_OBJ_0(check_obj, check);

static const mp_rom_map_elem_t globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_abi) },
    { MP_ROM_QSTR(MP_QSTR_check), MP_ROM_PTR(&check_obj) },
};
static MP_DEFINE_CONST_DICT(globals, globals_table);

const mp_obj_module_t abi_module = { .base = { &mp_type_module }, .globals = (mp_obj_dict_t *)&globals };
MP_REGISTER_MODULE(MP_QSTR_abi, abi_module);
