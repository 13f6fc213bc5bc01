// SPDX-License-Identifier: MIT
//
// The modern layer: objects for requests, observations, resources and what is awaited. shim.h has what it shares with
// the classic layer.
#ifndef MICROCOAPY_MODERN_H
#define MICROCOAPY_MODERN_H

#include "shim.h"
#include "security.h"

// dispatch.c: what an event means; coap_obj_t has the pointer.
bool microcoapy_dispatch(coap_obj_t *self, const mcoap_event *event, const peer_t *peer, dispatch_t when);
// serve.c: what a request means. True if a handler has run.
bool microcoapy_serve_event(coap_obj_t *self, const mcoap_event *event, const peer_t *peer);
// paths.c: a handler with settings of its own: a Resource, or one of the classic layer that understands options.
typedef struct {
    mp_obj_base_t base;  // of a type whose call is microcoapy_handler_call
    mp_obj_t callback;   // MP_OBJ_NULL: a Resource that has decorated nothing yet
    #if MICROCOAPY_MODERN
    coap_obj_t *coap;    // from here to attributes: of a Resource
    mp_obj_t path;
    mp_obj_t attributes; // dict, of its link
    #endif
    #if MICROCOAPY_OSCORE
    mp_obj_t security;   // as the program gave it; MP_OBJ_NULL: none is needed
    #endif
    mcoap_resource settings;
} handler_obj_t;
mp_obj_t microcoapy_handler_call(mp_obj_t self_in, size_t n_args, size_t n_kw, const mp_obj_t *args);
// A handler of the classic layer, with the numbers that understands= names.
mp_obj_t microcoapy_handler(mp_obj_t callback, mp_obj_t understands);
// paths.c: serves a path, with or without a leading slash. argument: what a malformed one was given as.
void microcoapy_path_add(coap_obj_t *self, mp_obj_t path, mp_obj_t handler, qstr argument);

#if MICROCOAPY_MODERN
// ---- body.c: bodies, part by part ---------------------------------------------------------------

// Where the bytes of a body come from: a bytes-like object, a str, a stream with readinto or read, or an iterator.
typedef struct {
    mp_obj_t object; // MP_OBJ_NULL: there is no body
    mp_obj_t view;   // of the buffer, for readinto
    mp_obj_t chunk;  // what an iterator gave last
    uint8_t *buffer; // of streams and iterators: what has been read from offset on
    size_t size;
    size_t filled;
    size_t chunk_used;
    uint32_t offset; // of the buffer in the body
    uint8_t kind;
    bool ended; // nothing comes behind the buffer
    bool busy;  // it is being read, or reading has failed
} source_t;

// TypeError if the object cannot be a body.
void microcoapy_source_init(source_t *source, mp_obj_t object, qstr argument);
// Bytes of the whole body, or MCOAP_UNKNOWN.
uint32_t microcoapy_source_total(const source_t *source);
// Reads ahead what microcoapy_source_part will want: may run Python code. False: the body cannot go back to there, or is
// being read already, further out on the stack.
bool microcoapy_source_prepare(source_t *source, uint32_t offset, size_t len);
// At most len bytes of the body, and whether it goes on after them; what was read ahead must hold them.
const uint8_t *microcoapy_source_part(const source_t *source, uint32_t offset, size_t *len, bool *more);

// Where the bytes of a body go: kept, to write(), or to writeblocks() in whole blocks of the device.
typedef struct {
    mp_obj_t target; // MP_OBJ_NULL: kept
    mp_obj_t view;   // of the buffer, for write
    vstr_t buffer;   // what is kept, or not written yet
    uint32_t total;  // bytes so far, those before the start included
    uint32_t unit;   // bytes of a block of the device
    uint8_t kind;
    bool busy; // it is being written to, or writing has failed
} sink_t;

// TypeError if the object takes no bytes. start: bytes of the body that the target has already.
void microcoapy_sink_init(sink_t *sink, mp_obj_t target, uint32_t start, qstr argument);
// Forgets everything from the start on. False: the target cannot go back.
bool microcoapy_sink_restart(sink_t *sink, uint32_t start);
// OSError(EBUSY) while it is being written to, further out on the stack.
void microcoapy_sink_write(sink_t *sink, const uint8_t *data, size_t len);
// After the last byte: the bytes, if they were kept; else the target.
mp_obj_t microcoapy_sink_finish(sink_t *sink);

// A body of which more blocks may come, or be asked for. serve.c has more of each.
typedef struct _body_t {
    struct _body_t *next; // in the list of the endpoint
    mcoap_handle handle;
    bool incoming;
} body_t;

#if MICROCOAPY_BLOCK
body_t *microcoapy_body_find(coap_obj_t *self, mcoap_handle handle, bool incoming);
void microcoapy_body_drop(coap_obj_t *self, const body_t *gone);
#endif
// Forgets bodies whose next block will not come.
void microcoapy_prune_bodies(coap_obj_t *self);

// ---- answering.c: tasks that answer requests -----------------------------------------------------

// The task will answer the request.
void microcoapy_answering_begin(coap_obj_t *self, mcoap_handle request, mp_obj_t task);
// It is over, or cancelled: the task, or MP_OBJ_NULL.
mp_obj_t microcoapy_answering_end(coap_obj_t *self, mcoap_handle request);
// Cancels those whose request nobody waits for any more.
void microcoapy_cancel_expired(coap_obj_t *self);

// ---- message.c: Response and Request -----------------------------------------------------------

typedef struct _message_obj_t {
    incoming_obj_t incoming;
    mp_obj_t sender; // (ip, port)
    mp_obj_t body;     // what was given as into
    #if MICROCOAPY_OSCORE
    mp_obj_t security; // the SecurityContext that has protected it, or None
    #endif
    mp_obj_t etag;     // from here to location: of a Response that a program makes; MP_OBJ_NULL: as the options say
    mp_obj_t max_age;
    mp_obj_t location;
} message_obj_t;

extern const mp_obj_type_t microcoapy_response_type;
extern const mp_obj_type_t microcoapy_request_type;
extern const mp_obj_type_t microcoapy_error_type;

message_obj_t *microcoapy_message_new(const mp_obj_type_t *type, const mcoap_event *event, mp_obj_t sender);

// ---- async.c: what tasks wait for ---------------------------------------------------------------

// What drives an endpoint in an event loop.
typedef struct _driver_t {
    mp_obj_t queue; // of the event loop that the tasks belong to
    mp_obj_t io_task;
    mp_obj_t timer_task;
    uint32_t timer_at;
    struct _answering_t *answering; // answering.c
    bool timer_armed;
} driver_t;

typedef struct _waiter_t {
    mp_obj_base_t base;
    coap_obj_t *coap;
    struct _waiter_t *next; // in the list of the endpoint, while it is under way
    void (*give_up)(struct _waiter_t *); // when its task is cancelled
    mp_obj_t task;          // the one that waits, or MP_OBJ_NULL
    mp_obj_t result;        // MP_OBJ_NULL while it is under way
    bool failed;            // the result is an exception
    bool linked;
} waiter_t;

void microcoapy_waiter_init(
    waiter_t *waiter, const mp_obj_type_t *type, coap_obj_t *coap, void (*give_up)(waiter_t *));
// It is under way from now on.
void microcoapy_waiter_begin(waiter_t *waiter);
// Ends it, with a result or an exception; wakes the task.
void microcoapy_waiter_end(waiter_t *waiter, mp_obj_t result, bool failed);
// Wakes the task that waits, if there is one.
void microcoapy_waiter_wake(waiter_t *waiter);
// Suspends the current task until the waiter is woken. For iternext, which returns None after it.
void microcoapy_waiter_suspend(waiter_t *waiter);
// What iternext of a waiter that is over returns or raises.
mp_obj_t microcoapy_waiter_result(waiter_t *waiter);
mp_obj_t microcoapy_waiter_iternext(mp_obj_t self);
// The methods that asyncio wants of an awaitable; tables/waiter.h has the names.
MP_DECLARE_CONST_FUN_OBJ_2(microcoapy_waiter_send_obj);
MP_DECLARE_CONST_FUN_OBJ_VAR_BETWEEN(microcoapy_waiter_throw_obj);
MP_DECLARE_CONST_FUN_OBJ_1(microcoapy_waiter_close_obj);
MP_DECLARE_CONST_FUN_OBJ_2(microcoapy_waiter_remove_obj);

// Whether an event loop runs here.
bool microcoapy_in_loop(void);
// RuntimeError if one runs here: what is waited for may be the work of a task that could not run meanwhile.
void microcoapy_must_not_block(void);
// A task that stands in for the current one while a coroutine runs where no event loop does. None is needed where nobody
// has imported asyncio.
typedef struct {
    mp_obj_t task; // MP_OBJ_NULL: none
    mp_obj_t outer;
} stand_in_t;
void microcoapy_stand_in_begin(stand_in_t *stand_in);
// Takes it out of the queue that it waits in. A method of the program's may be called for that, and raise.
void microcoapy_stand_in_end(stand_in_t *stand_in);
// An attribute of asyncio.core.
mp_obj_t microcoapy_core(qstr name);
// Something is under way from now on: where an event loop runs, it is driven without anybody awaiting it.
void microcoapy_async_begin(coap_obj_t *self);
// Brings the tasks that drive the endpoint in line with what is under way. To be called after everything that changes
// timers.
void microcoapy_async_update(coap_obj_t *self);
// An awaitable that is over at once.
mp_obj_t microcoapy_ready(mp_obj_t value);
extern const mp_stream_p_t microcoapy_coap_stream;
extern const mp_obj_fun_builtin_fixed_t microcoapy_serve_obj;

// ---- exchange.c: Exchange and Observation -------------------------------------------------------

typedef struct _exchange_obj_t {
    waiter_t waiter;
    mcoap_handle handle; // 0: over
    mp_obj_t callback;   // of an observation, or None
    mp_obj_t progress;   // or None
    mp_obj_t queue;      // of an observation: list of responses that nobody has taken yet
    mp_obj_t etag;       // of the body that comes
    source_t source;     // the request's body
    sink_t sink;         // the response's
    uint32_t sent;       // bytes of the request's body that have been handed over
    uint32_t size;       // bytes of the response's body, or MCOAP_UNKNOWN
    uint8_t unconsumed;
    bool is_classic; // a request of the classic layer, whose response comes block by block
} exchange_obj_t;

extern const mp_obj_type_t microcoapy_exchange_type;
extern const mp_obj_type_t microcoapy_observation_type;

exchange_obj_t *microcoapy_exchange_find(coap_obj_t *self, mcoap_handle handle);
// What an event means to an exchange. True if a program has been told something.
bool microcoapy_exchange_event(exchange_obj_t *exchange, const mcoap_event *event, const peer_t *peer);
// Whether an event may call what the program gave: a callback, a stream.
bool microcoapy_exchange_runs_program(const exchange_obj_t *exchange);
exchange_obj_t *microcoapy_exchange_new(coap_obj_t *self, bool observation);
// Ends an exchange with an exception or None; the peer of an observation is told if tell is set.
void microcoapy_exchange_abandon(exchange_obj_t *exchange, mp_obj_t error, bool tell);
// Ends everything that is under way.
void microcoapy_end_all(coap_obj_t *self);

// ---- request.c: the methods that send requests --------------------------------------------------

// A request whose destination is a URI: true, and what its method returns.
bool microcoapy_is_uri(mp_obj_t value);
mp_obj_t microcoapy_request_uri(coap_obj_t *self, uint8_t code, size_t n_args, size_t n_kw, const mp_obj_t *args);
// The code of a method: a number, or its name.
uint8_t microcoapy_method_code(mp_obj_t method);
extern const mp_obj_fun_builtin_var_t microcoapy_request_obj;
extern const mp_obj_fun_builtin_var_t microcoapy_observe_obj;
extern const mp_obj_fun_builtin_var_t microcoapy_secure_obj;

// A GET of /.well-known/core with these Uri-Query values. host: a URI, an address as text, or (ip, port). timeout_ms: 0
// for none. A group's responses are queued as those of an observation.
mp_obj_t microcoapy_request_links(coap_obj_t *self, mp_obj_t host, mp_obj_t filter, uint32_t timeout_ms, bool group);
// Whether the host of a URI, or an address as text, is a group.
bool microcoapy_is_group(mp_obj_t host);

// ---- discover.c ----------------------------------------------------------------------------------

extern const mp_obj_type_t microcoapy_link_type;
extern const mp_obj_fun_builtin_var_t microcoapy_discover_obj;
extern const mp_obj_fun_builtin_var_t microcoapy_links_obj;

// ---- resource.c and paths.c: what is served -----------------------------------------------------

typedef struct _resource_obj_t {
    handler_obj_t handler;
    mp_obj_t etag; // bytes, None, or a function of the request; MP_OBJ_NULL: nothing is known
    mp_obj_t into; // a function of the request, or MP_OBJ_NULL
    mp_obj_t value; // bytes or str that answer a GET without a function, or MP_OBJ_NULL
    int32_t format; // that the link names, or MCOAP_CONTENT_FORMAT_NONE
} resource_obj_t;

// An ETag made of a representation's bytes.
mp_obj_t microcoapy_fingerprint(const uint8_t *data, size_t len);

// Bytes of the longest body there may be, RFC 7959 section 2.2: 2^20 blocks of 1024.
#define BODY_MAX (1 << 30)

extern const mp_obj_type_t microcoapy_resource_type;
extern const mp_obj_fun_builtin_var_t microcoapy_resource_obj;

// The number of a handler's path in the engine's table. False: it is not served.
bool microcoapy_path_number(coap_obj_t *self, mp_obj_t handler, uint32_t *number);

// ---- serve.c: answering requests -----------------------------------------------------------------

// What a program of the classic layer answers, in blocks if it is long. len: bytes of the message.
mcoap_result microcoapy_answer_classic(
    coap_obj_t *self, mcoap_handle request, uint8_t type, uint8_t code, const options_t *options, int32_t format, mp_obj_t payload,
    size_t *len);

#else // nothing is ever under way, and nothing waits

static inline void microcoapy_end_all(coap_obj_t *self) {
    (void)self;
}

static inline void microcoapy_async_update(coap_obj_t *self) {
    (void)self;
}

static inline void microcoapy_must_not_block(void) {
}

static inline void microcoapy_prune_bodies(coap_obj_t *self) {
    (void)self;
}

static inline void microcoapy_cancel_expired(coap_obj_t *self) {
    (void)self;
}
#endif

#endif // MICROCOAPY_MODERN_H
