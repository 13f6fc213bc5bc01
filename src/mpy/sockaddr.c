// SPDX-License-Identifier: MIT
//
// Peers and the addresses of the system's sockets (POSIX), packed as it hands them out.

#include <string.h>

#include "sockaddr.h"

#if MICROCOAPY_POSIX
#include <netinet/in.h>
#include <sys/socket.h>

#define FAMILY_IPV4 (4)
#define FAMILY_IPV6 (6)
#define PEER_IPV4_LEN (1 + 4 + 2)
#define PEER_IPV6_LEN (1 + 16 + 2)

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static void ip_peer(peer_t *out, uint8_t family, const void *address, size_t len, const void *port) {
    out->len = 1 + len + 2;
    out->bytes[0] = family;
    memcpy(&out->bytes[1], address, len);
    memcpy(&out->bytes[1 + len], port, 2); // both are in network order
}

bool microcoapy_peer_from_sockaddr(const void *address, size_t len, peer_t *out) {
    sa_family_t family;
    if (len < offsetof(struct sockaddr, sa_data)) {
        return false;
    }
    memcpy(&family, (const char *)address + offsetof(struct sockaddr, sa_family), sizeof(family));
    if (family == AF_INET && len >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof(in));
        ip_peer(out, FAMILY_IPV4, &in.sin_addr, 4, &in.sin_port);
        return true;
    }
    if (family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
        struct sockaddr_in6 in6;
        memcpy(&in6, address, sizeof(in6));
        if (memcmp(&in6.sin6_addr, mapped_prefix, sizeof(mapped_prefix)) == 0) {
            // An IPv4 peer of a socket for both families: the same peer as on an IPv4 socket.
            ip_peer(out, FAMILY_IPV4, (const uint8_t *)&in6.sin6_addr + sizeof(mapped_prefix), 4, &in6.sin6_port);
            return true;
        }
        // A link-local address means nothing without its interface: those stay whole, as objects.
        if (in6.sin6_scope_id == 0) {
            ip_peer(out, FAMILY_IPV6, &in6.sin6_addr, 16, &in6.sin6_port);
            return true;
        }
    }
    return false;
}

size_t microcoapy_peer_to_sockaddr(const peer_t *peer, unsigned family, struct sockaddr_storage *out) {
    memset(out, 0, sizeof(*out));
    if (peer->len == PEER_IPV4_LEN && peer->bytes[0] == FAMILY_IPV4 && family == FAMILY_IPV4) {
        struct sockaddr_in *in = (struct sockaddr_in *)out;
        in->sin_family = AF_INET;
        memcpy(&in->sin_addr, &peer->bytes[1], 4);
        memcpy(&in->sin_port, &peer->bytes[5], 2);
        return sizeof(*in);
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    in6->sin6_family = AF_INET6;
    uint8_t *address = (uint8_t *)&in6->sin6_addr;
    if (peer->len == PEER_IPV4_LEN && peer->bytes[0] == FAMILY_IPV4 && family == FAMILY_IPV6) {
        memcpy(address, mapped_prefix, sizeof(mapped_prefix));
        memcpy(address + sizeof(mapped_prefix), &peer->bytes[1], 4);
    } else if (peer->len == PEER_IPV6_LEN && peer->bytes[0] == FAMILY_IPV6 && family == FAMILY_IPV6) {
        memcpy(address, &peer->bytes[1], 16);
    } else {
        return 0;
    }
    memcpy(&in6->sin6_port, &peer->bytes[peer->len - 2], 2);
    return sizeof(*in6);
}

bool microcoapy_peer_from_packed(mp_obj_t *address, peer_t *out) {
    mp_buffer_info_t buffer;
    if (microcoapy_is_str(*address) || !mp_get_buffer(*address, &buffer, MP_BUFFER_READ)) {
        return false;
    }
    if (microcoapy_peer_from_sockaddr(buffer.buf, buffer.len, out)) {
        return true;
    }
    *address = mp_obj_new_bytes(buffer.buf, buffer.len);
    return false;
}

#endif // MICROCOAPY_POSIX
