// SPDX-License-Identifier: MIT
//
// What the files of the shim share. The shim owns Python objects, sockets, the clock, entropy and
// exceptions (port.h); every protocol decision is made behind include/microcoapy.h.
#ifndef MICROCOAPY_SHIM_H
#define MICROCOAPY_SHIM_H

#include <string.h>

#include "py/runtime.h"
#include "py/stream.h"

#include "port.h"

// Parts that a build may leave out; micropython.mk and micropython.cmake pass what is set. tools/features.sh has the
// same rule for the engine: everything, but without the modern layer nothing.
#ifndef MICROCOAPY_MODERN
#define MICROCOAPY_MODERN (1)
#endif
#ifndef MICROCOAPY_OBSERVE
#define MICROCOAPY_OBSERVE MICROCOAPY_MODERN
#endif
#ifndef MICROCOAPY_BLOCK
#define MICROCOAPY_BLOCK MICROCOAPY_MODERN
#endif
#ifndef MICROCOAPY_DISCOVERY
#define MICROCOAPY_DISCOVERY MICROCOAPY_MODERN
#endif
// coaps: where the port has mbedtls, with what DTLS and its cookies need.
#if !defined(MICROCOAPY_DTLS) && MICROCOAPY_MODERN && MICROPY_SSL_MBEDTLS && !MICROCOAPY_URANDOM \
    && __has_include("mbedtls/version.h")
#include "mbedtls/version.h"
#if defined(MBEDTLS_SSL_PROTO_DTLS) && defined(MBEDTLS_SSL_COOKIE_C) && defined(MBEDTLS_SSL_DTLS_HELLO_VERIFY) \
    && defined(MBEDTLS_X509_CRT_PARSE_C) && defined(MBEDTLS_KEY_EXCHANGE_PSK_ENABLED) && defined(MBEDTLS_CTR_DRBG_C)
#define MICROCOAPY_DTLS (1)
#endif
#endif
#ifndef MICROCOAPY_DTLS
#define MICROCOAPY_DTLS (0)
#endif
#ifndef MICROCOAPY_OSCORE
#define MICROCOAPY_OSCORE MICROCOAPY_BLOCK
#endif
// Modules coap_macros, coap_packet and coap_option, as programs import them that have the original library's files in
// one folder. 0 leaves the names to others.
#ifndef MICROCOAPY_FLAT_NAMES
#define MICROCOAPY_FLAT_NAMES (1)
#endif
#if !MICROCOAPY_MODERN && (MICROCOAPY_OBSERVE || MICROCOAPY_BLOCK || MICROCOAPY_DISCOVERY)
#error "Observe, block-wise transfer and discovery need MICROCOAPY_MODERN=1"
#endif
#if MICROCOAPY_OSCORE && !MICROCOAPY_BLOCK
#error "OSCORE needs MICROCOAPY_BLOCK=1, with which comes Echo"
#endif

// RFC 7252 section 12.8
#define COAP_DEFAULT_PORT (5683)

// An engine's peer address: opaque bytes that compare equal when the peers are the same.
typedef struct {
    uint8_t len;
    uint8_t bytes[MCOAP_PEER_MAX];
} peer_t;

static inline bool microcoapy_same_peer(const peer_t *one, const peer_t *other) {
    return one->len == other->len && memcmp(one->bytes, other->bytes, one->len) == 0;
}

// Of an IP peer: the first byte is 4 or 6; four or sixteen bytes of address are behind it, then the port.
#define PEER_FAMILY(peer) ((peer)->bytes[0])
// Instead, where a custom socket has addresses of its own.
#define PEER_FAMILY_OBJECT (0)
#define PEER_ADDRESS(peer) (&(peer)->bytes[1])

struct _link_type_t;
struct _waiter_t;
struct _driver_t;
struct _body_t;
struct _news_t;
struct _incoming_obj_t;
struct _coap_obj_t;

// When a program is to hear of an event.
typedef enum {
    DISPATCH_NOW,
    DISPATCH_TELL_LATER, // poll() calls its callbacks
    DISPATCH_RUN_LATER,  // and whatever else of it the event runs
} dispatch_t;

typedef struct _coap_obj_t {
    mp_obj_base_t base;
    void *block;              // the one GC block: the engine's state, then the receive buffer
    mcoap_endpoint *endpoint; // inside block
    uint8_t *rx;              // inside block; rx_len bytes
    mp_obj_t response_callback; // from here to sock: as in coap.c's attr_names
    mp_obj_t error_callback;
    mp_obj_t discard_retransmissions;
    mp_obj_t debug;     // True or False
    mp_obj_t is_server; // True or False
    mp_obj_t sock;      // or None
    #if MICROCOAPY_DISCOVERY
    mp_obj_t group_sock; // link_stream.c: what is sent to a group, or None
    #endif
    mp_obj_t callbacks;         // dict of path to handler; MP_OBJ_NULL until first used
    mp_obj_t *resource_paths;   // keys of callbacks as the engine's table has them; index = resource number
    uint8_t *resource_memory;   // the engine's table of paths
    mp_obj_t addresses;         // list of addresses that are no IP address; MP_OBJ_NULL until first used
    struct _waiter_t *waiters;  // what is under way in the modern layer
    struct _driver_t *driver;   // async.c; NULL until something is awaited
    struct _incoming_obj_t *handled; // the request whose handler runs, or NULL
    struct _body_t *bodies;     // that come or go block by block
    struct _news_t *news;       // what a sending call has taken in: for poll(), oldest first
    struct _news_t *news_room;  // for the next of them, or NULL
    #if MICROCOAPY_OSCORE
    mp_obj_t securities; // security.c: list of contexts; MP_OBJ_NULL until first used
    mp_obj_t secured;    // security.c: dict of peer, as bytes, to context; MP_OBJ_NULL until first used
    #endif
    #if MICROCOAPY_DTLS
    mp_obj_t dtls; // dtls.c: its sessions; MP_OBJ_NULL without DTLS
    #endif
    mp_obj_t own;               // dict of the program's own attributes; MP_OBJ_NULL until first used
    #if MICROCOAPY_URANDOM
    entropy_t entropy;
    #endif
    const struct _link_type_t *link; // link.h; NULL: closed
    // What an event means: true if something was handled. The pump knows nothing of what is above it.
    bool (*dispatch)(struct _coap_obj_t *self, const mcoap_event *event, const peer_t *peer, dispatch_t when);
    uint32_t max_body;  // bytes of the longest body that is kept
    union {
        int fd; // link_fd.c
        const mp_stream_p_t *stream; // link_stream.c
    } by;
    uint32_t now;          // pump.c: the clock, as it was read last
    uint32_t news_dropped; // responses and errors that nobody was told of, as nobody polled
    uint16_t rx_len;
    uint16_t resource_count : 15; // of resource_paths
    uint16_t paths_changed : 1;   // the engine's table is to be made anew
    uint16_t start_port; // what start() binds unless told otherwise
    uint16_t bound_port; // while a socket of ours is open
    uint8_t family;      // link_fd.c: 4 or 6, as in an engine's peer address
    uint8_t timers_deferred;
    bool awaits; // the socket blocks, for LINK_SLICE_MS at most
    bool own_socket;
    bool port_given; // to the constructor
    bool joined;     // a group
    bool flat_sendto; // custom socket whose sendto takes (data, ip, port)
    bool tells_readiness; // the socket has an ioctl, and that has not failed
    peer_t last_peer;   // whom a custom socket's bare bytes come from
    peer_t sender_peer; // whom sender is
    mp_obj_t sender;    // (ip, port) of the IP peer that was named last; MP_OBJ_NULL: none
} coap_obj_t;

// Whether all of it goes by DTLS. A constant where there is none, so that what depends on it is not compiled in.
#if MICROCOAPY_DTLS
#define microcoapy_speaks_dtls(self) ((self)->dtls != MP_OBJ_NULL)
#else
#define microcoapy_speaks_dtls(self) (false)
#endif

typedef struct _packet_obj_t {
    mp_obj_base_t base;
    mp_obj_t version;
    mp_obj_t type;
    mp_obj_t method;
    mp_obj_t token;       // MP_OBJ_NULL: not yet made from token_bytes
    mp_obj_t payload;
    mp_obj_t messageid;
    mp_obj_t content_format;
    mp_obj_t query;       // MP_OBJ_NULL: not yet made from raw_options
    mp_obj_t options;     // MP_OBJ_NULL: not yet made from raw_options
    mp_obj_t own;         // dict of the program's own attributes; MP_OBJ_NULL until first used
    const uint8_t *token_bytes;
    const uint8_t *raw_options; // as received; at the end of the object
    uint16_t options_len;
    uint8_t token_len;
} packet_obj_t;

// A packet, and the request that it is if it is one to us, with the address as its handler is given it.
typedef struct _incoming_obj_t {
    packet_obj_t packet;
    mcoap_handle handle;
    mp_obj_t address[2];
} incoming_obj_t;

extern const mp_obj_type_t microcoapy_coap_type;
extern const mp_obj_type_t microcoapy_packet_type;
extern const mp_obj_type_t microcoapy_option_type;
extern const mp_obj_type_t microcoapy_code_type;

// constants.c
typedef struct {
    mp_obj_base_t base;
    qstr_short_t name;
    uint16_t count;
    uint32_t constant[];
} constant_class_t;
extern const constant_class_t microcoapy_state_class;
extern const constant_class_t microcoapy_message_type_class;
extern const constant_class_t microcoapy_request_method_class;
extern const constant_class_t microcoapy_response_code_class;
extern const constant_class_t microcoapy_option_number_class;
extern const constant_class_t microcoapy_content_format_class;
extern const constant_class_t microcoapy_version_class;

// arguments.c
// Arguments by position and by name: value[i] is what was given for names[i], or MP_OBJ_NULL. Raises TypeError for what
// does not fit the shape.
#define SHAPE(count, required, positional) ((count) | (required) << 8 | (positional) << 16)
#define SHAPE_COUNT(shape) ((shape) & 0xff)
#define SHAPE_REQUIRED(shape) ((shape) >> 8 & 0xff)
#define SHAPE_POSITIONAL(shape) ((shape) >> 16) // the others by name only
#define SHAPE_COUNT_MAX (20)
void microcoapy_parse(
    const qstr_short_t *names, uint32_t shape, mp_obj_t *value, size_t n_args, size_t n_kw, const mp_obj_t *args);
mp_int_t microcoapy_int_arg(mp_obj_t value, qstr argument, mp_int_t min, mp_int_t max);
static inline bool microcoapy_is_given(mp_obj_t value) {
    return value != MP_OBJ_NULL && value != mp_const_none;
}
bool microcoapy_is_str(mp_obj_t value);
void microcoapy_str_arg(mp_obj_t value, qstr argument);
mp_int_t microcoapy_port_arg(mp_obj_t value);
// The items of a tuple or list; false for anything else.
bool microcoapy_items(mp_obj_t value, size_t *len, mp_obj_t **items);
#if MICROCOAPY_MODERN
// The same, or the value itself, as one.
void microcoapy_one_or_more(mp_obj_t *value, size_t *len, mp_obj_t **items);
#endif
// Bytes of a str, a bytes-like object, or None or MP_OBJ_NULL (none at all). The object must outlive their use.
void microcoapy_bytes_arg(mp_obj_t value, qstr argument, mp_buffer_info_t *out);
// The same bytes where the engine can read them: itself, or a copy on the heap (MICROCOAPY_WORD_FLASH).
const void *microcoapy_engine_bytes(const void *data, size_t len);

// address.c
// An (ip, port) pair as a program gives it. False if it names nobody that can be reached.
bool microcoapy_peer_from_args(coap_obj_t *self, mp_obj_t ip, mp_int_t port, peer_t *out);
// The peer that an IP literal names. False: it is none.
bool microcoapy_literal_peer(mp_obj_t ip, mp_int_t port, peer_t *out);
// Whether the socket can send to such an address at all.
bool microcoapy_peer_reachable(coap_obj_t *self, const peer_t *peer);
// The module socket.
mp_obj_t microcoapy_socket_module(void);
// The first address, in the port's own form, that the port's resolver knows for a name.
// family: 0 for any.
mp_obj_t microcoapy_resolve(mp_obj_t host, mp_int_t port, int family);
// The address object that came with a datagram.
void microcoapy_peer_from_object(coap_obj_t *self, mp_obj_t address, peer_t *out);
// What the socket object's sendto takes, and what callbacks get: (ip, port), or the object itself.
mp_obj_t microcoapy_peer_to_object(coap_obj_t *self, const peer_t *peer);
// The same as the two arguments of a request handler.
void microcoapy_peer_to_pair(coap_obj_t *self, const peer_t *peer, mp_obj_t pair[2]);
// The peer at the address that a name has, for links whose names the port's resolver knows. family: 0 for any.
bool microcoapy_peer_resolve(coap_obj_t *self, mp_obj_t name, mp_int_t port, int family, peer_t *out);

// slots.c
// Where a name is in a list; count if it is not.
size_t microcoapy_name_index(const qstr_short_t *names, size_t count, qstr name);
// Calls a method with up to two arguments. MP_OBJ_NULL if there is no such method.
mp_obj_t microcoapy_call_maybe(mp_obj_t object, qstr name, size_t n_args, mp_obj_t a, mp_obj_t b);
// The same; AttributeError if there is none.
mp_obj_t microcoapy_call(mp_obj_t object, qstr name, size_t n_args, mp_obj_t a, mp_obj_t b);
// Attributes that a program gives an object: kept in a dict that is made for the first. False: there is none of that name.
bool microcoapy_own_attr(mp_obj_t *dict, qstr attr, mp_obj_t *dest);
// What a type's attribute handler does where slots[i] is the attribute names[i]. False: there is none of that name.
bool microcoapy_slot_attr(const qstr_short_t *names, size_t count, mp_obj_t *slots, qstr attr, mp_obj_t *dest);

// packet.c
// An object of so many bytes that begins with a packet_obj_t; what is behind that is 0.
void *microcoapy_packet_new(size_t size, const mp_obj_type_t *type, const mcoap_event *event);
mp_obj_t microcoapy_packet_from_event(const mcoap_event *event);
void microcoapy_packet_attr(mp_obj_t self, qstr attr, mp_obj_t *dest);

// options.c: pairs of number and bytes
typedef struct {
    mp_obj_t *pairs;
    size_t count;
    size_t alloc;
} options_t;
// The value of an option that is a number, in as few bytes as it needs, RFC 7252 section 3.2.
mp_obj_t microcoapy_uint_value(mp_obj_t value, qstr argument, mp_int_t max);
// One option for each value: a number, bytes or str, or a list of these; True for an empty one, None or False for none.
void microcoapy_options_append(options_t *options, mp_int_t number, mp_obj_t value, qstr argument);
// A list of objects with number and buffer, or of pairs (number, value).
void microcoapy_options_collect(options_t *options, mp_obj_t given);
// Numbers of critical options that a program deals with itself, 0 for none: understands=.
typedef uint16_t understood_t[MCOAP_UNDERSTOOD];
void microcoapy_understood_arg(understood_t understood, mp_obj_t given);
void microcoapy_understood_add(understood_t understood, mp_int_t number);
mcoap_result microcoapy_understood_draft(coap_obj_t *self, const understood_t understood);
// Adds them to the draft.
mcoap_result microcoapy_options_add(coap_obj_t *self, const options_t *options);

// paths.c
mp_obj_t microcoapy_callbacks(coap_obj_t *self);
// Brings the engine's table of paths in line with the dict of handlers, which the program may edit.
void microcoapy_paths_sync(coap_obj_t *self);
// The path with this number, its handler, or MP_OBJ_NULL. Numbers change when paths come or go.
mp_obj_t microcoapy_path_of(coap_obj_t *self, uint32_t number);
mp_obj_t microcoapy_path_handler(coap_obj_t *self, uint32_t number);
// The number of a path, or one that none has.
uint32_t microcoapy_path_find(coap_obj_t *self, mp_obj_t path);

// pump.c
// Sends all that the engine has to send. False if the first transmission of the exchange
// with this handle (0: of none) could not be sent.
bool microcoapy_flush(coap_obj_t *self, mcoap_handle exchange);
// The clock is read where the pump is entered, and after Python code has run; the next two take it as it was read last.
void microcoapy_read_clock(coap_obj_t *self);
// What is due now, and what that has to send.
void microcoapy_run_timers(coap_obj_t *self);
// Before something is sent: takes in what has arrived. What the program is to be told of it waits for poll().
void microcoapy_take_in(coap_obj_t *self);
// News: what a sending call has taken in, and the program has not been told yet.
typedef struct _news_t {
    struct _news_t *next;
    mp_obj_t what;      // a packet or an exception for a callback; MP_OBJ_NULL: the event is to be dispatched
    mp_obj_t sender;
    mp_obj_t path;      // that the event's request names, or MP_OBJ_NULL
    bool is_error;
    mcoap_event event; // what it lends is in the receive buffer, which nothing overwrites before it is dispatched
    peer_t peer;
} news_t;
// To be filled in. Where there are too many, the oldest gives way.
news_t *microcoapy_news_add(coap_obj_t *self);
// Or None.
static inline mp_obj_t microcoapy_callback_for(coap_obj_t *self, bool is_error) {
    return is_error ? self->error_callback : self->response_callback;
}
void microcoapy_call_back(coap_obj_t *self, bool is_error, mp_obj_t what, mp_obj_t sender);
// A datagram from elsewhere than a socket: true if a program was told of something.
bool microcoapy_feed(coap_obj_t *self, mp_obj_t data, mp_obj_t address);
// The next datagram that is to be sent, with its address; None if there is none.
mp_obj_t microcoapy_take(coap_obj_t *self);
// Milliseconds until the next timer is due.
uint32_t microcoapy_next_timer(coap_obj_t *self);
// Handles one message, or timers: true if a program has been told of something.
bool microcoapy_pass(coap_obj_t *self);
// Handles one message: true. False when the time is up (milliseconds; 0: one pass) or the endpoint was stopped. With
// done: handles messages until that is true.
#define PUMP_FOREVER (UINT32_MAX)
bool microcoapy_pump(coap_obj_t *self, uint32_t milliseconds, bool (*done)(void *), void *what);

// method.c: arguments of methods, and what else a message is made of.
enum {
    // Bytes. The first is no argument, but ip where that is text; it ends a method's list.
    ARG_HOST, ARG_END = ARG_HOST,
    ARG_URL,
    ARG_TOKEN, // from here to ARG_CONTENT_FORMAT: attributes of packets, too
    ARG_PAYLOAD,
    ARG_QUERY, ARG_BYTES_END,
    ARG_OPTIONS = ARG_BYTES_END, // no argument
    // Numbers
    ARG_TYPE, ARG_NUMBERS = ARG_TYPE,
    ARG_METHOD,
    ARG_MESSAGEID,
    ARG_CONTENT_FORMAT,
    ARG_PORT,
    ARG_OBSERVE, ARG_NUMBERS_END,
    ARG_IP = ARG_NUMBERS_END,
    ARG_PACKET,
    ARG_SOCK,
    ARG_CB,
    ARG_TIMEOUT,
    ARG_POLL_PERIOD,
    ARG_BLOCKING,
    ARG_UNDERSTANDS,
    #if MICROCOAPY_DISCOVERY
    ARG_GROUP,
    ARG_INTERFACE,
    #endif
    ARG_REQUEST_PACKET,
    #if MICROCOAPY_DTLS
    ARG_DTLS,
    #endif
    ARG_COUNT,
};
#define METHOD_ARGS_MAX (11) // that a method takes
typedef struct {
    mp_obj_base_t base;
    // arg: ARG_COUNT objects, MP_OBJ_NULL where nothing is given. NULL: a request of the modern layer only.
    mp_obj_t (*run)(coap_obj_t *self, mp_obj_t *arg);
    uint8_t type; // of requests: ARG_TYPE and ARG_METHOD unless given
    uint8_t code;
    uint8_t required; // so many of the arguments
    bool sends; // a request: what has arrived is taken in before
    uint8_t takes[]; // ARG_*, in the order of positions, then ARG_END
} method_obj_t;
extern const mp_obj_type_t microcoapy_method_type;
extern const qstr_short_t microcoapy_argument_names[ARG_COUNT];
#define METHOD(name, run, required, ...) \
    const method_obj_t name = { { &microcoapy_method_type }, run, 0, 0, required, false, { __VA_ARGS__, ARG_END } }
#define REQUEST_METHOD(name, run, type, code, required, ...) \
    const method_obj_t name = { { &microcoapy_method_type }, run, type, code, required, true, { __VA_ARGS__, ARG_END } }

// send.c: the methods of Coap that send.
extern const method_obj_t microcoapy_get_obj;
extern const method_obj_t microcoapy_get_non_obj;
extern const method_obj_t microcoapy_delete_obj;
extern const method_obj_t microcoapy_delete_non_obj;
extern const method_obj_t microcoapy_put_obj;
extern const method_obj_t microcoapy_put_non_obj;
extern const method_obj_t microcoapy_post_obj;
extern const method_obj_t microcoapy_post_non_obj;
extern const method_obj_t microcoapy_send_obj;
extern const method_obj_t microcoapy_send_ex_obj;
extern const method_obj_t microcoapy_send_packet_obj;
extern const method_obj_t microcoapy_send_response_obj;
extern const method_obj_t microcoapy_ping_obj;
#if MICROCOAPY_MODERN
extern const method_obj_t microcoapy_fetch_obj;
extern const method_obj_t microcoapy_patch_obj;
extern const method_obj_t microcoapy_ipatch_obj;
#endif

#endif // MICROCOAPY_SHIM_H
