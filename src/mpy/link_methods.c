// SPDX-License-Identifier: MIT
//
// What links share that go through the methods of a socket, whoever has written it.

#include <string.h>

#include "link.h"

mp_obj_t microcoapy_bound_socket(qstr family, const char *host, mp_int_t port, void (*prepare)(mp_obj_t sock)) {
    mp_obj_t module = microcoapy_socket_module();
    mp_obj_t family_in = mp_load_attr(module, family);
    mp_obj_t sock = microcoapy_call(module, MP_QSTR_socket, 2, family_in, mp_load_attr(module, MP_QSTR_SOCK_DGRAM));
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        if (MICROCOAPY_POSIX && prepare != NULL) {
            prepare(sock);
        }
        int only = MICROCOAPY_POSIX ? mp_obj_get_int(family_in) : 0;
        mp_obj_t address = microcoapy_resolve(mp_obj_new_str_from_cstr(host), port, only);
        microcoapy_call_maybe(sock, MP_QSTR_bind, 1, address, MP_OBJ_NULL);
        nlr_pop();
        return sock;
    }
    microcoapy_call_maybe(sock, MP_QSTR_close, 0, MP_OBJ_NULL, MP_OBJ_NULL);
    nlr_jump(nlr.ret_val);
}

// What recvfrom returned: (data, address), or data alone; None or nothing at all for no data.
static receive_t receive_result(coap_obj_t *self, mp_obj_t result, datagram_t *out) {
    mp_obj_t address = mp_const_none;
    size_t len;
    mp_obj_t *items;
    if (microcoapy_items(result, &len, &items)) {
        if (len < 2) {
            return RECEIVE_NONE;
        }
        result = items[0];
        address = items[1];
    }
    mp_buffer_info_t buffer;
    if (microcoapy_is_str(result) || !mp_get_buffer(result, &buffer, MP_BUFFER_READ) || buffer.len == 0) {
        return RECEIVE_NONE;
    }
    if (address == mp_const_none && self->last_peer.len != 0) {
        out->peer = self->last_peer;
    } else {
        microcoapy_peer_from_object(self, address, &out->peer);
    }
    // Looking at the address may have run Python, so the bytes are looked up last; and copied, as
    // nothing would hold the object while an event points into it. One byte more than fits shows
    // the engine that the message is too large.
    mp_get_buffer_raise(result, &buffer, MP_BUFFER_READ);
    out->len = MIN(buffer.len, self->rx_len);
    memcpy(self->rx, buffer.buf, out->len);
    return RECEIVE_DATA;
}

receive_t microcoapy_recvfrom(coap_obj_t *self, mp_obj_t sock, datagram_t *out) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_obj_t result = microcoapy_call(sock, MP_QSTR_recvfrom, 1, MP_OBJ_NEW_SMALL_INT(self->rx_len), MP_OBJ_NULL);
        receive_t received = receive_result(self, result, out);
        nlr_pop();
        return received;
    }
    microcoapy_contain(self, MP_QSTR_recvfrom, nlr.ret_val);
    return RECEIVE_NONE;
}

bool microcoapy_sendto(coap_obj_t *self, const peer_t *peer, const uint8_t *data, size_t len) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_obj_t args[5];
        size_t n_args = 2;
        args[2] = mp_obj_new_bytes(data, len);
        if (self->flat_sendto) {
            n_args = 3;
            microcoapy_peer_to_pair(self, peer, &args[3]);
        } else {
            args[3] = microcoapy_peer_to_object(self, peer);
        }
        mp_load_method(self->sock, MP_QSTR_sendto, args);
        mp_obj_t sent = mp_call_method_n_kw(n_args, 0, args);
        nlr_pop();
        // A datagram goes whole or not at all. Other results than a number say nothing.
        return !mp_obj_is_small_int(sent) || MP_OBJ_SMALL_INT_VALUE(sent) >= (mp_int_t)len;
    }
    microcoapy_contain(self, MP_QSTR_sendto, nlr.ret_val);
    return false;
}
