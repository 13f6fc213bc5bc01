// SPDX-License-Identifier: MIT
//
// asyncio: what tasks wait for, and the two tasks per endpoint that drive it. Nothing here needs a task of the program's
// own: awaiting is enough.
//
// A waiter's iternext stores the current task in the waiter, and the waiter as the task's data, where task.cancel()
// looks for a method remove; then it returns None, and the task sleeps until it is pushed to the loop's queue again.
// The tasks that drive the endpoint are made once and never end. While nothing is under way they are parked, in no
// queue, their data being False. The io task waits for the socket by way of the endpoint, which is a stream for that
// reason; the timer task stands in the loop's queue with the engine's next deadline.
//
// Of asyncio this needs what has been the same from MicroPython 1.25 on: in asyncio.core cur_task, _task_queue (push,
// remove), _io_queue (queue_read, remove), Task (data), create_task and CancelledError.

#include <string.h>

#include "py/mperrno.h"
#include "py/objmodule.h"
#include "py/smallint.h"
#include "link.h"
#include "modern.h"

#if MICROCOAPY_MODERN

// Messages handled before other tasks get their turn.
#define MESSAGES_PER_RUN (32)
// How often a socket that cannot tell readiness is read.
#define UNREADY_STEP_MS (10)
// Further deadlines are looked at again after this time: asyncio's clock wraps after 12 days on 32-bit CPUs.
#define LONGEST_TIMER_MS (24 * 60 * 60 * 1000)

typedef struct {
    mp_obj_base_t base;
    coap_obj_t *coap;
    bool is_timer;
} driver_coro_t;

static const mp_obj_type_t driver_coro_type;
// Of the task that stands in where no event loop runs: over as soon as it is run.
static const driver_coro_t stand_in_coro = { .base = { &driver_coro_type } };
static const mp_obj_type_t serve_type;
static const mp_obj_type_t ready_type;

// ---- asyncio.core ------------------------------------------------------------------------------

// The globals of asyncio.core; NULL if nobody has imported it and it is not to be imported.
static mp_obj_dict_t *core(bool import) {
    // The dot keeps the build from making a string of it.
    qstr name = qstr_from_str("asyncio.core");
    mp_map_t *loaded = &MP_STATE_VM(mp_loaded_modules_dict).map;
    mp_map_elem_t *found = mp_map_lookup(loaded, MP_OBJ_NEW_QSTR(name), MP_MAP_LOOKUP);
    if (found == NULL && !import) {
        return NULL;
    }
    // With a tuple of names __import__ gives the submodule itself.
    mp_obj_t module = found != NULL ? found->value : mp_import_name(name, mp_const_empty_tuple, MP_OBJ_NEW_SMALL_INT(0));
    return mp_obj_module_get_globals(module);
}

mp_obj_t microcoapy_core(qstr name) {
    return mp_obj_dict_get(MP_OBJ_FROM_PTR(core(true)), MP_OBJ_NEW_QSTR(name));
}

static mp_obj_t cur_task(mp_obj_dict_t *globals) {
    mp_map_elem_t *found = mp_map_lookup(&globals->map, MP_OBJ_NEW_QSTR(MP_QSTR_cur_task), MP_MAP_LOOKUP);
    return found == NULL ? mp_const_none : found->value;
}

// None where no event loop runs.
static mp_obj_t current_task(void) {
    mp_obj_dict_t *globals = core(false);
    mp_obj_t task = globals == NULL ? mp_const_none : cur_task(globals);
    bool is_stand_in = task != mp_const_none && mp_load_attr(task, MP_QSTR_coro) == MP_OBJ_FROM_PTR(&stand_in_coro);
    return is_stand_in ? mp_const_none : task;
}

bool microcoapy_in_loop(void) {
    return current_task() != mp_const_none;
}

void microcoapy_must_not_block(void) {
    if (microcoapy_in_loop()) {
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("event loop is running: await it"));
    }
}

// What asyncio's awaitables do first is to put the current task into a queue; they do not look whether there is one.
void microcoapy_stand_in_begin(stand_in_t *stand_in) {
    mp_obj_dict_t *globals = core(false);
    if (globals != NULL) {
        stand_in->outer = cur_task(globals);
        stand_in->task = mp_call_function_1(microcoapy_core(MP_QSTR_Task), MP_OBJ_FROM_PTR(&stand_in_coro));
        mp_obj_dict_store(MP_OBJ_FROM_PTR(globals), MP_OBJ_NEW_QSTR(MP_QSTR_cur_task), stand_in->task);
    }
}

void microcoapy_stand_in_end(stand_in_t *stand_in) {
    mp_obj_t task = stand_in->task;
    if (task != MP_OBJ_NULL) {
        stand_in->task = MP_OBJ_NULL;
        mp_obj_dict_store(MP_OBJ_FROM_PTR(core(true)), MP_OBJ_NEW_QSTR(MP_QSTR_cur_task), stand_in->outer);
        // From the event loop's queue, or a task's, it runs, and ends. From others it must not be woken: a lock would be its.
        microcoapy_call_maybe(mp_load_attr(task, MP_QSTR_data), MP_QSTR_remove, 1, task, MP_OBJ_NULL);
    }
}

static bool is_parked(mp_obj_t task) {
    return mp_load_attr(task, MP_QSTR_data) == mp_const_false;
}

static void park(mp_obj_t task) {
    mp_store_attr(task, MP_QSTR_data, mp_const_false);
}

// ---- the tasks that drive an endpoint ----------------------------------------------------------

static mp_obj_t driver_task(coap_obj_t *self, bool is_timer) {
    driver_coro_t *coro = mp_obj_malloc(driver_coro_t, &driver_coro_type);
    coro->coap = self;
    coro->is_timer = is_timer;
    mp_obj_t args[2] = { MP_OBJ_FROM_PTR(coro), MP_OBJ_FROM_PTR(core(true)) };
    mp_obj_t task = mp_call_function_n_kw(microcoapy_core(MP_QSTR_Task), 2, 0, args);
    park(task);
    return task;
}

// The driver, if there is one for the event loop that is there now.
static driver_t *driver_of(coap_obj_t *self) {
    driver_t *driver = self->driver;
    mp_obj_dict_t *globals = driver == NULL ? NULL : core(false);
    return globals != NULL && microcoapy_core(MP_QSTR__task_queue) == driver->queue ? driver : NULL;
}

// Ends everything that is under way with an exception.
static void fail_all(coap_obj_t *self, mp_obj_t exception) {
    while (self->waiters != NULL) {
        microcoapy_waiter_end(self->waiters, exception, true);
    }
}

// asyncio.new_event_loop(): the tasks of the old loop will not run any more.
static void forget_tasks(coap_obj_t *self) {
    mp_obj_t error = mp_obj_new_exception_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("event loop replaced"));
    waiter_t *next;
    for (waiter_t *waiter = self->waiters; waiter != NULL; waiter = next) {
        next = waiter->next;
        // Who serves is one of them, even if cancelled and not run since.
        if (waiter->task != MP_OBJ_NULL || waiter->base.type == &serve_type) {
            waiter->task = MP_OBJ_NULL;
            microcoapy_waiter_end(waiter, error, true);
        }
    }
}

static driver_t *driver_make(coap_obj_t *self) {
    driver_t *driver = driver_of(self);
    if (driver != NULL) {
        return driver;
    }
    if (self->driver != NULL) {
        forget_tasks(self);
    }
    driver = m_new0(driver_t, 1);
    driver->queue = microcoapy_core(MP_QSTR__task_queue);
    driver->io_task = driver_task(self, false);
    driver->timer_task = driver_task(self, true);
    self->driver = driver;
    return driver;
}

// Also when nobody waits: an observation that was cancelled is still to be acknowledged.
static bool is_under_way(coap_obj_t *self) {
    return self->link != NULL && (self->waiters != NULL || mcoap_endpoint_is_busy(self->endpoint));
}

static void arm_timer(coap_obj_t *self, driver_t *driver) {
    uint32_t at = 0;
    bool wanted = is_under_way(self);
    if (wanted) {
        microcoapy_read_clock(self);
        uint32_t wait = MIN(microcoapy_next_timer(self), LONGEST_TIMER_MS);
        if (!self->tells_readiness && self->link->receive != NULL) {
            wait = MIN(wait, UNREADY_STEP_MS);
        }
        at = self->now + wait;
    }
    if (driver->timer_armed && (!wanted || at != driver->timer_at)) {
        driver->timer_armed = false;
        microcoapy_call(driver->queue, MP_QSTR_remove, 1, driver->timer_task, MP_OBJ_NULL);
        park(driver->timer_task);
    }
    if (wanted && !driver->timer_armed) {
        mp_obj_t ticks = MP_OBJ_NEW_SMALL_INT(at & (MICROPY_PY_TIME_TICKS_PERIOD - 1));
        microcoapy_call(driver->queue, MP_QSTR_push, 2, driver->timer_task, ticks);
        driver->timer_at = at;
        driver->timer_armed = true;
    }
}

void microcoapy_async_update(coap_obj_t *self) {
    driver_t *driver = driver_of(self);
    if (driver == NULL) {
        return;
    }
    arm_timer(self, driver);
    if (is_under_way(self)) {
        if (is_parked(driver->io_task) && self->tells_readiness) {
            // It runs soon, and then waits for the socket by itself.
            microcoapy_call(driver->queue, MP_QSTR_push, 1, driver->io_task, MP_OBJ_NULL);
        }
        return;
    }
    mp_obj_t io_queue = microcoapy_core(MP_QSTR__io_queue);
    if (mp_load_attr(driver->io_task, MP_QSTR_data) == io_queue) {
        microcoapy_call(io_queue, MP_QSTR_remove, 1, driver->io_task, MP_OBJ_NULL);
        park(driver->io_task);
    }
}

void microcoapy_async_begin(coap_obj_t *self) {
    if (microcoapy_in_loop() && self->link != NULL) {
        driver_make(self);
    }
    microcoapy_async_update(self);
}

// Handles messages; true when there may be more. What a callback of the classic layer raises is shown, as nobody else
// would: there is no call of poll() that it could come out of.
static bool run_messages(coap_obj_t *self) {
    for (unsigned i = 0; i < MESSAGES_PER_RUN; i++) {
        nlr_buf_t nlr;
        if (nlr_push(&nlr) == 0) {
            bool handled = self->link != NULL && microcoapy_pass(self);
            nlr_pop();
            if (!handled) {
                return false;
            }
            continue;
        }
        mp_obj_t exception = MP_OBJ_FROM_PTR(nlr.ret_val);
        if (!mp_obj_exception_match(exception, MP_OBJ_FROM_PTR(&mp_type_Exception))) {
            nlr_jump(nlr.ret_val);
        }
        if (self->link == NULL) {
            fail_all(self, exception);
            return false;
        }
        microcoapy_show(exception);
    }
    return true;
}

static mp_obj_t driver_run(driver_coro_t *coro) {
    coap_obj_t *self = coro->coap;
    driver_t *driver = self == NULL ? NULL : driver_of(self);
    mp_obj_t me = current_task();
    if (driver == NULL || me != (coro->is_timer ? driver->timer_task : driver->io_task)) {
        mp_raise_StopIteration(MP_OBJ_NULL); // a stand-in's, or of an event loop that was replaced
    }
    if (coro->is_timer) {
        driver->timer_armed = false;
    }
    park(me);
    bool more = false;
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        more = run_messages(self);
        nlr_pop();
        nlr.ret_val = NULL;
    }
    // Python code has run: the event loop may be another one.
    driver = driver_of(self);
    if (driver != NULL && is_under_way(self) && !coro->is_timer && is_parked(me) && self->tells_readiness) {
        if (more || nlr.ret_val != NULL) {
            microcoapy_call(driver->queue, MP_QSTR_push, 1, me, MP_OBJ_NULL);
        } else {
            microcoapy_call(microcoapy_core(MP_QSTR__io_queue), MP_QSTR_queue_read, 1, MP_OBJ_FROM_PTR(self), MP_OBJ_NULL);
        }
    }
    microcoapy_async_update(self);
    if (nlr.ret_val != NULL) {
        nlr_jump(nlr.ret_val); // KeyboardInterrupt and the like: the driver can go on after it
    }
    return mp_const_none;
}

static mp_obj_t driver_send(mp_obj_t self_in, mp_obj_t value) {
    (void)value;
    return driver_run(MP_OBJ_TO_PTR(self_in));
}
static MP_DEFINE_CONST_FUN_OBJ_2(driver_send_obj, driver_send);

// Somebody has cancelled a task that is not theirs: it goes on.
static mp_obj_t driver_throw(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    return driver_run(MP_OBJ_TO_PTR(args[0]));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(driver_throw_obj, 2, 4, driver_throw);

// ---- the endpoint as a stream ------------------------------------------------------------------

static mp_uint_t coap_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg, int *error) {
    coap_obj_t *self = MP_OBJ_TO_PTR(self_in);
    if (request == MP_STREAM_POLL) {
        mp_uint_t ready = microcoapy_link_poll(self, arg);
        // A socket's ioctl has stopped the endpoint: the event loop is to look at its tasks again, not to wait on.
        return self->link == NULL ? arg & MP_STREAM_POLL_RD : ready;
    }
    // Never of a Python-defined socket: what its ioctl does not know it may answer with 0, which is standard input.
    int fd = microcoapy_link_fileno(self);
    if (request == MP_STREAM_GET_FILENO && fd >= 0) {
        return fd;
    }
    *error = MP_EINVAL;
    return MP_STREAM_ERROR;
}

const mp_stream_p_t microcoapy_coap_stream = { .ioctl = coap_ioctl };

// ---- waiters -----------------------------------------------------------------------------------

void microcoapy_waiter_init(
    waiter_t *waiter, const mp_obj_type_t *type, coap_obj_t *coap, void (*give_up)(waiter_t *)) {
    waiter->base.type = type;
    waiter->coap = coap;
    waiter->next = NULL;
    waiter->give_up = give_up;
    waiter->task = MP_OBJ_NULL;
    waiter->result = MP_OBJ_NULL;
    waiter->failed = false;
    waiter->linked = false;
}

void microcoapy_waiter_begin(waiter_t *waiter) {
    if (!waiter->linked) {
        waiter->linked = true;
        waiter->next = waiter->coap->waiters;
        waiter->coap->waiters = waiter;
    }
}

static void take_out(waiter_t *waiter) {
    waiter_t **link = &waiter->coap->waiters;
    while (*link != NULL && *link != waiter) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = waiter->next;
    }
    waiter->next = NULL;
    waiter->linked = false;
}

void microcoapy_waiter_wake(waiter_t *waiter) {
    mp_obj_t task = waiter->task;
    waiter->task = MP_OBJ_NULL;
    driver_t *driver = task == MP_OBJ_NULL ? NULL : driver_of(waiter->coap);
    // Who calls send() and does not yield does not wait here: no task is to be in two queues.
    if (driver != NULL && task != current_task() && mp_load_attr(task, MP_QSTR_data) == MP_OBJ_FROM_PTR(waiter)) {
        microcoapy_call(driver->queue, MP_QSTR_push, 1, task, MP_OBJ_NULL);
    }
}

void microcoapy_waiter_end(waiter_t *waiter, mp_obj_t result, bool failed) {
    take_out(waiter);
    waiter->result = result;
    waiter->failed = failed;
    microcoapy_waiter_wake(waiter);
}

void microcoapy_waiter_suspend(waiter_t *waiter) {
    mp_obj_t task = current_task();
    if (task == mp_const_none) {
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("no running event loop"));
    }
    if (waiter->coap->link == NULL) {
        mp_raise_OSError(MP_ENOTCONN);
    }
    if (waiter->task != MP_OBJ_NULL && waiter->task != task) {
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("already awaited"));
    }
    driver_make(waiter->coap);
    waiter->task = task;
    microcoapy_async_update(waiter->coap);
    mp_store_attr(task, MP_QSTR_data, MP_OBJ_FROM_PTR(waiter));
}

mp_obj_t microcoapy_waiter_result(waiter_t *waiter) {
    if (waiter->failed) {
        nlr_raise(waiter->result);
    }
    return mp_make_stop_iteration(waiter->result);
}

mp_obj_t microcoapy_waiter_iternext(mp_obj_t self_in) {
    waiter_t *waiter = MP_OBJ_TO_PTR(self_in);
    if (waiter->result != MP_OBJ_NULL) {
        return microcoapy_waiter_result(waiter);
    }
    microcoapy_waiter_suspend(waiter);
    return mp_const_none;
}

static mp_obj_t waiter_send(mp_obj_t self_in, mp_obj_t value) {
    (void)value;
    mp_obj_t result = mp_iternext(self_in);
    if (result == MP_OBJ_STOP_ITERATION) {
        mp_obj_t returned = MP_STATE_THREAD(stop_iteration_arg);
        mp_raise_StopIteration(returned == mp_const_none ? MP_OBJ_NULL : returned);
    }
    return result;
}
MP_DEFINE_CONST_FUN_OBJ_2(microcoapy_waiter_send_obj, waiter_send);

static void give_up(mp_obj_t self_in) {
    waiter_t *waiter = MP_OBJ_TO_PTR(self_in);
    waiter->task = MP_OBJ_NULL;
    waiter->give_up(waiter);
    microcoapy_async_update(waiter->coap);
}

// What a cancelled task was waiting for is given up.
static mp_obj_t waiter_throw(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    give_up(args[0]);
    nlr_raise(mp_make_raise_obj(args[1]));
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(microcoapy_waiter_throw_obj, 2, 4, waiter_throw);

static mp_obj_t waiter_close(mp_obj_t self_in) {
    give_up(self_in);
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_1(microcoapy_waiter_close_obj, waiter_close);

// task.cancel() calls it before it makes the task run with CancelledError.
static mp_obj_t waiter_remove(mp_obj_t self_in, mp_obj_t task) {
    (void)task;
    ((waiter_t *)MP_OBJ_TO_PTR(self_in))->task = MP_OBJ_NULL;
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_2(microcoapy_waiter_remove_obj, waiter_remove);

// ---- serve() -----------------------------------------------------------------------------------

static void serve_give_up(waiter_t *waiter) {
    microcoapy_waiter_end(waiter, mp_const_none, false);
}

static mp_obj_t serve_iternext(mp_obj_t self_in) {
    waiter_t *waiter = MP_OBJ_TO_PTR(self_in);
    mp_obj_t yielded = microcoapy_waiter_iternext(self_in);
    if (waiter->result == MP_OBJ_NULL) {
        // It waits now: who could not would never be taken out again.
        microcoapy_waiter_begin(waiter);
        microcoapy_async_update(waiter->coap);
    }
    return yielded;
}

// await coap.serve(): until stop(), or until it is cancelled.
static mp_obj_t coap_serve(mp_obj_t self_in) {
    waiter_t *waiter = m_new_obj(waiter_t);
    microcoapy_waiter_init(waiter, &serve_type, MP_OBJ_TO_PTR(self_in), serve_give_up);
    return MP_OBJ_FROM_PTR(waiter);
}
MP_DEFINE_CONST_FUN_OBJ_1(microcoapy_serve_obj, coap_serve);

// ---- an awaitable that is over -----------------------------------------------------------------

typedef struct {
    mp_obj_base_t base;
    mp_obj_t value;
} ready_t;

static mp_obj_t ready_iternext(mp_obj_t self_in) {
    ready_t *self = MP_OBJ_TO_PTR(self_in);
    return mp_make_stop_iteration(self->value);
}

mp_obj_t microcoapy_ready(mp_obj_t value) {
    ready_t *ready = mp_obj_malloc(ready_t, &ready_type);
    ready->value = value;
    return MP_OBJ_FROM_PTR(ready);
}

#include "tables/async.h"

#endif // MICROCOAPY_MODERN
