// SPDX-License-Identifier: MIT
//
// Answering requests with what handlers give: plain functions, coroutines, bodies that come or go block by block.
//
// A handler that is no Resource is one of the classic layer: it gets a packet, and answers with sendResponse().

#include <string.h>

#include "py/objgenerator.h"
#include "modern.h"
#include "protocol.h"

// A handler that is no Resource.
static void call_classic(mp_obj_t handler, incoming_obj_t *incoming) {
    mp_obj_t args[3] = { MP_OBJ_FROM_PTR(incoming), incoming->address[0], incoming->address[1] };
    mp_call_function_n_kw(handler, 3, 0, args);
}

static void send_code(coap_obj_t *self, mcoap_handle request, uint8_t code) {
    size_t len;
    mcoap_handle body;
    if (mcoap_response_begin(self->endpoint, request, TYPE_CON, code) == MCOAP_OK) {
        mcoap_response_send(self->endpoint, microcoapy_now(), &len, &body);
    }
}

#if MICROCOAPY_MODERN

// What a handler has said.
typedef struct {
    options_t options;
    mp_obj_t location; // or None
    source_t source;   // the payload
    int32_t format;    // or MCOAP_CONTENT_FORMAT_NONE
    uint8_t type; // of a separate response
    uint8_t code;
} reply_t;

// A body of which more blocks may come, or be asked for.
typedef struct {
    body_t head;
    sink_t sink;   // incoming
    reply_t reply; // outgoing
} body_obj_t;

struct _handler_run_t;

// A request until it is answered.
typedef struct {
    coap_obj_t *coap;
    mcoap_handle handle;
    uint32_t offset;          // of the part of the response that is asked for
    message_obj_t *message;
    resource_obj_t *resource; // NULL: a classic handler
    struct _handler_run_t *run; // or NULL: the handler is a generator, to be run here
    bool later;               // a task will answer
} pending_t;

// ---- bodies under way --------------------------------------------------------------------------

#if MICROCOAPY_BLOCK
static body_obj_t *body_new(coap_obj_t *self, mcoap_handle handle, bool incoming) {
    body_obj_t *body = m_new0(body_obj_t, 1);
    body->head.handle = handle;
    body->head.incoming = incoming;
    body->head.next = self->bodies;
    self->bodies = &body->head;
    return body;
}

static body_obj_t *body_find(coap_obj_t *self, mcoap_handle handle, bool incoming) {
    return (body_obj_t *)microcoapy_body_find(self, handle, incoming);
}
#endif

// ---- replies -----------------------------------------------------------------------------------

static mcoap_result write_reply(
    coap_obj_t *self, mcoap_handle request, const reply_t *reply, size_t *message_len, mcoap_handle *body) {
    mcoap_result result = mcoap_response_begin(self->endpoint, request, reply->type, reply->code);
    if (result == MCOAP_OK) {
        result = microcoapy_options_add(self, &reply->options);
    }
    if (result == MCOAP_OK && reply->format != MCOAP_CONTENT_FORMAT_NONE) {
        result = mcoap_draft_uint(self->endpoint, MCOAP_OPTION_CONTENT_FORMAT, reply->format);
    }
    if (result == MCOAP_OK && reply->location != mp_const_none) {
        size_t len;
        const char *text = mp_obj_str_get_data(reply->location, &len);
        result = mcoap_draft_add(self->endpoint, MCOAP_PART_LOCATION, microcoapy_engine_bytes(text, len), len);
    }
    if (result == MCOAP_OK && reply->source.object != MP_OBJ_NULL) {
        uint32_t offset, most;
        result = mcoap_draft_body(self->endpoint, microcoapy_source_total(&reply->source), 0, &offset, &most);
        size_t len = most;
        bool more = false;
        if (result == MCOAP_OK) {
            const uint8_t *data = microcoapy_source_part(&reply->source, offset, &len, &more);
            result = mcoap_draft_block(self->endpoint, data, len, more);
        }
    }
    return result == MCOAP_OK ? mcoap_response_send(self->endpoint, microcoapy_now(), message_len, body) : result;
}

// The body goes on: what is left of it is kept for later requests.
static void keep_body(coap_obj_t *self, mcoap_handle body, const reply_t *reply) {
    #if MICROCOAPY_BLOCK
    body_obj_t *known = body_find(self, body, false);
    if (body == 0) {
        return;
    }
    if (known == NULL) {
        microcoapy_prune_bodies(self);
        known = body_new(self, body, false);
    }
    if (&known->reply != reply) {
        known->reply = *reply;
    }
    #else
    (void)self;
    (void)body;
    (void)reply;
    #endif
}

// Sends the part of the reply that is asked for. False: its body cannot go back to there.
static bool send_reply(const pending_t *pending, reply_t *reply) {
    coap_obj_t *self = pending->coap;
    mcoap_handle body = 0;
    if (!microcoapy_source_prepare(&reply->source, pending->offset, mcoap_endpoint_block_size(self->endpoint))) {
        return false;
    }
    size_t len;
    mcoap_result result = write_reply(self, pending->handle, reply, &len, &body);
    if (result == MCOAP_ERR_RANGE) {
        send_code(self, pending->handle, MCOAP_CODE_BAD_REQUEST);
    } else if (result != MCOAP_OK && result != MCOAP_ERR_STALE && result != MCOAP_ERR_NO_SLOT) {
        // What the handler gave cannot be sent: that is its failure.
        microcoapy_raise(result);
    }
    keep_body(self, body, reply);
    return true;
}

static uint8_t method_of(const pending_t *pending) {
    return MP_OBJ_SMALL_INT_VALUE(pending->message->incoming.packet.method);
}

// ---- from a handler's result to a reply --------------------------------------------------------

static void reply_init(reply_t *reply, const pending_t *pending) {
    memset(reply, 0, sizeof(*reply));
    reply->location = mp_const_none;
    reply->format = MCOAP_CONTENT_FORMAT_NONE;
    reply->type = TYPE_CON;
    reply->code = mcoap_default_code(method_of(pending));
}

// The format of a representation that comes without one: that which the resource's link names, or text.
static int32_t format_of(const resource_obj_t *resource, mp_obj_t payload) {
    bool is_text = resource->format == MCOAP_CONTENT_FORMAT_NONE && microcoapy_is_str(payload);
    return is_text ? FORMAT_TEXT : resource->format;
}

// ETag of the resource's state now: None if there is no state, MP_OBJ_NULL if nothing is known.
static mp_obj_t current_etag(const pending_t *pending) {
    mp_obj_t etag = pending->resource->etag;
    if (etag != MP_OBJ_NULL && mp_obj_is_callable(etag)) {
        etag = mp_call_function_1(etag, MP_OBJ_FROM_PTR(pending->message));
    }
    return etag;
}

static const uint8_t *request_options(const pending_t *pending, size_t *len) {
    *len = pending->message->incoming.packet.options_len;
    return pending->message->incoming.packet.raw_options;
}

// What the handler's result says; everything but the payload goes into the reply.
static mp_obj_t take_result(reply_t *reply, mp_obj_t result, mp_obj_t *code, mp_obj_t *format, mp_obj_t *etag) {
    size_t len;
    mp_obj_t *items;
    if (mp_obj_is_type(result, &microcoapy_response_type)) {
        message_obj_t *response = MP_OBJ_TO_PTR(result);
        *code = response->incoming.packet.method;
        if (response->incoming.packet.content_format != MP_OBJ_NEW_SMALL_INT(MCOAP_CONTENT_FORMAT_NONE)) {
            *format = response->incoming.packet.content_format;
        }
        *etag = response->etag;
        microcoapy_options_append(&reply->options, OPTION_MAX_AGE, response->max_age, MP_QSTR_max_age);
        if (response->location != MP_OBJ_NULL) {
            microcoapy_str_arg(response->location, MP_QSTR_location);
            reply->location = response->location;
        }
        microcoapy_options_collect(&reply->options, response->incoming.packet.options);
        return response->incoming.packet.payload;
    }
    if (mp_obj_is_type(result, &mp_type_tuple)) {
        mp_obj_get_array(result, &len, &items);
        if (len < 1 || len > 3) {
            microcoapy_bad_value(MP_QSTR_handler);
        }
        *code = items[0];
        *format = len > 2 ? items[2] : mp_const_none;
        return len > 1 ? items[1] : mp_const_none;
    }
    if (mp_obj_is_small_int(result)) {
        *code = result;
        return mp_const_none;
    }
    return result;
}

// Whether a body of that length goes in blocks.
static bool has_blocks(coap_obj_t *self, uint32_t total) {
    return MICROCOAPY_BLOCK && total != MCOAP_UNKNOWN && total > mcoap_endpoint_block_size(self->endpoint);
}

// RFC 7959 section 2.4: blocks of one representation must be known by the same ETag.
static mp_obj_t fingerprint_of(const source_t *source, uint32_t total) {
    size_t len = total;
    bool more;
    const uint8_t *data = microcoapy_source_part(source, 0, &len, &more);
    return microcoapy_fingerprint(data, len);
}

static void reply_from_result(reply_t *reply, const pending_t *pending, mp_obj_t result, mp_obj_t etag) {
    mp_obj_t code = mp_const_none, format = mp_const_none, own_etag = MP_OBJ_NULL;
    mp_obj_t payload = take_result(reply, result, &code, &format, &own_etag);
    if (code != mp_const_none) {
        reply->code = microcoapy_int_arg(code, MP_QSTR_code, 0, UINT8_MAX);
    }
    microcoapy_source_init(&reply->source, payload, MP_QSTR_payload);
    uint32_t total = microcoapy_source_total(&reply->source);
    bool is_content = reply->code == MCOAP_CODE_CONTENT;
    bool has_format = CODE_CLASS(reply->code) == CODE_CLASS_SUCCESS && (is_content || total != 0);
    if (format != mp_const_none) {
        reply->format = microcoapy_int_arg(format, MP_QSTR_content_format, 0, UINT16_MAX);
    } else if (payload != mp_const_none && has_format) {
        reply->format = format_of(pending->resource, payload);
    }
    if (own_etag != MP_OBJ_NULL) {
        etag = own_etag;
    }
    mp_buffer_info_t tag = { NULL, 0, 0 };
    if (is_content) {
        microcoapy_bytes_arg(etag, MP_QSTR_etag, &tag);
    }
    if (is_content && tag.len == 0 && has_blocks(pending->coap, total)) {
        etag = fingerprint_of(&reply->source, total);
        microcoapy_bytes_arg(etag, MP_QSTR_etag, &tag);
    }
    size_t options_len;
    const uint8_t *options = request_options(pending, &options_len);
    uint8_t wanted = mcoap_response_condition(
        method_of(pending), options, options_len, reply->code, tag.buf, tag.len);
    if (tag.len != 0) {
        microcoapy_options_append(&reply->options, OPTION_ETAG, mp_obj_new_bytes(tag.buf, tag.len), MP_QSTR_etag);
    }
    if (wanted != reply->code) {
        reply->code = wanted;
        reply->format = MCOAP_CONTENT_FORMAT_NONE;
        reply->source.object = MP_OBJ_NULL;
    }
}

#if MICROCOAPY_BLOCK
mcoap_result microcoapy_answer_classic(
    coap_obj_t *self, mcoap_handle request, uint8_t type, uint8_t code, const options_t *options, int32_t format, mp_obj_t payload,
    size_t *len) {
    reply_t reply;
    memset(&reply, 0, sizeof(reply));
    reply.options = *options;
    reply.location = mp_const_none;
    reply.format = format;
    reply.type = type;
    reply.code = code;
    microcoapy_source_init(&reply.source, payload, MP_QSTR_payload);
    uint32_t total = microcoapy_source_total(&reply.source);
    if (has_blocks(self, total)) {
        if (!microcoapy_is_str(payload) && !mp_obj_is_type(payload, &mp_type_bytes)) {
            // It may change before its last block is asked for.
            mp_buffer_info_t buffer;
            mp_get_buffer_raise(payload, &buffer, MP_BUFFER_READ);
            reply.source.object = mp_obj_new_bytes(buffer.buf, buffer.len);
        }
        if (code == MCOAP_CODE_CONTENT) {
            microcoapy_options_append(&reply.options, OPTION_ETAG, fingerprint_of(&reply.source, total), MP_QSTR_etag);
        }
    }
    mcoap_handle body = 0;
    mcoap_result result = write_reply(self, request, &reply, len, &body);
    keep_body(self, body, &reply);
    return result;
}
#endif

// ---- stored values -----------------------------------------------------------------------------

// A stored value answers a GET, as long as it has its own ETag.
static bool is_stored(mp_obj_t handler, const mcoap_event *event) {
    if (handler == MP_OBJ_NULL || !mp_obj_is_type(handler, &microcoapy_resource_type) || event->code != METHOD_GET) {
        return false;
    }
    const resource_obj_t *resource = MP_OBJ_TO_PTR(handler);
    bool is_whole = event->kind == MCOAP_EVENT_DOWNLOAD || (event->kind == MCOAP_EVENT_REQUEST && event->body == 0);
    return resource->value != MP_OBJ_NULL && mp_obj_is_type(resource->etag, &mp_type_bytes) && is_whole;
}

// No Python code runs, nothing is allocated, and no block of a longer value is kept. Never inlined: what it keeps on the
// stack is no part of answering an exception.
static MP_NOINLINE void serve_stored(coap_obj_t *self, const resource_obj_t *resource, const mcoap_event *event) {
    size_t tag_len;
    const uint8_t *tag = (const uint8_t *)mp_obj_str_get_data(resource->etag, &tag_len);
    uint8_t code = mcoap_incoming_condition(METHOD_GET, event->options, event->options_len, true, tag, tag_len);
    if (code == 0) {
        code = mcoap_response_condition(
            METHOD_GET, event->options, event->options_len, MCOAP_CODE_CONTENT, tag, tag_len);
    }
    mp_obj_t etag[2] = { MP_OBJ_NEW_SMALL_INT(OPTION_ETAG), resource->etag };
    reply_t reply = { .options = { .pairs = etag, .count = 1, .alloc = 1 }, .location = mp_const_none, .code = code };
    reply.format = MCOAP_CONTENT_FORMAT_NONE;
    if (code == MCOAP_CODE_CONTENT) {
        microcoapy_source_init(&reply.source, resource->value, MP_QSTR_value);
        reply.format = format_of(resource, resource->value);
    }
    size_t len;
    mcoap_handle body;
    mcoap_result result = write_reply(self, event->handle, &reply, &len, &body);
    if (result != MCOAP_OK) {
        bool is_past = result == MCOAP_ERR_RANGE;
        send_code(self, event->handle, is_past ? MCOAP_CODE_BAD_REQUEST : MCOAP_CODE_INTERNAL_SERVER_ERROR);
    }
}

// ---- errors ------------------------------------------------------------------------------------

// What answers an exception: its code and text if it is a CoapError, else 5.00. Gives whether it is a CoapError.
static bool reply_from_exception(reply_t *reply, const pending_t *pending, mp_obj_t exception) {
    mp_buffer_info_t text = { NULL, 0, 0 };
    bool is_answer = mp_obj_exception_match(exception, MP_OBJ_FROM_PTR(&microcoapy_error_type));
    if (is_answer) {
        mp_obj_t args = mp_load_attr(exception, MP_QSTR_args);
        size_t len;
        mp_obj_t *items;
        mp_obj_get_array(args, &len, &items);
        if (len != 0 && mp_obj_is_small_int(items[0]) && MP_OBJ_SMALL_INT_VALUE(items[0]) <= UINT8_MAX) {
            reply->code = MP_OBJ_SMALL_INT_VALUE(items[0]);
        }
        // The text is no part of a body of which a later block is asked for.
        if (len > 1 && (pending->offset != 0 || !mp_get_buffer(items[1], &text, MP_BUFFER_READ))) {
            text.len = 0;
        }
    }
    if (text.len != 0) {
        size_t options_len;
        const uint8_t *options = request_options(pending, &options_len);
        vstr_t payload;
        vstr_init_len(&payload, text.len + MCOAP_DIAGNOSTIC_OVERHEAD);
        payload.len = mcoap_diagnostic(options, options_len, microcoapy_engine_bytes(text.buf, text.len), text.len,
            (uint8_t *)payload.buf, payload.len, &reply->format);
        microcoapy_source_init(&reply->source, mp_obj_new_bytes_from_vstr(&payload), MP_QSTR_payload);
    }
    return is_answer;
}

// Where there is no memory for what the exception says: 5.00, which needs none. Its own frame, which is gone when the
// answer is written.
static MP_NOINLINE bool try_reply_from_exception(reply_t *reply, const pending_t *pending, mp_obj_t exception) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        bool is_answer = reply_from_exception(reply, pending, exception);
        nlr_pop();
        return is_answer;
    }
    reply->code = MCOAP_CODE_INTERNAL_SERVER_ERROR;
    reply->format = MCOAP_CONTENT_FORMAT_NONE;
    return false;
}

// Answers an exception; gives whether it is to be shown.
static MP_NOINLINE bool answer_exception(const pending_t *pending, mp_obj_t exception) {
    reply_t reply = { .type = TYPE_CON, .code = MCOAP_CODE_INTERNAL_SERVER_ERROR, .location = mp_const_none };
    reply.format = MCOAP_CONTENT_FORMAT_NONE;
    bool is_answer = try_reply_from_exception(&reply, pending, exception);
    mcoap_handle body;
    size_t len;
    if (write_reply(pending->coap, pending->handle, &reply, &len, &body) != MCOAP_OK) {
        send_code(pending->coap, pending->handle, MCOAP_CODE_INTERNAL_SERVER_ERROR);
    }
    return !is_answer;
}

// Answers an exception of a handler; raises it again if it is none that a server survives.
static void fail(const pending_t *pending, mp_obj_t exception) {
    bool survives = mp_obj_exception_match(exception, MP_OBJ_FROM_PTR(&mp_type_Exception));
    if (answer_exception(pending, exception) && survives) {
        microcoapy_show(exception);
    }
    microcoapy_flush(pending->coap, 0);
    if (!survives) {
        nlr_raise(exception);
    }
}

static void reply_with(const pending_t *pending, mp_obj_t result, mp_obj_t etag) {
    reply_t reply;
    reply_init(&reply, pending);
    reply_from_result(&reply, pending, result, etag);
    send_reply(pending, &reply);
}

// ---- coroutines and generators -----------------------------------------------------------------

// Both are generators to MicroPython. What the first step gives tells them apart: bytes are a body's, None is asyncio's.
typedef struct _handler_run_t {
    mp_obj_base_t base;
    pending_t pending;
    mp_obj_t generator;
    mp_obj_t etag;
} handler_run_t;

static void reply_with_generator(handler_run_t *run, mp_obj_t first_chunk) {
    reply_t reply;
    reply_init(&reply, &run->pending);
    reply_from_result(&reply, &run->pending, run->generator, run->etag);
    reply.source.chunk = first_chunk;
    send_reply(&run->pending, &reply);
}

// One step of the generator; alone: no event loop runs. Its own frame, so that none of these is on the stack when an error
// is answered.
static MP_NOINLINE mp_vm_return_kind_t resume(
    handler_run_t *run, mp_obj_t value, mp_obj_t exception, bool alone, mp_obj_t *result) {
    stand_in_t stand_in = { .task = MP_OBJ_NULL };
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        if (alone) {
            microcoapy_stand_in_begin(&stand_in);
        }
        // It raises when what the generator waits for is an object of C.
        mp_vm_return_kind_t kind = mp_resume(run->generator, value, exception, result);
        microcoapy_stand_in_end(&stand_in);
        nlr_pop();
        return kind;
    }
    microcoapy_stand_in_end(&stand_in);
    *result = MP_OBJ_FROM_PTR(nlr.ret_val);
    return MP_VM_RETURN_EXCEPTION;
}

static const mp_obj_type_t handler_run_type;

// Answers with what the generator has given; the exception that came of it, or NULL.
static MP_NOINLINE void *try_reply(handler_run_t *run, mp_vm_return_kind_t kind, mp_obj_t result) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        return nlr.ret_val;
    }
    if (kind == MP_VM_RETURN_YIELD) {
        reply_with_generator(run, result);
    } else {
        reply_with(&run->pending, result, run->etag);
    }
    nlr_pop();
    return NULL;
}

// Whether it waits for something, and has yielded that.
static bool waits(mp_vm_return_kind_t kind, mp_obj_t result) {
    mp_buffer_info_t chunk;
    return kind == MP_VM_RETURN_YIELD && !mp_get_buffer(result, &chunk, MP_BUFFER_READ);
}

// Answers with what the last step has given.
static void finish(handler_run_t *run, mp_vm_return_kind_t kind, mp_obj_t result) {
    microcoapy_answering_end(run->pending.coap, run->pending.handle);
    void *error = kind == MP_VM_RETURN_EXCEPTION ? MP_OBJ_TO_PTR(result) : try_reply(run, kind, result);
    if (error != NULL) {
        fail(&run->pending, MP_OBJ_FROM_PTR(error));
    }
    microcoapy_flush(run->pending.coap, 0);
    microcoapy_async_update(run->pending.coap);
}

static mp_obj_t task_step(handler_run_t *run, mp_obj_t value, mp_obj_t exception) {
    mp_obj_t result;
    mp_vm_return_kind_t kind = resume(run, value, exception, false, &result);
    if (waits(kind, result)) {
        return result;
    }
    finish(run, kind, result);
    mp_raise_StopIteration(MP_OBJ_NULL);
}

// The only step where no event loop runs. A coroutine that waits is closed.
static MP_NOINLINE mp_vm_return_kind_t resume_alone(handler_run_t *run, mp_obj_t *result) {
    mp_vm_return_kind_t kind = resume(run, mp_const_none, MP_OBJ_NULL, true, result);
    if (waits(kind, *result)) {
        resume(run, MP_OBJ_NULL, MP_OBJ_FROM_PTR(&mp_const_GeneratorExit_obj), true, result);
        kind = MP_VM_RETURN_EXCEPTION;
        *result = mp_obj_new_exception_msg(
            &mp_type_RuntimeError, MP_ERROR_TEXT("coroutine without event loop: use serve() or run()"));
    }
    return kind;
}

static mp_obj_t handler_run_send(mp_obj_t self_in, mp_obj_t value) {
    return task_step(MP_OBJ_TO_PTR(self_in), value, MP_OBJ_NULL);
}
static MP_DEFINE_CONST_FUN_OBJ_2(handler_run_send_obj, handler_run_send);

static mp_obj_t handler_run_throw(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    return task_step(MP_OBJ_TO_PTR(args[0]), MP_OBJ_NULL, mp_make_raise_obj(args[1]));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(handler_run_throw_obj, 2, 4, handler_run_throw);

static void run_generator(pending_t *pending, mp_obj_t generator, mp_obj_t etag) {
    handler_run_t *run = mp_obj_malloc(handler_run_t, &handler_run_type);
    run->pending = *pending;
    run->generator = generator;
    run->etag = etag;
    if (microcoapy_in_loop()) {
        mp_obj_t task = mp_call_function_1(microcoapy_core(MP_QSTR_create_task), MP_OBJ_FROM_PTR(run));
        microcoapy_async_begin(pending->coap);
        microcoapy_answering_begin(pending->coap, pending->handle, task);
        pending->later = true;
        return;
    }
    pending->run = run;
}

// ---- handlers ----------------------------------------------------------------------------------

// What a Resource answers: its stored value, or what its handler says.
static mp_obj_t state_of(const pending_t *pending) {
    const resource_obj_t *resource = pending->resource;
    if (resource->value != MP_OBJ_NULL && method_of(pending) == METHOD_GET) {
        return resource->value; // with an ETag of the program's
    }
    if (resource->handler.callback == MP_OBJ_NULL) {
        return MP_OBJ_NEW_SMALL_INT(CODE_METHOD_NOT_ALLOWED);
    }
    return mp_call_function_1(resource->handler.callback, MP_OBJ_FROM_PTR(pending->message));
}

// Runs a Resource's handler.
static void run_handler(pending_t *pending) {
    mp_obj_t etag = current_etag(pending);
    mp_buffer_info_t tag = { NULL, 0, 0 };
    if (etag != mp_const_none) {
        microcoapy_bytes_arg(etag, MP_QSTR_etag, &tag);
    }
    size_t options_len;
    const uint8_t *options = request_options(pending, &options_len);
    // Where no state is known, the conditions are the handler's, if it understands them.
    uint8_t refusal = etag == MP_OBJ_NULL ? 0 : mcoap_incoming_condition(method_of(pending), options, options_len,
        etag != mp_const_none, tag.len == 0 ? NULL : tag.buf, tag.len);
    if (refusal != 0) {
        reply_t reply;
        reply_init(&reply, pending);
        reply.code = refusal;
        if (tag.len != 0) {
            microcoapy_options_append(&reply.options, OPTION_ETAG, etag, MP_QSTR_etag);
        }
        send_reply(pending, &reply);
        return;
    }
    mp_obj_t result = state_of(pending);
    // The handler may have changed the state.
    if (etag != MP_OBJ_NULL) {
        etag = current_etag(pending);
    }
    if (mp_obj_is_type(result, &mp_type_gen_instance)) {
        run_generator(pending, result, etag);
    } else {
        reply_with(pending, result, etag);
    }
}

#if MICROCOAPY_BLOCK
// Where the body of a request goes that comes in one piece or in many.
static void begin_sink(sink_t *sink, const pending_t *pending) {
    mp_obj_t target = MP_OBJ_NULL;
    if (pending->resource != NULL && pending->resource->into != MP_OBJ_NULL) {
        target = mp_call_function_1(pending->resource->into, MP_OBJ_FROM_PTR(pending->message));
    }
    microcoapy_sink_init(sink, target, 0, MP_QSTR_into);
}

static void write_payload(sink_t *sink, const message_obj_t *message) {
    size_t len;
    const char *data = mp_obj_str_get_data(message->incoming.packet.payload, &len);
    microcoapy_sink_write(sink, (const uint8_t *)data, len);
}

static void finish_sink(sink_t *sink, message_obj_t *message) {
    mp_obj_t body = microcoapy_sink_finish(sink);
    if (sink->target == MP_OBJ_NULL) {
        message->incoming.packet.payload = body;
    } else {
        message->incoming.packet.payload = mp_const_empty_bytes;
        message->body = body;
    }
}

// Whether requests with this method have a body, which may be empty: RFC 7252 section 5.8, RFC 8132.
static bool has_body(uint8_t method) {
    return method != METHOD_GET && method != METHOD_DELETE;
}

// The body of a request that is complete now. False: its beginning is lost.
static bool complete_body(const pending_t *pending, const mcoap_event *event) {
    coap_obj_t *self = pending->coap;
    size_t len;
    mp_obj_str_get_data(pending->message->incoming.packet.payload, &len);
    if (event->body != 0) {
        body_obj_t *body = body_find(self, event->body, true);
        if (body == NULL) {
            return false;
        }
        microcoapy_body_drop(self, &body->head);
        write_payload(&body->sink, pending->message);
        finish_sink(&body->sink, pending->message);
    } else if ((len != 0 || has_body(method_of(pending))) && pending->resource != NULL
               && pending->resource->into != MP_OBJ_NULL) {
        sink_t sink;
        begin_sink(&sink, pending);
        write_payload(&sink, pending->message);
        finish_sink(&sink, pending->message);
    }
    return true;
}

// A block of a request's body that is not the last.
static void take_upload(const pending_t *pending, const mcoap_event *event) {
    coap_obj_t *self = pending->coap;
    body_obj_t *body = body_find(self, event->body, true);
    if (event->offset == 0) {
        if (body != NULL) {
            microcoapy_body_drop(self, &body->head);
        }
        microcoapy_prune_bodies(self);
        body = body_new(self, event->body, true);
        begin_sink(&body->sink, pending);
    }
    if (body == NULL) {
        send_code(self, pending->handle, MCOAP_CODE_INCOMPLETE);
        return;
    }
    write_payload(&body->sink, pending->message);
    mcoap_incoming_continue(self->endpoint, microcoapy_now(), pending->handle);
}
#endif

static void answer(pending_t *pending, const mcoap_event *event, mp_obj_t handler) {
    #if MICROCOAPY_BLOCK
    coap_obj_t *self = pending->coap;
    if (event->kind == MCOAP_EVENT_UPLOAD) {
        take_upload(pending, event);
        return;
    }
    body_obj_t *body = event->kind == MCOAP_EVENT_DOWNLOAD ? body_find(self, event->body, false) : NULL;
    if (body != NULL) {
        if (send_reply(pending, &body->reply)) {
            microcoapy_prune_bodies(self);
            return;
        }
        // A body that cannot go back: the handler is asked for it again.
        microcoapy_body_drop(self, &body->head);
    }
    if (event->kind == MCOAP_EVENT_DOWNLOAD && mcoap_default_code(method_of(pending)) != MCOAP_CODE_CONTENT) {
        // But not for what has effects.
        send_code(self, pending->handle, MCOAP_CODE_INCOMPLETE);
        return;
    }
    if (event->kind == MCOAP_EVENT_REQUEST && !complete_body(pending, event)) {
        send_code(self, pending->handle, MCOAP_CODE_INCOMPLETE);
        return;
    }
    #endif
    if (pending->resource != NULL) {
        run_handler(pending);
    } else {
        call_classic(handler, &pending->message->incoming);
    }
}

// The exception that came of it, or NULL; a stored value is left to the caller, with a resource and no message. Never
// inlined: what it leaves in pending must be in memory when an exception ends it.
static MP_NOINLINE void *try_answer(pending_t *pending, const mcoap_event *event, const peer_t *peer) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        return nlr.ret_val;
    }
    mp_obj_t handler = microcoapy_path_handler(pending->coap, event->resource);
    if (is_stored(handler, event)) {
        pending->resource = MP_OBJ_TO_PTR(handler);
        nlr_pop();
        return NULL;
    }
    if (handler == MP_OBJ_NULL) {
        send_code(pending->coap, pending->handle, MCOAP_CODE_NOT_FOUND); // taken away since
        nlr_pop();
        return NULL;
    }
    bool is_resource = mp_obj_is_type(handler, &microcoapy_resource_type);
    pending->resource = is_resource ? MP_OBJ_TO_PTR(handler) : NULL;
    pending->message =
        microcoapy_message_new(is_resource ? &microcoapy_request_type : &microcoapy_packet_type, event, mp_const_none);
    pending->message->sender = microcoapy_peer_to_object(pending->coap, peer);
    #if MICROCOAPY_OSCORE
    pending->message->security = microcoapy_security_of(pending->coap, event->security);
    #endif
    microcoapy_peer_to_pair(pending->coap, peer, pending->message->incoming.address);
    pending->message->incoming.handle = pending->handle;
    pending->coap->handled = &pending->message->incoming;
    answer(pending, event, handler);
    nlr_pop();
    return NULL;
}

bool microcoapy_serve_event(coap_obj_t *self, const mcoap_event *event, const peer_t *peer) {
    mcoap_handle request = event->handle;
    bool is_part = event->kind != MCOAP_EVENT_REQUEST;
    pending_t pending = { .coap = self, .handle = request };
    pending.offset = event->kind == MCOAP_EVENT_DOWNLOAD ? event->offset : 0;
    incoming_obj_t *outer = self->handled;
    void *exception = try_answer(&pending, event, peer);
    self->handled = outer;
    bool is_stored = exception == NULL && pending.resource != NULL && pending.message == NULL;
    if (is_stored) {
        serve_stored(self, pending.resource, event);
    }
    if (exception == NULL && pending.run != NULL) {
        mp_obj_t result;
        mp_vm_return_kind_t kind = resume_alone(pending.run, &result);
        finish(pending.run, kind, result);
    }
    if (exception != NULL && pending.resource != NULL && pending.message != NULL) {
        bool survives = mp_obj_exception_match(MP_OBJ_FROM_PTR(exception), MP_OBJ_FROM_PTR(&mp_type_Exception));
        if (answer_exception(&pending, MP_OBJ_FROM_PTR(exception)) && survives) {
            microcoapy_show(MP_OBJ_FROM_PTR(exception));
        }
        exception = survives ? NULL : exception;
    } else if (exception != NULL) {
        send_code(self, request, MCOAP_CODE_INTERNAL_SERVER_ERROR);
    }
    // A task answers later: the Empty ACK is sent when it is due.
    if (!pending.later) {
        mcoap_incoming_release(self->endpoint, request);
    }
    microcoapy_flush(self, 0);
    if (exception != NULL) {
        // The client has heard of it before the program does.
        nlr_jump(exception);
    }
    return !is_part && !is_stored;
}

#include "tables/serve.h"

#else // the classic layer alone

static void run_handler(coap_obj_t *self, const mcoap_event *event, const peer_t *peer) {
    mp_obj_t handler = microcoapy_path_handler(self, event->resource);
    if (handler == MP_OBJ_NULL) {
        send_code(self, event->handle, MCOAP_CODE_NOT_FOUND); // taken away since
        return;
    }
    incoming_obj_t *incoming = microcoapy_packet_new(sizeof(incoming_obj_t), &microcoapy_packet_type, event);
    incoming->handle = event->handle;
    microcoapy_peer_to_pair(self, peer, incoming->address);
    self->handled = incoming;
    call_classic(handler, incoming);
}

// What the handler raises, or NULL.
static MP_NOINLINE void *serve(coap_obj_t *self, const mcoap_event *event, const peer_t *peer) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        run_handler(self, event, peer);
        nlr_pop();
        return NULL;
    }
    return nlr.ret_val;
}

bool microcoapy_serve_event(coap_obj_t *self, const mcoap_event *event, const peer_t *peer) {
    mcoap_handle request = event->handle;
    incoming_obj_t *outer = self->handled;
    void *exception = serve(self, event, peer);
    if (exception != NULL) {
        send_code(self, request, MCOAP_CODE_INTERNAL_SERVER_ERROR);
    }
    self->handled = outer;
    mcoap_incoming_release(self->endpoint, request);
    microcoapy_flush(self, 0);
    if (exception != NULL) {
        // The client has heard of it before the program does.
        nlr_jump(exception);
    }
    return true;
}

#endif
