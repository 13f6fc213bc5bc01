// SPDX-License-Identifier: MIT
//
// Addresses of sockets as the system packs them, where it does.
#ifndef MICROCOAPY_SOCKADDR_H
#define MICROCOAPY_SOCKADDR_H

#include "shim.h"

#if MICROCOAPY_POSIX
struct sockaddr_storage;
bool microcoapy_peer_from_sockaddr(const void *address, size_t len, peer_t *out);
// Bytes of the address written, 0 if a socket of this family cannot reach the peer.
size_t microcoapy_peer_to_sockaddr(const peer_t *peer, unsigned family, struct sockaddr_storage *out);
// The peer of a packed IP address. False: it is none; if it is packed otherwise, it becomes an object of its own.
bool microcoapy_peer_from_packed(mp_obj_t *address, peer_t *out);
#else
static inline bool microcoapy_peer_from_packed(mp_obj_t *address, peer_t *out) {
    (void)address;
    (void)out;
    return false;
}
#endif

#endif // MICROCOAPY_SOCKADDR_H
