// SPDX-License-Identifier: MIT
//
// Link over a socket of the system (POSIX), by its file descriptor.

// glibc declares struct in6_pktinfo only for GNU sources.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <string.h>

#include "py/mpthread.h"
#include "py/objtype.h"
#include "link.h"
#include "sockaddr.h"

#if MICROCOAPY_POSIX
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

// ---- opening -----------------------------------------------------------------------------------

// MP_STREAM_ERROR where there is none: a module `socket` of the program's own makes what it likes, and a class may inherit
// a native protocol, which must not be called on its instances.
static mp_uint_t fileno_of(mp_obj_t sock) {
    const mp_obj_type_t *type = mp_obj_get_type(sock);
    const mp_stream_p_t *stream = MP_OBJ_TYPE_GET_SLOT_OR_NULL(type, protocol);
    int error;
    if (!mp_obj_is_native_type(type) || stream == NULL || stream->ioctl == NULL) {
        return MP_STREAM_ERROR;
    }
    return stream->ioctl(sock, MP_STREAM_GET_FILENO, 0, &error);
}

// The descriptor of a native datagram socket, and its family and port; -1 for anything else.
// Only MicroPython's own socket type is asked: a wrapper around a descriptor (tls) is not one.
static int descriptor(mp_obj_t sock, uint8_t *family, uint16_t *port) {
    if (mp_obj_get_type(sock)->name != MP_QSTR_socket) {
        return -1;
    }
    mp_uint_t fd = fileno_of(sock);
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

bool microcoapy_fd_takes(coap_obj_t *self, mp_obj_t sock) {
    int fd = descriptor(sock, &self->family, &self->bound_port);
    if (fd >= 0) {
        self->by.fd = fd;
    }
    return fd >= 0;
}

#ifdef IPV6_V6ONLY
// One socket for both families.
static void take_ipv4_too(mp_obj_t sock) {
    int off = 0;
    mp_uint_t fd = fileno_of(sock);
    if (fd == MP_STREAM_ERROR) {
        mp_raise_OSError(EOPNOTSUPP);
    }
    if (setsockopt((int)fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0) {
        mp_raise_OSError(errno);
    }
}

// MP_OBJ_NULL where the system has no IPv6.
static mp_obj_t dual_socket(mp_int_t port) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_obj_t sock = microcoapy_bound_socket(MP_QSTR_AF_INET6, "::", port, take_ipv4_too);
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

mp_obj_t microcoapy_fd_socket(mp_int_t port) {
    mp_obj_t sock = MP_OBJ_NULL;
    #ifdef IPV6_V6ONLY
    sock = dual_socket(port);
    #endif
    return sock != MP_OBJ_NULL ? sock : microcoapy_bound_socket(MP_QSTR_AF_INET, "0.0.0.0", port, NULL);
}

// ---- groups ------------------------------------------------------------------------------------

#if MICROCOAPY_DISCOVERY
#define IPV4_LEN (4)

// The system says with each datagram which address it came to.
static int fd_join(coap_obj_t *self, const peer_t *group, const peer_t *interface) {
    int on = 1;
    if (PEER_FAMILY(group) == 6) {
        struct ipv6_mreq request = { .ipv6mr_interface = 0 };
        memcpy(&request.ipv6mr_multiaddr, PEER_ADDRESS(group), sizeof(request.ipv6mr_multiaddr));
        return setsockopt(self->by.fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof(request)) != 0
               || setsockopt(self->by.fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) != 0 ? errno : 0;
    }
    struct ip_mreq request = { .imr_interface.s_addr = INADDR_ANY };
    memcpy(&request.imr_multiaddr, PEER_ADDRESS(group), IPV4_LEN);
    if (interface != NULL) {
        memcpy(&request.imr_interface, PEER_ADDRESS(interface), IPV4_LEN);
    }
    return setsockopt(self->by.fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof(request)) != 0
           || setsockopt(self->by.fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) != 0 ? errno : 0;
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

// ---- datagrams ---------------------------------------------------------------------------------

static receive_t receive(coap_obj_t *self, datagram_t *out, int flags) {
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
    ssize_t received;
    if (flags & MSG_DONTWAIT) {
        received = recvmsg(self->by.fd, &message, flags);
    } else {
        MP_THREAD_GIL_EXIT();
        received = recvmsg(self->by.fd, &message, flags);
        MP_THREAD_GIL_ENTER();
    }
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
                self->link = NULL;
                self->tells_readiness = false;
                self->awaits = false;
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

static receive_t fd_receive(coap_obj_t *self, mp_obj_t sock, datagram_t *out) {
    (void)sock;
    return receive(self, out, MSG_DONTWAIT);
}

static receive_t fd_await(coap_obj_t *self, datagram_t *out) {
    return receive(self, out, 0);
}

// A program that sets the socket to non-blocking again loses nothing but this.
static bool fd_prepare(coap_obj_t *self) {
    struct timeval slice = { .tv_usec = LINK_SLICE_MS * 1000 };
    int flags = fcntl(self->by.fd, F_GETFL);
    return flags >= 0 && setsockopt(self->by.fd, SOL_SOCKET, SO_RCVTIMEO, &slice, sizeof(slice)) == 0
           && fcntl(self->by.fd, F_SETFL, flags & ~O_NONBLOCK) == 0;
}

static bool fd_send(coap_obj_t *self, const peer_t *peer, const uint8_t *data, size_t len) {
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
        sent = sendto(self->by.fd, data, len, MSG_DONTWAIT, to, to_len);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        microcoapy_report_errno(self, MP_QSTR_sendto, errno);
    }
    return sent == (ssize_t)len;
}

// An address is only good for sockets of its family.
static bool fd_reaches(coap_obj_t *self, const peer_t *peer) {
    struct sockaddr_storage address;
    return microcoapy_peer_to_sockaddr(peer, self->family, &address) != 0;
}

// IPv4 first, also where IPv6 addresses can be reached: what serves a name need not serve both.
static bool fd_find(coap_obj_t *self, mp_obj_t name, mp_int_t port, int family, peer_t *out) {
    (void)family;
    return microcoapy_peer_resolve(self, name, port, AF_INET, out)
           || (self->family == 6 && microcoapy_peer_resolve(self, name, port, AF_INET6, out));
}

// ---- waiting -----------------------------------------------------------------------------------

static mp_uint_t poll_fd(coap_obj_t *self, mp_uint_t events, int milliseconds) {
    // The two have the same numbers.
    MP_STATIC_ASSERT(POLLIN == MP_STREAM_POLL_RD && POLLOUT == MP_STREAM_POLL_WR && POLLERR == MP_STREAM_POLL_ERR);
    struct pollfd descriptor = { .fd = self->by.fd, .events = events };
    MP_THREAD_GIL_EXIT();
    int ready = poll(&descriptor, 1, milliseconds);
    MP_THREAD_GIL_ENTER();
    // Interrupted: the caller handles the signal and comes again.
    return ready > 0 ? descriptor.revents : 0;
}

static mp_uint_t fd_poll(coap_obj_t *self, mp_uint_t flags) {
    return poll_fd(self, flags, 0);
}

static void fd_wait(coap_obj_t *self, uint32_t milliseconds) {
    poll_fd(self, POLLIN, milliseconds);
}

const link_type_t microcoapy_link_fd = {
    .receive = fd_receive,
    .send = fd_send,
    .poll = fd_poll,
    .wait = fd_wait,
    .await = fd_await,
    .prepare = fd_prepare,
    .find = fd_find,
    .reaches = fd_reaches,
    #if MICROCOAPY_DISCOVERY
    .join = fd_join,
    #endif
    .has_fd = true,
};

#endif // MICROCOAPY_POSIX
