// SPDX-License-Identifier: MIT
//
// Sockets: opening and closing, one datagram in or out, waiting for readiness. By file descriptor
// on unix; elsewhere by the object's own methods.

// glibc declares struct in6_pktinfo only for GNU sources.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <string.h>

#include "py/mpthread.h"
#include "py/objtype.h"
#include "shim.h"

#if MICROCOAPY_POSIX
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
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

// Calls object.name(), or object.name(arg). MP_OBJ_NULL if there is no such method.
static mp_obj_t call_method(mp_obj_t object, qstr name, size_t n_args, mp_obj_t arg) {
    mp_obj_t method[3];
    mp_load_method_maybe(object, name, method);
    if (method[0] == MP_OBJ_NULL) {
        return MP_OBJ_NULL;
    }
    method[2] = arg;
    return mp_call_method_n_kw(n_args, 0, method);
}

static void trace(coap_obj_t *self, qstr what, const peer_t *peer, const uint8_t *data, size_t len) {
    if (self->debug != mp_const_false) {
        mp_obj_t pair[2] = { microcoapy_peer_to_object(self, peer), mp_obj_new_bytes(data, len) };
        microcoapy_report(self, what, mp_obj_new_tuple(2, pair));
    }
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
    call_method(sock, MP_QSTR_setblocking, 1, mp_const_false);
    mp_obj_t unix_compatible = call_method(sock, MP_QSTR_isUnixCompatible, 0, MP_OBJ_NULL);
    bool flat = unix_compatible != MP_OBJ_NULL && !mp_obj_is_true(unix_compatible);
    mp_obj_t ioctl[2];
    mp_load_method_maybe(sock, MP_QSTR_ioctl, ioctl);
    const mp_obj_type_t *type = mp_obj_get_type(sock);
    const mp_stream_p_t *stream = MP_OBJ_TYPE_GET_SLOT_OR_NULL(type, protocol);
    // A Python class may inherit a native protocol, which must not be called on its instances.
    bool native = mp_obj_is_native_type(type) && stream != NULL && stream->ioctl != NULL;

    self->link = native ? LINK_STREAM : LINK_OBJECT;
    self->stream = native ? stream : NULL;
    self->has_ioctl = !native && ioctl[0] != MP_OBJ_NULL;
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

static mp_obj_t socket_module(void) {
    return mp_import_name(MP_QSTR_socket, mp_const_none, MP_OBJ_NEW_SMALL_INT(0));
}

// A datagram socket, bound to an address that is named in the port's own form: packed on unix, a tuple elsewhere.
static mp_obj_t bound_socket(qstr family, const char *host, mp_int_t port, void (*prepare)(mp_obj_t sock)) {
    mp_obj_t module = socket_module();
    mp_obj_t family_in = mp_load_attr(module, family);
    mp_obj_t sock = microcoapy_call(module, MP_QSTR_socket, 2, family_in, mp_load_attr(module, MP_QSTR_SOCK_DGRAM));
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        if (prepare != NULL) {
            prepare(sock);
        }
        int only = MICROCOAPY_POSIX ? mp_obj_get_int(family_in) : 0;
        mp_obj_t address = microcoapy_resolve(mp_obj_new_str_from_cstr(host), port, only);
        call_method(sock, MP_QSTR_bind, 1, address);
        nlr_pop();
        return sock;
    }
    call_method(sock, MP_QSTR_close, 0, MP_OBJ_NULL);
    nlr_jump(nlr.ret_val);
}

#if MICROCOAPY_POSIX && defined(IPV6_V6ONLY)
// One socket for both families.
static void take_ipv4_too(mp_obj_t sock) {
    int error, off = 0;
    const mp_stream_p_t *stream = mp_get_stream(sock);
    mp_uint_t fd = stream->ioctl(sock, MP_STREAM_GET_FILENO, 0, &error);
    if (fd == MP_STREAM_ERROR || setsockopt((int)fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0) {
        mp_raise_OSError(errno);
    }
}

// MP_OBJ_NULL where the system has no IPv6.
static mp_obj_t dual_socket(mp_int_t port) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_obj_t sock = bound_socket(MP_QSTR_AF_INET6, "::", port, take_ipv4_too);
        nlr_pop();
        return sock;
    }
    mp_obj_t exception = MP_OBJ_FROM_PTR(nlr.ret_val);
    if (!mp_obj_exception_match(exception, MP_OBJ_FROM_PTR(&mp_type_OSError))
        || mp_obj_exception_get_value(exception) == MP_OBJ_NEW_SMALL_INT(EADDRINUSE)) {
        nlr_jump(nlr.ret_val);
    }
    return MP_OBJ_NULL;
}
#endif

void microcoapy_socket_open(coap_obj_t *self, mp_int_t port) {
    mp_obj_t sock = MP_OBJ_NULL;
    #if MICROCOAPY_POSIX && defined(IPV6_V6ONLY)
    sock = dual_socket(port);
    #endif
    if (sock == MP_OBJ_NULL) {
        sock = bound_socket(MP_QSTR_AF_INET, "0.0.0.0", port, NULL);
    }
    self->bound_port = port;
    microcoapy_socket_attach(self, sock);
    self->own_socket = true;
}

static void close_socket(coap_obj_t *self, mp_obj_t sock) {
    if (sock == mp_const_none) {
        return;
    }
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        call_method(sock, MP_QSTR_close, 0, MP_OBJ_NULL);
        nlr_pop();
    } else {
        microcoapy_contain(self, MP_QSTR_close, nlr.ret_val);
    }
}

void microcoapy_socket_close(coap_obj_t *self) {
    mp_obj_t sock = self->sock;
    self->sock = mp_const_none;
    self->link = LINK_NONE;
    close_socket(self, sock);
    #if MICROCOAPY_DISCOVERY
    self->joined = false;
    sock = self->group_sock;
    self->group_sock = mp_const_none;
    close_socket(self, sock);
    #endif
}

// ---- groups ------------------------------------------------------------------------------------

#if MICROCOAPY_DISCOVERY
// Both families have four or sixteen bytes of address behind the first byte of a peer.
#define PEER_ADDRESS(peer) (&(peer)->bytes[1])
#define PEER_FAMILY(peer) ((peer)->bytes[0])
#define IPV4_LEN (4)

#if MICROCOAPY_POSIX
// The system says with each datagram which address it came to.
static int join_fd(coap_obj_t *self, const peer_t *group, const peer_t *interface) {
    int on = 1;
    if (PEER_FAMILY(group) == 6) {
        struct ipv6_mreq request = { .ipv6mr_interface = 0 };
        memcpy(&request.ipv6mr_multiaddr, PEER_ADDRESS(group), sizeof(request.ipv6mr_multiaddr));
        return setsockopt(self->fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof(request)) != 0
               || setsockopt(self->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) != 0 ? errno : 0;
    }
    struct ip_mreq request = { .imr_interface.s_addr = INADDR_ANY };
    memcpy(&request.imr_multiaddr, PEER_ADDRESS(group), IPV4_LEN);
    if (interface != NULL) {
        memcpy(&request.imr_interface, PEER_ADDRESS(interface), IPV4_LEN);
    }
    return setsockopt(self->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof(request)) != 0
           || setsockopt(self->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) != 0 ? errno : 0;
}

static bool came_to_group(struct msghdr *message) {
    for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control != NULL; control = CMSG_NXTHDR(message, control)) {
        if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(control), sizeof(info));
            return IN_MULTICAST(ntohl(info.ipi_addr.s_addr));
        }
        if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(control), sizeof(info));
            return IN6_IS_ADDR_MULTICAST(&info.ipi6_addr);
        }
    }
    return false;
}
#endif

// Where sockets do not say what address a datagram came to: a socket of its own, bound to the group's address.
static void join_socket(coap_obj_t *self, const char *group, const peer_t *peer, const peer_t *interface) {
    uint8_t request[2 * IPV4_LEN] = { 0 };
    memcpy(request, PEER_ADDRESS(peer), IPV4_LEN);
    if (interface != NULL) {
        memcpy(request + IPV4_LEN, PEER_ADDRESS(interface), IPV4_LEN);
    }
    mp_obj_t module = socket_module();
    mp_obj_t sock = bound_socket(MP_QSTR_AF_INET, group, self->bound_port, NULL);
    self->group_sock = sock;
    mp_obj_t method[5];
    mp_load_method(sock, MP_QSTR_setsockopt, method);
    method[2] = mp_load_attr(module, MP_QSTR_IPPROTO_IP);
    method[3] = mp_load_attr(module, MP_QSTR_IP_ADD_MEMBERSHIP);
    method[4] = mp_obj_new_bytes(request, sizeof(request));
    mp_call_method_n_kw(3, 0, method);
    call_method(sock, MP_QSTR_setblocking, 1, mp_const_false);
}

void microcoapy_socket_join(coap_obj_t *self, mp_obj_t group_in, mp_obj_t interface_in) {
    peer_t group, interface;
    bool has_interface = interface_in != mp_const_none;
    microcoapy_str_arg(group_in, MP_QSTR_group);
    if (!microcoapy_literal_peer(group_in, 0, &group) || !mcoap_peer_is_multicast(group.bytes, group.len)) {
        microcoapy_bad_value(MP_QSTR_group);
    }
    if (has_interface && (!microcoapy_literal_peer(interface_in, 0, &interface) || PEER_FAMILY(&interface) != 4)) {
        microcoapy_bad_value(MP_QSTR_interface);
    }
    const peer_t *on = has_interface ? &interface : NULL;
    #if MICROCOAPY_POSIX
    if (self->link == LINK_FD) {
        int error = join_fd(self, &group, on);
        if (error != 0) {
            mp_raise_OSError(error);
        }
        self->joined = true;
        return;
    }
    #endif
    if (self->link != LINK_STREAM || !self->own_socket || PEER_FAMILY(&group) != 4 || self->joined) {
        mp_raise_OSError(self->link == LINK_NONE ? MP_ENOTCONN : MP_EOPNOTSUPP);
    }
    join_socket(self, mp_obj_str_get_str(group_in), &group, on);
    self->joined = true;
}
#endif

// ---- receiving ---------------------------------------------------------------------------------

#if MICROCOAPY_POSIX
static receive_t receive_fd(coap_obj_t *self, datagram_t *out) {
    struct sockaddr_storage address;
    struct iovec place = { .iov_base = self->rx, .iov_len = self->rx_len };
    union {
        struct cmsghdr header; // for its alignment
        char room[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo))];
    } control;
    struct msghdr message = {
        .msg_name = &address, .msg_namelen = sizeof(address), .msg_iov = &place, .msg_iovlen = 1,
        .msg_control = &control, .msg_controllen = sizeof(control),
    };
    ssize_t received = recvmsg(self->fd, &message, MSG_DONTWAIT);
    socklen_t len = message.msg_namelen;
    if (received < 0) {
        switch (errno) {
            case EAGAIN:
            case EINTR:
                return RECEIVE_NONE;
            case EBADF:
            case ENOTSOCK: {
                // Closed behind our back: waiting for it would never end.
                int error = errno;
                self->link = LINK_NONE;
                mp_raise_OSError(error);
            }
            default:
                // The error of an earlier datagram (ICMP); reading it has cleared it.
                return RECEIVE_AGAIN;
        }
    }
    if (!microcoapy_peer_from_sockaddr(&address, len, &out->peer)) {
        microcoapy_peer_from_object(self, mp_obj_new_bytes((const byte *)&address, len), &out->peer);
    }
    out->len = received;
    #if MICROCOAPY_DISCOVERY
    out->multicast = self->joined && came_to_group(&message);
    #endif
    return RECEIVE_DATA;
}
#endif

// What recvfrom returned: (data, address), or data alone; None or nothing at all for no data.
static receive_t receive_result(coap_obj_t *self, mp_obj_t result, datagram_t *out) {
    mp_obj_t address = MP_OBJ_NULL;
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

static receive_t receive_from(coap_obj_t *self, mp_obj_t sock, datagram_t *out) {
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

static bool stream_readable(mp_obj_t sock, const mp_stream_p_t *stream) {
    int error;
    // An error counts as readiness: reading it will tell.
    return stream->ioctl(sock, MP_STREAM_POLL, MP_STREAM_POLL_RD, &error) != 0;
}

static receive_t receive_object(coap_obj_t *self, datagram_t *out) {
    if (self->link == LINK_OBJECT || stream_readable(self->sock, self->stream)) {
        return receive_from(self, self->sock, out);
    }
    #if MICROCOAPY_DISCOVERY
    if (self->group_sock != mp_const_none && stream_readable(self->group_sock, self->stream)) {
        out->multicast = true;
        return receive_from(self, self->group_sock, out);
    }
    #endif
    return RECEIVE_NONE;
}

receive_t microcoapy_socket_receive(coap_obj_t *self, datagram_t *out) {
    receive_t received = RECEIVE_NONE;
    out->multicast = false;
    if (self->link == LINK_NONE || self->link == LINK_MANUAL) {
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
        trace(self, MP_QSTR_recvfrom, &out->peer, self->rx, out->len);
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
    if (sent < 0) {
        microcoapy_report_errno(self, MP_QSTR_sendto, errno);
    }
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
    microcoapy_contain(self, MP_QSTR_sendto, nlr.ret_val);
    return false;
}

bool microcoapy_socket_send(coap_obj_t *self, const peer_t *peer, const uint8_t *data, size_t len) {
    if (self->link == LINK_NONE) {
        return false;
    }
    trace(self, MP_QSTR_sendto, peer, data, len);
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
    microcoapy_contain(self, MP_QSTR_ioctl, nlr.ret_val);
    return false;
}

bool microcoapy_socket_readable(coap_obj_t *self) {
    switch (self->link) {
        #if MICROCOAPY_POSIX
        case LINK_FD:
            return wait_fd(self, 0);
        #endif
        case LINK_STREAM:
            #if MICROCOAPY_DISCOVERY
            if (self->group_sock != mp_const_none && stream_readable(self->group_sock, self->stream)) {
                return true;
            }
            #endif
            return stream_readable(self->sock, self->stream);
        case LINK_OBJECT:
            return self->has_ioctl && object_readable(self);
        default:
            return false;
    }
}

void microcoapy_socket_wait(coap_obj_t *self, uint32_t milliseconds) {
    #if MICROCOAPY_POSIX
    if (self->link == LINK_FD) {
        wait_fd(self, MIN(milliseconds, WAIT_SLICE_MS));
        return;
    }
    #endif
    // The socket cannot wake us: one that tells readiness is asked after each step, the others are read.
    bool tells = self->link == LINK_STREAM || self->has_ioctl;
    uint32_t start = microcoapy_now();
    milliseconds = MIN(milliseconds, tells ? WAIT_SLICE_MS : OBJECT_STEP_MS);
    do {
        microcoapy_sleep(MIN(milliseconds, STREAM_STEP_MS));
    } while (microcoapy_now() - start < milliseconds && self->link != LINK_NONE
             && !(tells && microcoapy_socket_readable(self)));
}
