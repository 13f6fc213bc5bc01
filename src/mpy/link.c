// SPDX-License-Identifier: MIT
//
// The link of an endpoint: which kind, and what is the same for all kinds.

#include "py/objtype.h"
#include "dtls.h"
#include "link.h"

// How often a socket is asked that cannot wake us: where it tells readiness, and where it must be read to find out.
#define POLL_STEP_MS (1)
#define READ_STEP_MS (2)

// ---- opening and closing -----------------------------------------------------------------------

// Whether the socket has a protocol of its own, which stream links go by.
static bool is_stream(coap_obj_t *self, mp_obj_t sock) {
    const mp_obj_type_t *type = mp_obj_get_type(sock);
    self->by.stream = MP_OBJ_TYPE_GET_SLOT_OR_NULL(type, protocol);
    // A Python class may inherit a native protocol, which must not be called on its instances.
    return mp_obj_is_native_type(type) && self->by.stream != NULL && self->by.stream->ioctl != NULL;
}

void microcoapy_link_attach(coap_obj_t *self, mp_obj_t sock) {
    if (microcoapy_speaks_dtls(self)) {
        mp_raise_OSError(MP_EBUSY); // its sessions are with the peers of this socket, until it is stopped
    }
    if (sock == mp_const_none) {
        self->sock = mp_const_none;
        self->link = NULL;
        self->tells_readiness = false;
        return;
    }
    if (mp_obj_get_type(sock) == self->base.type) {
        // An endpoint is a stream, for asyncio: as a socket it would be asked for readiness and ask itself.
        microcoapy_bad_type(MP_QSTR_sock);
    }
    microcoapy_call_maybe(sock, MP_QSTR_setblocking, 1, mp_const_false, MP_OBJ_NULL);
    mp_obj_t unix_compatible = microcoapy_call_maybe(sock, MP_QSTR_isUnixCompatible, 0, MP_OBJ_NULL, MP_OBJ_NULL);
    bool flat = unix_compatible != MP_OBJ_NULL && !mp_obj_is_true(unix_compatible);
    mp_obj_t ioctl[2];
    mp_load_method_maybe(sock, MP_QSTR_ioctl, ioctl);

    self->flat_sendto = flat;
    self->own_socket = false;
    self->awaits = false;
    self->last_peer.len = 0;
    self->sock = sock;
    self->tells_readiness = true;
    if (!is_stream(self, sock)) {
        self->link = &microcoapy_link_object;
        self->tells_readiness = ioctl[0] != MP_OBJ_NULL;
    #if MICROCOAPY_POSIX
    } else if (microcoapy_fd_takes(self, sock)) {
        self->link = &microcoapy_link_fd;
    #endif
    } else {
        self->link = &microcoapy_link_stream;
    }
}

void microcoapy_link_open(coap_obj_t *self, mp_int_t port) {
    #if MICROCOAPY_POSIX
    mp_obj_t sock = microcoapy_fd_socket(port);
    #else
    mp_obj_t sock = microcoapy_bound_socket(MP_QSTR_AF_INET, "0.0.0.0", port, NULL);
    #endif
    self->bound_port = port;
    microcoapy_link_attach(self, sock);
    self->own_socket = true;
    #if MICROCOAPY_POSIX
    self->awaits = self->link != NULL && self->link->prepare != NULL && self->link->prepare(self);
    #endif
}

static void close_socket(coap_obj_t *self, mp_obj_t sock) {
    if (sock == mp_const_none) {
        return;
    }
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        microcoapy_call_maybe(sock, MP_QSTR_close, 0, MP_OBJ_NULL, MP_OBJ_NULL);
        nlr_pop();
    } else {
        microcoapy_contain(self, MP_QSTR_close, nlr.ret_val);
    }
}

void microcoapy_link_close(coap_obj_t *self) {
    if (microcoapy_speaks_dtls(self)) {
        microcoapy_dtls_close(self);
    }
    mp_obj_t sock = self->sock;
    self->sock = mp_const_none;
    self->link = NULL;
    self->tells_readiness = false;
    self->awaits = false;
    close_socket(self, sock);
    #if MICROCOAPY_DISCOVERY
    self->joined = false;
    sock = self->group_sock;
    self->group_sock = mp_const_none;
    close_socket(self, sock);
    #endif
}

#if MICROCOAPY_DISCOVERY
void microcoapy_link_join(coap_obj_t *self, mp_obj_t group_in, mp_obj_t interface_in) {
    peer_t group, interface;
    bool has_interface = interface_in != MP_OBJ_NULL && interface_in != mp_const_none;
    microcoapy_str_arg(group_in, MP_QSTR_group);
    if (!microcoapy_literal_peer(group_in, 0, &group) || !mcoap_peer_is_multicast(group.bytes, group.len)) {
        microcoapy_bad_value(MP_QSTR_group);
    }
    if (has_interface && (!microcoapy_literal_peer(interface_in, 0, &interface) || PEER_FAMILY(&interface) != 4)) {
        microcoapy_bad_value(MP_QSTR_interface);
    }
    int error = self->link == NULL ? MP_ENOTCONN : self->link->join == NULL ? MP_EOPNOTSUPP
        : self->link->join(self, &group, has_interface ? &interface : NULL);
    if (error != 0) {
        mp_raise_OSError(error);
    }
    self->joined = true;
}
#endif

// ---- datagrams ---------------------------------------------------------------------------------

static void trace(coap_obj_t *self, qstr what, const peer_t *peer, const uint8_t *data, size_t len) {
    if (self->debug != mp_const_false) {
        mp_obj_t pair[2] = { microcoapy_peer_to_object(self, peer), mp_obj_new_bytes(data, len) };
        microcoapy_report(self, what, mp_obj_new_tuple(2, pair));
    }
}

static receive_t received(coap_obj_t *self, receive_t what, const datagram_t *datagram) {
    if (what == RECEIVE_DATA) {
        trace(self, MP_QSTR_recvfrom, &datagram->peer, self->rx, datagram->len);
    }
    return what;
}

receive_t microcoapy_link_receive(coap_obj_t *self, datagram_t *out) {
    if (self->link == NULL || self->link->receive == NULL) {
        return RECEIVE_NONE;
    }
    out->multicast = false;
    if (microcoapy_speaks_dtls(self)) {
        return received(self, microcoapy_dtls_receive(self, out), out);
    }
    return received(self, self->link->receive(self, self->sock, out), out);
}

receive_t microcoapy_link_await(coap_obj_t *self, datagram_t *out) {
    #if MICROCOAPY_POSIX
    out->multicast = false;
    return received(self, self->link->await(self, out), out);
    #else
    (void)self;
    (void)out;
    return RECEIVE_NONE;
    #endif
}

bool microcoapy_link_send(coap_obj_t *self, const peer_t *peer, const uint8_t *data, size_t len) {
    const link_type_t *link = self->link; // printing an address may run Python, which may close it
    trace(self, MP_QSTR_sendto, peer, data, len);
    self->last_peer = *peer;
    if (microcoapy_speaks_dtls(self)) {
        return microcoapy_dtls_send(self, peer, data, len);
    }
    return link->send(self, peer, data, len);
}

// ---- waiting -----------------------------------------------------------------------------------

mp_uint_t microcoapy_link_poll(coap_obj_t *self, mp_uint_t flags) {
    return self->tells_readiness ? self->link->poll(self, flags) : 0;
}

void microcoapy_link_wait(coap_obj_t *self, uint32_t milliseconds) {
    milliseconds = MIN(milliseconds, self->tells_readiness ? LINK_SLICE_MS : READ_STEP_MS);
    #if MICROCOAPY_POSIX
    if (self->link != NULL && self->link->wait != NULL) {
        self->link->wait(self, milliseconds);
        return;
    }
    #endif
    uint32_t start = microcoapy_now();
    do {
        microcoapy_sleep(MIN(milliseconds, POLL_STEP_MS));
    } while (microcoapy_now() - start < milliseconds && self->link != NULL
             && microcoapy_link_poll(self, MP_STREAM_POLL_RD) == 0);
}
