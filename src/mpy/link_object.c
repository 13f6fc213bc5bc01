// SPDX-License-Identifier: MIT
//
// Link over an object with sendto and recvfrom that a program has written. What a name means is its affair.

#include "link.h"

// Readiness as its ioctl method tells it. One that cannot tell is not asked again, but read: the first time at once, as
// whoever asks may be about to wait for a day.
static mp_uint_t object_poll(coap_obj_t *self, mp_uint_t flags) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_obj_t ready = microcoapy_call(
            self->sock, MP_QSTR_ioctl, 2, MP_OBJ_NEW_SMALL_INT(MP_STREAM_POLL), MP_OBJ_NEW_SMALL_INT(MP_STREAM_POLL_RD));
        nlr_pop();
        if (mp_obj_is_small_int(ready) && MP_OBJ_SMALL_INT_VALUE(ready) >= 0) {
            return ready == MP_OBJ_NEW_SMALL_INT(0) ? 0 : flags & MP_STREAM_POLL_RD;
        }
    } else {
        microcoapy_contain(self, MP_QSTR_ioctl, nlr.ret_val);
    }
    self->tells_readiness = false;
    return flags & MP_STREAM_POLL_RD;
}

const link_type_t microcoapy_link_object = {
    .receive = microcoapy_recvfrom,
    .send = microcoapy_sendto,
    .poll = object_poll,
};
