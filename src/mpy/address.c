// SPDX-License-Identifier: MIT
//
// Peers, as the engine, the socket and the program see them. The engine compares opaque bytes:
// family 4 or 6, address and port for IP peers; anything else that a custom socket uses as an
// address is kept as an object in a list, and its bytes are the place in that list.

#include <string.h>

#include "py/objlist.h"
#include "py/objstr.h"
#include "py/objtuple.h"
#include "dtls.h"
#include "link.h"
#include "sockaddr.h"

#define PEER_OBJECT_LEN (1 + 2)
#define NO_OBJECT (SIZE_MAX)

// ---- addresses that are objects ----------------------------------------------------------------

static void object_peer(size_t index, peer_t *out) {
    out->len = PEER_OBJECT_LEN;
    out->bytes[0] = PEER_FAMILY_OBJECT;
    out->bytes[1] = index;
    out->bytes[2] = index >> 8;
}

// The place in the list, or NO_OBJECT for an IP peer.
static size_t object_index(const peer_t *peer) {
    if (peer->len != PEER_OBJECT_LEN || peer->bytes[0] != PEER_FAMILY_OBJECT) {
        return NO_OBJECT;
    }
    return peer->bytes[1] | peer->bytes[2] << 8;
}

// The address of a peer that is no IP peer; None if it has been forgotten.
static mp_obj_t object_at(coap_obj_t *self, const peer_t *peer) {
    size_t index = object_index(peer);
    mp_obj_list_t *list = MP_OBJ_TO_PTR(self->addresses);
    return list != NULL && index < list->len ? list->items[index] : mp_const_none;
}

// Comparing may run Python code that changes the list, so nothing of it is held in between.
static bool object_find(coap_obj_t *self, mp_obj_t address, peer_t *out) {
    mp_obj_list_t *list = MP_OBJ_TO_PTR(self->addresses);
    for (size_t i = 0; list != NULL && i < list->len; i++) {
        mp_obj_t item = list->items[i];
        // An address need not be able to compare itself with one of another kind.
        if (item != MP_OBJ_NULL && mp_obj_get_type(item) == mp_obj_get_type(address) && mp_obj_equal(item, address)) {
            object_peer(i, out);
            return true;
        }
    }
    return false;
}

// A place in a full list: that of an address that nothing refers to any more, or else a new one.
static size_t object_place(coap_obj_t *self, mp_obj_list_t *list) {
    size_t place = list->len;
    for (size_t i = list->len; i-- > 0;) {
        peer_t peer;
        object_peer(i, &peer);
        if (i != object_index(&self->last_peer) && !mcoap_endpoint_knows_peer(self->endpoint, peer.bytes, peer.len)) {
            list->items[i] = MP_OBJ_NULL;
            place = i;
        }
    }
    return place;
}

static void object_intern(coap_obj_t *self, mp_obj_t address, peer_t *out) {
    if (object_find(self, address, out)) {
        return;
    }
    if (self->addresses == MP_OBJ_NULL) {
        self->addresses = mp_obj_new_list(0, NULL);
    }
    mp_obj_list_t *list = MP_OBJ_TO_PTR(self->addresses);
    // Only a full list is searched, so the work per new address stays small.
    size_t place = list->len == list->alloc ? object_place(self, list) : list->len;
    if (place == list->len) {
        mp_obj_list_append(self->addresses, address);
    } else {
        list->items[place] = address;
    }
    object_peer(place, out);
}

// ---- addresses of the program ------------------------------------------------------------------

bool microcoapy_literal_peer(mp_obj_t ip, mp_int_t port, peer_t *out) {
    if (!microcoapy_is_str(ip) || (mp_uint_t)port > UINT16_MAX) {
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

mp_obj_t microcoapy_socket_module(void) {
    return mp_import_name(MP_QSTR_socket, mp_const_none, MP_OBJ_NEW_SMALL_INT(0));
}

mp_obj_t microcoapy_resolve(mp_obj_t host, mp_int_t port, int family) {
    mp_obj_t args[5];
    mp_load_method(microcoapy_socket_module(), MP_QSTR_getaddrinfo, args);
    args[2] = host;
    args[3] = MP_OBJ_NEW_SMALL_INT(port);
    args[4] = MP_OBJ_NEW_SMALL_INT(family);
    mp_obj_t found = mp_call_method_n_kw(family == 0 ? 2 : 3, 0, args);
    found = mp_obj_subscr(found, MP_OBJ_NEW_SMALL_INT(0), MP_OBJ_SENTINEL);
    return mp_obj_subscr(found, MP_OBJ_NEW_SMALL_INT(-1), MP_OBJ_SENTINEL);
}

bool microcoapy_peer_resolve(coap_obj_t *self, mp_obj_t name, mp_int_t port, int family, peer_t *out) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_obj_t address = microcoapy_resolve(name, port, family);
        nlr_pop();
        microcoapy_peer_from_object(self, address, out);
        return true;
    }
    microcoapy_contain(self, MP_QSTR_getaddrinfo, nlr.ret_val);
    return false;
}

bool microcoapy_peer_from_args(coap_obj_t *self, mp_obj_t ip, mp_int_t port, peer_t *out) {
    if (microcoapy_literal_peer(ip, port, out) || object_find(self, ip, out)) {
        return true;
    }
    if (self->link == NULL || self->link->find == NULL) {
        mp_obj_t pair[2] = { ip, MP_OBJ_NEW_SMALL_INT(port) };
        object_intern(self, mp_obj_new_tuple(2, pair), out);
        return true;
    }
    microcoapy_str_arg(ip, MP_QSTR_ip);
    return self->link->find(self, ip, port, 0, out);
}

bool microcoapy_peer_reachable(coap_obj_t *self, const peer_t *peer) {
    if (self->link == NULL || self->link->find == NULL || object_index(peer) != NO_OBJECT) {
        return true;
    }
    bool has_port = peer->bytes[peer->len - 1] != 0 || peer->bytes[peer->len - 2] != 0;
    return has_port && microcoapy_link_reaches(self, peer);
}

void microcoapy_peer_from_object(coap_obj_t *self, mp_obj_t address, peer_t *out) {
    size_t len;
    mp_obj_t *items;
    if (microcoapy_items(address, &len, &items)) {
        if (len >= 2 && mp_obj_is_small_int(items[1])
            && microcoapy_literal_peer(items[0], MP_OBJ_SMALL_INT_VALUE(items[1]), out)) {
            return;
        }
        if (len == 2) {
            address = mp_obj_new_tuple(2, items); // a list may be the socket's own, to be used again
        }
    }
    if (microcoapy_peer_from_packed(&address, out)) {
        return;
    }
    object_intern(self, address, out);
}

// An IP peer as (ip, port).
static void peer_to_text(const peer_t *peer, mp_obj_t pair[2]) {
    uint8_t text[MCOAP_ADDRESS_TEXT_MAX];
    size_t text_len = sizeof(text);
    uint32_t port = 0;
    if (mcoap_peer_to_text(peer->bytes, peer->len, text, &text_len, &port) != MCOAP_OK) {
        text_len = 0;
    }
    // Not looked up among the interned strings, where no address is.
    pair[0] = mp_obj_new_str_copy(&mp_type_str, text, text_len);
    pair[1] = MP_OBJ_NEW_SMALL_INT(port);
}

mp_obj_t microcoapy_peer_to_object(coap_obj_t *self, const peer_t *peer) {
    peer_t address;
    if (MICROCOAPY_DTLS && PEER_FAMILY(peer) == MCOAP_PEER_SESSION) {
        if (!microcoapy_dtls_address(self, peer, &address)) {
            return mp_const_none;
        }
        peer = &address;
    }
    if (object_index(peer) != NO_OBJECT) {
        return object_at(self, peer);
    }
    // Whoever is named is named again soon.
    if (self->sender == MP_OBJ_NULL || !microcoapy_same_peer(peer, &self->sender_peer)) {
        mp_obj_t pair[2];
        peer_to_text(peer, pair);
        self->sender = mp_obj_new_tuple(2, pair);
        self->sender_peer = *peer;
    }
    return self->sender;
}

void microcoapy_peer_to_pair(coap_obj_t *self, const peer_t *peer, mp_obj_t pair[2]) {
    size_t len;
    mp_obj_t *items;
    mp_obj_t address = microcoapy_peer_to_object(self, peer);
    bool is_pair = microcoapy_items(address, &len, &items) && len == 2;
    pair[0] = is_pair ? items[0] : address;
    pair[1] = is_pair ? items[1] : MP_OBJ_NEW_SMALL_INT(0);
}
