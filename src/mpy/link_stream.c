// SPDX-License-Identifier: MIT
//
// Link over a port's own socket that has no file descriptor: its methods, and the ioctl of its type for readiness.

#include <string.h>

#include "link.h"

#if MICROCOAPY_DISCOVERY
// The socket of a group is of the same type.
static mp_uint_t socket_poll(coap_obj_t *self, mp_obj_t sock, mp_uint_t flags) {
    int error;
    // An error counts as readiness: reading it will tell.
    return self->by.stream->ioctl(sock, MP_STREAM_POLL, flags, &error);
}

static mp_uint_t stream_poll(coap_obj_t *self, mp_uint_t flags) {
    mp_uint_t ready = socket_poll(self, self->sock, flags);
    return ready == 0 && self->group_sock != mp_const_none ? socket_poll(self, self->group_sock, flags) : ready;
}

static receive_t stream_receive(coap_obj_t *self, mp_obj_t sock, datagram_t *out) {
    if (socket_poll(self, sock, MP_STREAM_POLL_RD) != 0) {
        return microcoapy_recvfrom(self, sock, out);
    }
    if (self->group_sock != mp_const_none && socket_poll(self, self->group_sock, MP_STREAM_POLL_RD) != 0) {
        out->multicast = true;
        return microcoapy_recvfrom(self, self->group_sock, out);
    }
    return RECEIVE_NONE;
}
#else
static mp_uint_t stream_poll(coap_obj_t *self, mp_uint_t flags) {
    int error;
    // An error counts as readiness: reading it will tell.
    return self->by.stream->ioctl(self->sock, MP_STREAM_POLL, flags, &error);
}

static receive_t stream_receive(coap_obj_t *self, mp_obj_t sock, datagram_t *out) {
    return stream_poll(self, MP_STREAM_POLL_RD) == 0 ? RECEIVE_NONE : microcoapy_recvfrom(self, sock, out);
}
#endif

#if MICROCOAPY_DISCOVERY
#define IPV4_LEN (4)

// Sockets do not say what address a datagram came to: a socket of its own, bound to the group's address.
static int stream_join(coap_obj_t *self, const peer_t *group, const peer_t *interface) {
    if (!self->own_socket || PEER_FAMILY(group) != 4 || self->joined) {
        return MP_EOPNOTSUPP;
    }
    uint8_t request[2 * IPV4_LEN] = { 0 };
    memcpy(request, PEER_ADDRESS(group), IPV4_LEN);
    if (interface != NULL) {
        memcpy(request + IPV4_LEN, PEER_ADDRESS(interface), IPV4_LEN);
    }
    mp_obj_t module = microcoapy_socket_module();
    mp_obj_t pair[2];
    microcoapy_peer_to_pair(self, group, pair);
    mp_obj_t sock = microcoapy_bound_socket(MP_QSTR_AF_INET, mp_obj_str_get_str(pair[0]), self->bound_port, NULL);
    self->group_sock = sock;
    mp_obj_t method[5];
    mp_load_method(sock, MP_QSTR_setsockopt, method);
    method[2] = mp_load_attr(module, MP_QSTR_IPPROTO_IP);
    method[3] = mp_load_attr(module, MP_QSTR_IP_ADD_MEMBERSHIP);
    method[4] = mp_obj_new_bytes(request, sizeof(request));
    mp_call_method_n_kw(3, 0, method);
    microcoapy_call_maybe(sock, MP_QSTR_setblocking, 1, mp_const_false, MP_OBJ_NULL);
    return 0;
}
#endif

const link_type_t microcoapy_link_stream = {
    .receive = stream_receive,
    .send = microcoapy_sendto,
    .poll = stream_poll,
    .find = microcoapy_peer_resolve,
    #if MICROCOAPY_DISCOVERY
    .join = stream_join,
    #endif
};
