// SPDX-License-Identifier: MIT
//
// Sockets: opening and closing, one datagram in or out, waiting for readiness. By file descriptor
// on unix; elsewhere by the object's own methods.

#include <string.h>

#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/mpthread.h"
#include "py/objtype.h"
#include "shim.h"

#if MICROCOAPY_POSIX
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#endif

// A wait is left this often. Neither a signal that arrived just before poll(2) nor a callback
// scheduled by another thread ends it; and a custom socket's word is not taken for much longer.
#define WAIT_SLICE_MS (100)
// How often a socket without readiness of its own is asked: where it can tell, and where it
// must be read to find out.
#define STREAM_STEP_MS (1)
#define OBJECT_STEP_MS (2)

static mp_obj_t call_method(mp_obj_t object, qstr name, size_t n_args, mp_obj_t arg) {
    mp_obj_t method[3];
    mp_load_method(object, name, method);
    method[2] = arg;
    return mp_call_method_n_kw(n_args, 0, method);
}

static bool has_method(mp_obj_t object, qstr name) {
    mp_obj_t method[2];
    mp_load_method_maybe(object, name, method);
    return method[0] != MP_OBJ_NULL;
}

// An exception that only means that the socket has nothing to give or could not send.
static void contain(coap_obj_t *self, const char *what, void *exception) {
    if (!microcoapy_containable(MP_OBJ_FROM_PTR(exception))) {
        nlr_jump(exception);
    }
    if (self->debug) {
        mp_printf(&mp_plat_print, "microcoapy: %s: ", what);
        mp_obj_print_helper(&mp_plat_print, MP_OBJ_FROM_PTR(exception), PRINT_REPR);
        mp_print_str(&mp_plat_print, "\n");
    }
}

static void trace(coap_obj_t *self, const char *direction, const peer_t *peer, const uint8_t *data, size_t len) {
    if (!self->debug) {
        return;
    }
    mp_obj_t pair[2];
    microcoapy_peer_to_pair(self, peer, pair);
    mp_printf(&mp_plat_print, "microcoapy: %s ", direction);
    mp_obj_print_helper(&mp_plat_print, pair[0], PRINT_STR);
    mp_print_str(&mp_plat_print, ":");
    mp_obj_print_helper(&mp_plat_print, pair[1], PRINT_STR);
    mp_printf(&mp_plat_print, " %u bytes:", (unsigned)len);
    for (size_t i = 0; i < len && i < 32; i++) {
        mp_printf(&mp_plat_print, " %02x", data[i]);
    }
    mp_print_str(&mp_plat_print, len > 32 ? " ...\n" : "\n");
}

// ---- opening and closing -----------------------------------------------------------------------

#if MICROCOAPY_POSIX
// The descriptor of a native datagram socket, and its family and port; -1 for anything else.
// Only MicroPython's own socket type is asked: a wrapper around a descriptor (tls) is not one.
static int descriptor(mp_obj_t sock, const mp_stream_p_t *stream, uint8_t *family, uint16_t *port) {
    if (mp_obj_get_type(sock)->name != MP_QSTR_socket) {
        return -1;
    }
    int error;
    mp_uint_t fd = stream->ioctl(sock, MP_STREAM_GET_FILENO, 0, &error);
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    if (fd == MP_STREAM_ERROR || getsockname((int)fd, (struct sockaddr *)&address, &len) != 0) {
        return -1;
    }
    peer_t self;
    *family = 0;
    *port = 0;
    if (address.ss_family == AF_INET || address.ss_family == AF_INET6) {
        *family = address.ss_family == AF_INET ? 4 : 6;
    }
    if (microcoapy_peer_from_sockaddr(&address, len, &self)) {
        *port = self.bytes[self.len - 2] << 8 | self.bytes[self.len - 1];
    }
    return (int)fd;
}
#endif

void microcoapy_socket_attach(coap_obj_t *self, mp_obj_t sock) {
    if (sock == mp_const_none) {
        self->sock = mp_const_none;
        self->link = LINK_NONE;
        return;
    }
    if (has_method(sock, MP_QSTR_setblocking)) {
        call_method(sock, MP_QSTR_setblocking, 1, mp_const_false);
    }
    bool flat = has_method(sock, MP_QSTR_isUnixCompatible)
        && !mp_obj_is_true(call_method(sock, MP_QSTR_isUnixCompatible, 0, MP_OBJ_NULL));
    const mp_obj_type_t *type = mp_obj_get_type(sock);
    const mp_stream_p_t *stream = MP_OBJ_TYPE_GET_SLOT_OR_NULL(type, protocol);
    // A Python class may inherit a native protocol, which must not be called on its instances.
    bool native = mp_obj_is_native_type(type) && stream != NULL && stream->ioctl != NULL;

    self->link = native ? LINK_STREAM : LINK_OBJECT;
    self->stream = native ? stream : NULL;
    self->has_ioctl = !native && has_method(sock, MP_QSTR_ioctl);
    self->flat_sendto = flat;
    self->own_socket = false;
    self->last_peer.len = 0;
    self->sock = sock;
    #if MICROCOAPY_POSIX
    if (native) {
        self->fd = descriptor(sock, stream, &self->family, &self->bound_port);
        self->link = self->fd >= 0 ? LINK_FD : LINK_STREAM;
    }
    #endif
}

static void bind_socket(mp_obj_t module, mp_obj_t sock, mp_int_t port) {
    mp_obj_t resolve[4];
    mp_load_method(module, MP_QSTR_getaddrinfo, resolve);
    // The wildcard address in the port's own form: packed on unix, a tuple elsewhere.
    resolve[2] = mp_obj_new_str("0.0.0.0", 7);
    resolve[3] = MP_OBJ_NEW_SMALL_INT(port);
    mp_obj_t found = mp_call_method_n_kw(2, 0, resolve);
    mp_obj_t first = mp_obj_subscr(found, MP_OBJ_NEW_SMALL_INT(0), MP_OBJ_SENTINEL);
    call_method(sock, MP_QSTR_bind, 1, mp_obj_subscr(first, MP_OBJ_NEW_SMALL_INT(-1), MP_OBJ_SENTINEL));
}

void microcoapy_socket_open(coap_obj_t *self, mp_int_t port) {
    mp_obj_t module = mp_import_name(MP_QSTR_socket, mp_const_none, MP_OBJ_NEW_SMALL_INT(0));
    mp_obj_t make[4];
    mp_load_method(module, MP_QSTR_socket, make);
    make[2] = mp_load_attr(module, MP_QSTR_AF_INET);
    make[3] = mp_load_attr(module, MP_QSTR_SOCK_DGRAM);
    mp_obj_t sock = mp_call_method_n_kw(2, 0, make);
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        bind_socket(module, sock, port);
        self->bound_port = port;
        microcoapy_socket_attach(self, sock);
        self->own_socket = true;
        nlr_pop();
    } else {
        call_method(sock, MP_QSTR_close, 0, MP_OBJ_NULL);
        nlr_jump(nlr.ret_val);
    }
}

void microcoapy_socket_close(coap_obj_t *self) {
    mp_obj_t sock = self->sock;
    self->sock = mp_const_none;
    self->link = LINK_NONE;
    if (sock == mp_const_none || !has_method(sock, MP_QSTR_close)) {
        return;
    }
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        call_method(sock, MP_QSTR_close, 0, MP_OBJ_NULL);
        nlr_pop();
    } else {
        contain(self, "close", nlr.ret_val);
    }
}

// ---- receiving ---------------------------------------------------------------------------------

#if MICROCOAPY_POSIX
static receive_t receive_fd(coap_obj_t *self, datagram_t *out) {
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    ssize_t received = recvfrom(self->fd, self->rx, self->rx_len, MSG_DONTWAIT, (struct sockaddr *)&address, &len);
    if (received < 0) {
        switch (errno) {
            case EAGAIN:
            case EINTR:
                return RECEIVE_NONE;
            case EBADF:
            case ENOTSOCK:
                // Closed behind our back: waiting for it would never end.
                mp_raise_OSError(errno);
            default:
                // The error of an earlier datagram (ICMP); reading it has cleared it.
                return RECEIVE_AGAIN;
        }
    }
    if (!microcoapy_peer_from_sockaddr(&address, len, &out->peer)) {
        microcoapy_peer_from_object(self, mp_obj_new_bytes((const byte *)&address, len), &out->peer);
    }
    out->len = received;
    return RECEIVE_DATA;
}
#endif

// What recvfrom returned: (data, address), or data alone; None or nothing at all for no data.
static receive_t receive_result(coap_obj_t *self, mp_obj_t result, datagram_t *out) {
    mp_obj_t address = MP_OBJ_NULL;
    if (mp_obj_is_type(result, &mp_type_tuple) || mp_obj_is_type(result, &mp_type_list)) {
        size_t len;
        mp_obj_t *items;
        mp_obj_get_array(result, &len, &items);
        if (len < 2) {
            return RECEIVE_NONE;
        }
        result = items[0];
        address = items[1];
    }
    mp_buffer_info_t buffer;
    if (mp_obj_is_str(result) || !mp_get_buffer(result, &buffer, MP_BUFFER_READ) || buffer.len == 0) {
        return RECEIVE_NONE;
    }
    if (address != MP_OBJ_NULL && address != mp_const_none) {
        microcoapy_peer_from_object(self, address, &out->peer);
    } else if (self->last_peer.len != 0) {
        out->peer = self->last_peer;
    } else {
        microcoapy_peer_from_object(self, mp_const_none, &out->peer);
    }
    // Looking at the address may have run Python, so the bytes are looked up last; and copied, as
    // nothing would hold the object while an event points into it. One byte more than fits shows
    // the engine that the message is too large.
    mp_get_buffer_raise(result, &buffer, MP_BUFFER_READ);
    out->len = MIN(buffer.len, self->rx_len);
    memcpy(self->rx, buffer.buf, out->len);
    return RECEIVE_DATA;
}

static receive_t receive_object(coap_obj_t *self, datagram_t *out) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        receive_t received = RECEIVE_NONE;
        if (self->link == LINK_OBJECT || microcoapy_socket_readable(self)) {
            mp_obj_t result = call_method(self->sock, MP_QSTR_recvfrom, 1, mp_obj_new_int_from_uint(self->rx_len));
            received = receive_result(self, result, out);
        }
        nlr_pop();
        return received;
    }
    contain(self, "recvfrom", nlr.ret_val);
    return RECEIVE_NONE;
}

receive_t microcoapy_socket_receive(coap_obj_t *self, datagram_t *out) {
    receive_t received = RECEIVE_NONE;
    if (self->link == LINK_NONE) {
        return RECEIVE_NONE;
    }
    #if MICROCOAPY_POSIX
    if (self->link == LINK_FD) {
        received = receive_fd(self, out);
    } else
    #endif
    {
        received = receive_object(self, out);
    }
    if (received == RECEIVE_DATA) {
        trace(self, "from", &out->peer, self->rx, out->len);
    }
    return received;
}

// ---- sending -----------------------------------------------------------------------------------

#if MICROCOAPY_POSIX
static bool send_fd(coap_obj_t *self, const peer_t *peer, const uint8_t *data, size_t len) {
    struct sockaddr_storage address;
    const void *to = &address;
    size_t to_len = microcoapy_peer_to_sockaddr(peer, self->family, &address);
    mp_buffer_info_t buffer;
    if (to_len == 0) {
        // An address of another kind is kept as the bytes that the system gave for it.
        if (!mp_get_buffer(microcoapy_peer_to_object(self, peer), &buffer, MP_BUFFER_READ)) {
            return false;
        }
        to = buffer.buf;
        to_len = buffer.len;
    }
    ssize_t sent;
    do {
        sent = sendto(self->fd, data, len, MSG_DONTWAIT, to, to_len);
    } while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)len;
}
#endif

static bool send_object(coap_obj_t *self, const peer_t *peer, const uint8_t *data, size_t len) {
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
    contain(self, "sendto", nlr.ret_val);
    return false;
}

bool microcoapy_socket_send(coap_obj_t *self, const peer_t *peer, const uint8_t *data, size_t len) {
    if (self->link == LINK_NONE) {
        return false;
    }
    trace(self, "to", peer, data, len);
    self->last_peer = *peer;
    #if MICROCOAPY_POSIX
    if (self->link == LINK_FD) {
        return send_fd(self, peer, data, len);
    }
    #endif
    return send_object(self, peer, data, len);
}

// ---- waiting -----------------------------------------------------------------------------------

#if MICROCOAPY_POSIX
static bool wait_fd(coap_obj_t *self, int milliseconds) {
    struct pollfd descriptor = { .fd = self->fd, .events = POLLIN };
    MP_THREAD_GIL_EXIT();
    int ready = poll(&descriptor, 1, milliseconds);
    MP_THREAD_GIL_ENTER();
    // Interrupted: the caller handles the signal and comes again.
    return ready > 0;
}
#endif

// Readiness as the ioctl method of a Python-defined socket tells it. One that cannot tell is not
// asked again.
static bool object_readable(coap_obj_t *self) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_obj_t method[4];
        mp_load_method(self->sock, MP_QSTR_ioctl, method);
        method[2] = MP_OBJ_NEW_SMALL_INT(MP_STREAM_POLL);
        method[3] = MP_OBJ_NEW_SMALL_INT(MP_STREAM_POLL_RD);
        mp_obj_t ready = mp_call_method_n_kw(2, 0, method);
        nlr_pop();
        self->has_ioctl = mp_obj_is_small_int(ready) && MP_OBJ_SMALL_INT_VALUE(ready) >= 0;
        return self->has_ioctl && MP_OBJ_SMALL_INT_VALUE(ready) != 0;
    }
    self->has_ioctl = false;
    contain(self, "ioctl", nlr.ret_val);
    return false;
}

bool microcoapy_socket_readable(coap_obj_t *self) {
    switch (self->link) {
        #if MICROCOAPY_POSIX
        case LINK_FD:
            return wait_fd(self, 0);
        #endif
        case LINK_STREAM: {
            int error;
            // An error counts as readiness: reading it will tell.
            return self->stream->ioctl(self->sock, MP_STREAM_POLL, MP_STREAM_POLL_RD, &error) != 0;
        }
        case LINK_OBJECT:
            return self->has_ioctl && object_readable(self);
        default:
            return false;
    }
}

// Waits a step of a socket that cannot wake us.
static void wait_step(uint32_t milliseconds) {
    uint32_t start = microcoapy_now();
    do {
        mp_event_wait_ms(milliseconds);
    } while (microcoapy_now() - start < milliseconds);
}

void microcoapy_socket_wait(coap_obj_t *self, uint32_t milliseconds) {
    #if MICROCOAPY_POSIX
    if (self->link == LINK_FD) {
        wait_fd(self, MIN(milliseconds, WAIT_SLICE_MS));
        return;
    }
    #endif
    bool tells = self->link == LINK_STREAM || self->has_ioctl;
    uint32_t start = microcoapy_now();
    do {
        wait_step(tells ? STREAM_STEP_MS : OBJECT_STEP_MS);
    } while (tells && self->link != LINK_NONE && microcoapy_now() - start < MIN(milliseconds, WAIT_SLICE_MS)
             && !microcoapy_socket_readable(self));
}
