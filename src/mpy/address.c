// SPDX-License-Identifier: MIT
//
// Peers, as the engine, the socket and the program see them. The engine compares opaque bytes:
// family 4 or 6, address and port for IP peers; anything else that a custom socket uses as an
// address is kept as an object in a list, and its bytes are the place in that list.

#include <string.h>

#include "py/objlist.h"
#include "py/objtuple.h"
#include "shim.h"

#if MICROCOAPY_POSIX
#include <netinet/in.h>
#include <sys/socket.h>
#endif

#define FAMILY_OBJECT (0)
#define PEER_OBJECT_LEN (1 + 4)

// ---- addresses that are objects ----------------------------------------------------------------

static void object_peer(size_t index, peer_t *out) {
    out->len = PEER_OBJECT_LEN;
    out->bytes[0] = FAMILY_OBJECT;
    for (size_t i = 1; i < PEER_OBJECT_LEN; i++) {
        out->bytes[i] = index;
        index >>= 8;
    }
}

static mp_obj_t object_at(coap_obj_t *self, const peer_t *peer) {
    size_t index = 0;
    for (size_t i = PEER_OBJECT_LEN - 1; i >= 1; i--) {
        index = index << 8 | peer->bytes[i];
    }
    mp_obj_list_t *list = MP_OBJ_TO_PTR(self->addresses);
    return list != NULL && index < list->len ? list->items[index] : mp_const_none;
}

static bool same_peer(const peer_t *a, const peer_t *b) {
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

// Comparing may run Python code that changes the list, so nothing of it is held in between.
static bool object_find(coap_obj_t *self, mp_obj_t address, peer_t *out) {
    mp_obj_list_t *list = MP_OBJ_TO_PTR(self->addresses);
    for (size_t i = 0; list != NULL && i < list->len; i++) {
        if (list->items[i] != MP_OBJ_NULL && mp_obj_get_type(list->items[i]) == mp_obj_get_type(address)
            && mp_obj_equal(list->items[i], address)) {
            object_peer(i, out);
            return true;
        }
    }
    return false;
}

// Forgets addresses that nothing refers to any more. True if that made room.
static bool objects_prune(coap_obj_t *self, mp_obj_list_t *list) {
    bool room = false;
    for (size_t i = 0; i < list->len; i++) {
        peer_t peer;
        object_peer(i, &peer);
        if (list->items[i] != MP_OBJ_NULL && !same_peer(&peer, &self->last_peer)
            && !mcoap_endpoint_knows_peer(self->endpoint, peer.bytes, peer.len)) {
            list->items[i] = MP_OBJ_NULL;
        }
        room |= list->items[i] == MP_OBJ_NULL;
    }
    return room;
}

static void object_intern(coap_obj_t *self, mp_obj_t address, peer_t *out) {
    if (object_find(self, address, out)) {
        return;
    }
    if (self->addresses == MP_OBJ_NULL) {
        self->addresses = mp_obj_new_list(0, NULL);
    }
    mp_obj_list_t *list = MP_OBJ_TO_PTR(self->addresses);
    // Only a full list is pruned, so the work per new address stays small.
    if (list->len == list->alloc && objects_prune(self, list)) {
        for (size_t i = 0; i < list->len; i++) {
            if (list->items[i] == MP_OBJ_NULL) {
                list->items[i] = address;
                object_peer(i, out);
                return;
            }
        }
    }
    object_peer(list->len, out);
    mp_obj_list_append(self->addresses, address);
}

// ---- unix socket addresses ---------------------------------------------------------------------

#if MICROCOAPY_POSIX
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
#endif

// ---- addresses of the program ------------------------------------------------------------------

static bool literal_peer(mp_obj_t ip, mp_int_t port, peer_t *out) {
    if (!mp_obj_is_str(ip) || port < 0 || port > UINT16_MAX) {
        return false;
    }
    size_t len, peer_len = sizeof(out->bytes);
    const char *text = mp_obj_str_get_data(ip, &len);
    const uint8_t *bytes = microcoapy_engine_bytes(text, len);
    if (mcoap_peer_from_text(bytes, len, port, out->bytes, &peer_len) != MCOAP_OK) {
        return false;
    }
    out->len = peer_len;
    return true;
}

// The first address that the port's resolver knows for a name, or MP_OBJ_NULL.
static mp_obj_t resolve(coap_obj_t *self, mp_obj_t host, mp_int_t port) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_obj_t args[5];
        mp_obj_t module = mp_import_name(MP_QSTR_socket, mp_const_none, MP_OBJ_NEW_SMALL_INT(0));
        mp_load_method(module, MP_QSTR_getaddrinfo, args);
        size_t n_args = 2;
        args[2] = host;
        args[3] = MP_OBJ_NEW_SMALL_INT(port);
        #if MICROCOAPY_POSIX
        // An IPv4 socket has no use for the IPv6 addresses that may come first.
        if (self->link == LINK_FD && self->family == FAMILY_IPV4) {
            args[2 + n_args++] = MP_OBJ_NEW_SMALL_INT(AF_INET);
        }
        #else
        (void)self;
        #endif
        mp_obj_t found = mp_call_method_n_kw(n_args, 0, args);
        mp_obj_t first = mp_obj_subscr(found, MP_OBJ_NEW_SMALL_INT(0), MP_OBJ_SENTINEL);
        mp_obj_t address = mp_obj_subscr(first, MP_OBJ_NEW_SMALL_INT(-1), MP_OBJ_SENTINEL);
        nlr_pop();
        return address;
    }
    if (!microcoapy_containable(MP_OBJ_FROM_PTR(nlr.ret_val))) {
        nlr_jump(nlr.ret_val);
    }
    return MP_OBJ_NULL;
}

bool microcoapy_peer_from_args(coap_obj_t *self, mp_obj_t ip, mp_int_t port, peer_t *out) {
    if (literal_peer(ip, port, out) || object_find(self, ip, out)) {
        return true;
    }
    if (self->link == LINK_OBJECT) {
        // What a name means is the custom socket's affair.
        mp_obj_t pair[2] = { ip, MP_OBJ_NEW_SMALL_INT(port) };
        object_intern(self, mp_obj_new_tuple(2, pair), out);
        return true;
    }
    if (!mp_obj_is_str(ip)) {
        microcoapy_bad_type(MP_QSTR_ip);
    }
    mp_obj_t address = resolve(self, ip, port);
    if (address == MP_OBJ_NULL) {
        return false;
    }
    microcoapy_peer_from_object(self, address, out);
    return true;
}

void microcoapy_peer_from_object(coap_obj_t *self, mp_obj_t address, peer_t *out) {
    if (mp_obj_is_type(address, &mp_type_tuple) || mp_obj_is_type(address, &mp_type_list)) {
        size_t len;
        mp_obj_t *items;
        mp_obj_get_array(address, &len, &items);
        if (len >= 2 && mp_obj_is_small_int(items[1])
            && literal_peer(items[0], MP_OBJ_SMALL_INT_VALUE(items[1]), out)) {
            return;
        }
        if (len == 2) {
            address = mp_obj_new_tuple(2, items); // a list may be the socket's own, to be used again
        }
    }
    #if MICROCOAPY_POSIX
    mp_buffer_info_t buffer;
    if (!mp_obj_is_str(address) && mp_get_buffer(address, &buffer, MP_BUFFER_READ)) {
        if (microcoapy_peer_from_sockaddr(buffer.buf, buffer.len, out)) {
            return;
        }
        address = mp_obj_new_bytes(buffer.buf, buffer.len);
    }
    #endif
    object_intern(self, address, out);
}

void microcoapy_peer_to_pair(coap_obj_t *self, const peer_t *peer, mp_obj_t pair[2]) {
    uint8_t text[MCOAP_ADDRESS_TEXT_MAX];
    size_t text_len = sizeof(text);
    uint32_t port;
    if (mcoap_peer_to_text(peer->bytes, peer->len, text, &text_len, &port) == MCOAP_OK) {
        pair[0] = mp_obj_new_str((const char *)text, text_len);
        pair[1] = MP_OBJ_NEW_SMALL_INT(port);
        return;
    }
    pair[0] = object_at(self, peer);
    pair[1] = MP_OBJ_NEW_SMALL_INT(0);
    if (mp_obj_is_type(pair[0], &mp_type_tuple)) {
        mp_obj_tuple_t *tuple = MP_OBJ_TO_PTR(pair[0]);
        if (tuple->len == 2) {
            pair[0] = tuple->items[0];
            pair[1] = tuple->items[1];
        }
    }
}

mp_obj_t microcoapy_peer_to_object(coap_obj_t *self, const peer_t *peer) {
    if (peer->len == PEER_OBJECT_LEN && peer->bytes[0] == FAMILY_OBJECT) {
        return object_at(self, peer);
    }
    mp_obj_t pair[2];
    microcoapy_peer_to_pair(self, peer, pair);
    return mp_obj_new_tuple(2, pair);
}
