// SPDX-License-Identifier: MIT
//
// How datagrams reach the network: a table of functions for each kind of link, in a file each. link.c chooses among
// them, and has what they all share. A further transport is a file with its table, and a line in link.c.
#ifndef MICROCOAPY_LINK_H
#define MICROCOAPY_LINK_H

#include "shim.h"

// A wait is left this often. Neither a signal that arrived just before the call of the system nor a callback scheduled
// by another thread ends it; and a custom socket's word is not taken for much longer.
#define LINK_SLICE_MS (100)

typedef struct {
    size_t len; // bytes in the receive buffer; rx_len when the datagram was too large for it
    peer_t peer;
    bool multicast; // it came to a group
} datagram_t;
typedef enum { RECEIVE_NONE, RECEIVE_DATA, RECEIVE_AGAIN } receive_t;

typedef struct _link_type_t {
    // NULL: datagrams are fed to the endpoint and taken from it.
    receive_t (*receive)(coap_obj_t *self, mp_obj_t sock, datagram_t *out);
    bool (*send)(coap_obj_t *self, const peer_t *peer, const uint8_t *data, size_t len);
    // Which of these MP_STREAM_POLL_* hold. Only asked while tells_readiness is set.
    mp_uint_t (*poll)(coap_obj_t *self, mp_uint_t flags);
    // The peer that a name means, of a family or of any (0); false if there is none. NULL: the peers need be no IP
    // peers, and a name is the affair of whoever gets the pair (name, port).
    bool (*find)(coap_obj_t *self, mp_obj_t name, mp_int_t port, int family, peer_t *out);
    #if MICROCOAPY_DISCOVERY
    // Joins a group, on the interface with that address or on any (NULL); an errno, or 0. NULL: not supported.
    int (*join)(coap_obj_t *self, const peer_t *group, const peer_t *interface);
    #endif
    #if MICROCOAPY_POSIX
    // What only the system's own sockets have so far.
    // Whether there is a way to this IP peer. NULL: to every one.
    bool (*reaches)(coap_obj_t *self, const peer_t *peer);
    // Returns when something may be there to read, or after at most that many milliseconds. NULL: poll is asked for it
    // again and again.
    void (*wait)(coap_obj_t *self, uint32_t milliseconds);
    // As receive, and waits for a datagram, LINK_SLICE_MS at most: only while awaits is set. NULL: cannot.
    receive_t (*await)(coap_obj_t *self, datagram_t *out);
    // Prepares a socket of our own for that.
    bool (*prepare)(coap_obj_t *self);
    bool has_fd; // by.fd, which others can wait for
    #endif
} link_type_t;

// A socket of the system, by its file descriptor.
#if MICROCOAPY_POSIX
extern const link_type_t microcoapy_link_fd;
// A socket for both families, where the system has both.
mp_obj_t microcoapy_fd_socket(mp_int_t port);
bool microcoapy_fd_takes(coap_obj_t *self, mp_obj_t sock);
#endif
// A port's own socket without a descriptor: its methods, readiness by the ioctl of its type.
extern const link_type_t microcoapy_link_stream;
// A Python-defined object with sendto and recvfrom.
extern const link_type_t microcoapy_link_object;
// No socket: feed() and take().
extern const link_type_t microcoapy_link_manual;

// link_methods.c: what links share that go through the methods of a socket.
// A datagram socket, bound to an address that is named in the port's own form: packed on unix, a tuple elsewhere.
mp_obj_t microcoapy_bound_socket(qstr family, const char *host, mp_int_t port, void (*prepare)(mp_obj_t sock));
receive_t microcoapy_recvfrom(coap_obj_t *self, mp_obj_t sock, datagram_t *out);
bool microcoapy_sendto(coap_obj_t *self, const peer_t *peer, const uint8_t *data, size_t len);

// link.c
void microcoapy_link_open(coap_obj_t *self, mp_int_t port);
void microcoapy_link_attach(coap_obj_t *self, mp_obj_t sock);
void microcoapy_link_close(coap_obj_t *self);
// Joins a group, a multicast address as text, on the interface with that address or on any (None).
void microcoapy_link_join(coap_obj_t *self, mp_obj_t group, mp_obj_t interface);
receive_t microcoapy_link_receive(coap_obj_t *self, datagram_t *out);
// Whether it can wait for a datagram where it reads it: one call of the system in place of three.
static inline bool microcoapy_link_can_await(const coap_obj_t *self) {
    return MICROCOAPY_POSIX && self->awaits && !microcoapy_speaks_dtls(self);
}
receive_t microcoapy_link_await(coap_obj_t *self, datagram_t *out);
// Only where the link sends.
bool microcoapy_link_send(coap_obj_t *self, const peer_t *peer, const uint8_t *data, size_t len);
// Which of these MP_STREAM_POLL_* are known to hold.
mp_uint_t microcoapy_link_poll(coap_obj_t *self, mp_uint_t flags);
// Returns when something may be there to read, or after at most that many milliseconds.
void microcoapy_link_wait(coap_obj_t *self, uint32_t milliseconds);

// Of a link that is open, to an IP peer.
static inline bool microcoapy_link_reaches(coap_obj_t *self, const peer_t *peer) {
    #if MICROCOAPY_POSIX
    return self->link->reaches == NULL || self->link->reaches(self, peer);
    #else
    (void)self;
    (void)peer;
    return true;
    #endif
}
// The descriptor that can be waited for; -1 if there is none.
static inline int microcoapy_link_fileno(coap_obj_t *self) {
    #if MICROCOAPY_POSIX
    return self->link != NULL && self->link->has_fd ? self->by.fd : -1;
    #else
    (void)self;
    return -1;
    #endif
}

#endif // MICROCOAPY_LINK_H
