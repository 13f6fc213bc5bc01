// SPDX-License-Identifier: MIT
//
// Tasks that answer requests: coroutine handlers in an event loop. One is cancelled when its request's time is over.

#include "modern.h"

#if MICROCOAPY_MODERN

typedef struct _answering_t {
    struct _answering_t *next;
    mcoap_handle request;
    mp_obj_t task;
} answering_t;

void microcoapy_answering_begin(coap_obj_t *self, mcoap_handle request, mp_obj_t task) {
    driver_t *driver = self->driver;
    if (driver != NULL) {
        answering_t *answering = m_new_obj(answering_t);
        answering->next = driver->answering;
        answering->request = request;
        answering->task = task;
        driver->answering = answering;
    }
}

mp_obj_t microcoapy_answering_end(coap_obj_t *self, mcoap_handle request) {
    if (self->driver == NULL) {
        return MP_OBJ_NULL;
    }
    for (answering_t **at = &self->driver->answering; *at != NULL; at = &(*at)->next) {
        if ((*at)->request == request) {
            mp_obj_t task = (*at)->task;
            *at = (*at)->next;
            return task;
        }
    }
    return MP_OBJ_NULL;
}

// A task that is running cannot be cancelled: it goes on.
static void cancel(coap_obj_t *self, mp_obj_t task) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        microcoapy_call(task, MP_QSTR_cancel, 0, MP_OBJ_NULL, MP_OBJ_NULL);
        nlr_pop();
        return;
    }
    microcoapy_contain(self, MP_QSTR_cancel, nlr.ret_val);
}

void microcoapy_cancel_expired(coap_obj_t *self) {
    mcoap_handle request;
    while (self->driver != NULL && self->driver->answering != NULL
           && (request = mcoap_incoming_expired(self->endpoint, self->now)) != 0) {
        mp_obj_t task = microcoapy_answering_end(self, request);
        if (task != MP_OBJ_NULL) {
            cancel(self, task);
        }
    }
}

#endif // MICROCOAPY_MODERN
