// SPDX-License-Identifier: MIT
//
// discover(): the links of one host, or of all in a group, RFC 6690. An iterator, and an asynchronous one.

#include <string.h>

#include "dtls.h"
#include "modern.h"
#include "protocol.h"

#if MICROCOAPY_DISCOVERY

// How long a group is listened to: DEFAULT_LEISURE (RFC 7252 section 8.2) and a little for the way; milliseconds.
#define GROUP_TIMEOUT_MS (7000)

static const mp_obj_type_t next_type;
static const mp_obj_type_t discovery_type;

// ---- Link --------------------------------------------------------------------------------------

typedef struct {
    mp_obj_base_t base;
    mp_obj_t target;
    mp_obj_t address;    // (ip, port) of the host
    mp_obj_t attributes; // dict; True for those without a value
    #if MICROCOAPY_DTLS
    bool secure; // the host was asked by DTLS
    #endif
} link_obj_t;

static mp_obj_t attribute_value(const mcoap_link *attribute) {
    if (attribute->value == NULL) {
        return mp_const_true;
    }
    if (!attribute->quoted) {
        return mp_obj_new_str((const char *)attribute->value, attribute->value_len);
    }
    vstr_t text;
    vstr_init_len(&text, attribute->value_len);
    text.len = attribute->value_len == 0 ? 0
        : mcoap_link_value(attribute->value, attribute->value_len, (uint8_t *)text.buf);
    return mp_obj_new_str_from_vstr(&text);
}

static mp_obj_t link_new(const mcoap_link *link, mp_obj_t address, bool secure);

// The target as a URI; None if it is relative and nothing is known of its host. RFC 6690 section 2.1.
static mp_obj_t link_uri(const link_obj_t *self) {
    size_t len;
    mp_obj_t *items;
    vstr_t text;
    mp_print_t print;
    const char *target = mp_obj_str_get_str(self->target);
    if (strstr(target, "://") != NULL) {
        return self->target;
    }
    if (!microcoapy_items(self->address, &len, &items) || len != 2 || !microcoapy_is_str(items[0])) {
        return mp_const_none;
    }
    const char *ip = mp_obj_str_get_str(items[0]);
    bool is_ipv6 = strchr(ip, ':') != NULL;
    vstr_init_print(&text, 64, &print);
    mp_int_t default_port = COAP_DEFAULT_PORT;
    #if MICROCOAPY_DTLS
    if (self->secure) {
        default_port = COAPS_DEFAULT_PORT;
    }
    #endif
    mp_print_str(&print, default_port == COAP_DEFAULT_PORT ? "coap" : "coaps");
    mp_printf(&print, is_ipv6 ? "://[%s]" : "://%s", ip);
    // RFC 7252 section 6.5: not the default port.
    mp_int_t port = mp_obj_get_int(items[1]);
    if (port != default_port) {
        mp_printf(&print, ":%d", (int)port);
    }
    mp_printf(&print, target[0] == '/' ? "%s" : "/%s", target);
    return mp_obj_new_str_from_vstr(&text);
}

static void link_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    link_obj_t *self = MP_OBJ_TO_PTR(self_in);
    if (dest[0] != MP_OBJ_NULL) {
        return;
    }
    switch (attr) {
        case MP_QSTR_target:
            dest[0] = self->target;
            return;
        case MP_QSTR_address:
            dest[0] = self->address;
            return;
        case MP_QSTR_attributes:
            dest[0] = self->attributes;
            return;
        case MP_QSTR_uri:
            dest[0] = link_uri(self);
            return;
        default: {
            mp_map_elem_t *found = mp_map_lookup(
                mp_obj_dict_get_map(self->attributes), MP_OBJ_NEW_QSTR(attr), MP_MAP_LOOKUP);
            if (found != NULL) {
                dest[0] = found->value;
            }
        }
    }
}

static void link_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    link_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_print_str(print, "Link(");
    mp_obj_print_helper(print, self->target, PRINT_REPR);
    mp_print_str(print, ", ");
    mp_obj_print_helper(print, self->attributes, PRINT_REPR);
    mp_print_str(print, ")");
}

static mp_obj_t link_new(const mcoap_link *link, mp_obj_t address, bool secure) {
    link_obj_t *self = mp_obj_malloc(link_obj_t, &microcoapy_link_type);
    #if MICROCOAPY_DTLS
    self->secure = secure;
    #else
    (void)secure;
    #endif
    self->target = mp_obj_new_str((const char *)link->name, link->name_len);
    self->address = address;
    self->attributes = mp_obj_new_dict(0);
    mcoap_link attribute;
    size_t cursor = 0;
    while (mcoap_link_attribute(link->value, link->value_len, &cursor, &attribute) == MCOAP_OK) {
        mp_obj_t name = mp_obj_new_str_via_qstr((const char *)attribute.name, attribute.name_len);
        // RFC 8288 section 3.3: the first one counts.
        if (mp_map_lookup(mp_obj_dict_get_map(self->attributes), name, MP_MAP_LOOKUP) == NULL) {
            mp_obj_dict_store(self->attributes, name, attribute_value(&attribute));
        }
    }
    return MP_OBJ_FROM_PTR(self);
}

// links(document, address=None) -> list of Link. ValueError for a malformed document.
static mp_obj_t parse_links(size_t n_args, const mp_obj_t *args) {
    mp_buffer_info_t document;
    microcoapy_bytes_arg(args[0], MP_QSTR_document, &document);
    mp_obj_t list = mp_obj_new_list(0, NULL);
    size_t cursor = 0;
    mcoap_link link;
    mcoap_result result;
    while ((result = mcoap_link_next(document.buf, document.len, &cursor, &link)) == MCOAP_OK) {
        mp_obj_list_append(list, link_new(&link, n_args > 1 ? args[1] : mp_const_none, false));
        microcoapy_bytes_arg(args[0], MP_QSTR_document, &document);
    }
    if (result != MCOAP_NOTHING) {
        microcoapy_bad_value(MP_QSTR_document);
    }
    return list;
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(microcoapy_links_obj, 1, 2, parse_links);

// ---- Discovery ---------------------------------------------------------------------------------

typedef struct {
    mp_obj_base_t base;
    coap_obj_t *coap;
    mp_obj_t exchange;  // the request to the host or to the group
    mp_obj_t fetching;  // the exchange that fetches a long document of a member of the group, or MP_OBJ_NULL
    mp_obj_t documents; // list of responses that are still to be read
    mp_obj_t filter;    // list of Uri-Query values
    size_t cursor;      // in the first of them
    bool is_group;
    bool failed_seen;
} discovery_obj_t;

static exchange_obj_t *exchange_of(mp_obj_t exchange) {
    return MP_OBJ_TO_PTR(exchange);
}

// A server need not filter: RFC 6690 section 4.1.
static bool passes(const discovery_obj_t *self, const mcoap_link *link) {
    size_t count;
    mp_obj_t *filters;
    mp_obj_list_get(self->filter, &count, &filters);
    for (size_t i = 0; i < count; i++) {
        size_t len;
        const char *filter = mp_obj_str_get_data(filters[i], &len);
        if (!mcoap_link_matches(link, (const uint8_t *)filter, len)) {
            return false;
        }
    }
    return true;
}

// The next link of the documents that are there; MP_OBJ_NULL if there is none. What is malformed is left out.
static mp_obj_t next_link(discovery_obj_t *self) {
    size_t count;
    mp_obj_t *items;
    mp_obj_list_get(self->documents, &count, &items);
    while (count != 0) {
        message_obj_t *response = MP_OBJ_TO_PTR(items[0]);
        size_t len;
        const uint8_t *document = (const uint8_t *)mp_obj_str_get_data(response->incoming.packet.payload, &len);
        mcoap_link link;
        bool success = CODE_CLASS(mp_obj_get_int(response->incoming.packet.method)) == CODE_CLASS_SUCCESS;
        while (success && mcoap_link_next(document, len, &self->cursor, &link) == MCOAP_OK) {
            if (passes(self, &link)) {
                return link_new(&link, response->sender, microcoapy_speaks_dtls(self->coap));
            }
        }
        microcoapy_call(self->documents, MP_QSTR_pop, 1, MP_OBJ_NEW_SMALL_INT(0), MP_OBJ_NULL);
        self->cursor = 0;
        mp_obj_list_get(self->documents, &count, &items);
    }
    return MP_OBJ_NULL;
}

// A member of the group has answered with the first block of a long document.
static bool goes_on(message_obj_t *response) {
    const packet_obj_t *packet = &response->incoming.packet;
    return MICROCOAPY_BLOCK && mcoap_options_more(packet->raw_options, packet->options_len);
}

// Takes over what has come: true if there is something to read, or nothing will come any more.
static bool collect(void *self_in) {
    discovery_obj_t *self = self_in;
    size_t count;
    mp_obj_t *items;
    exchange_obj_t *exchange = exchange_of(self->exchange);
    if (self->fetching != MP_OBJ_NULL && exchange_of(self->fetching)->waiter.result != MP_OBJ_NULL) {
        exchange_obj_t *fetching = exchange_of(self->fetching);
        self->fetching = MP_OBJ_NULL;
        if (!fetching->waiter.failed && fetching->waiter.result != mp_const_none) {
            mp_obj_list_append(self->documents, fetching->waiter.result);
        }
    }
    if (self->is_group) {
        mp_obj_list_get(exchange->queue, &count, &items);
        while (count != 0 && self->fetching == MP_OBJ_NULL) {
            mp_obj_t response = microcoapy_call(exchange->queue, MP_QSTR_pop, 1, MP_OBJ_NEW_SMALL_INT(0), MP_OBJ_NULL);
            exchange->unconsumed = 0;
            if (goes_on(MP_OBJ_TO_PTR(response))) {
                self->fetching = microcoapy_request_links(self->coap, ((message_obj_t *)MP_OBJ_TO_PTR(response))->sender,
                    self->filter, 0, false);
            } else {
                mp_obj_list_append(self->documents, response);
            }
            mp_obj_list_get(exchange->queue, &count, &items);
        }
    } else if (exchange->waiter.result != MP_OBJ_NULL && !self->failed_seen) {
        self->failed_seen = true;
        if (exchange->waiter.failed) {
            nlr_raise(exchange->waiter.result);
        }
        mp_obj_list_append(self->documents, exchange->waiter.result);
    }
    mp_obj_list_get(self->documents, &count, &items);
    return count != 0 || (exchange->waiter.result != MP_OBJ_NULL && self->fetching == MP_OBJ_NULL);
}

static mp_obj_t discovery_iternext(mp_obj_t self_in) {
    discovery_obj_t *self = MP_OBJ_TO_PTR(self_in);
    for (;;) {
        mp_obj_t link = next_link(self);
        if (link != MP_OBJ_NULL) {
            return link;
        }
        bool ready = collect(self);
        size_t count;
        mp_obj_t *items;
        mp_obj_list_get(self->documents, &count, &items);
        if (ready && count == 0) {
            return MP_OBJ_STOP_ITERATION;
        }
        if (!ready) {
            microcoapy_must_not_block();
        }
        if (!ready && !microcoapy_pump(self->coap, PUMP_FOREVER, collect, self)) {
            return MP_OBJ_STOP_ITERATION; // stopped
        }
    }
}

// ---- awaiting the next link --------------------------------------------------------------------

typedef struct {
    mp_obj_base_t base;
    discovery_obj_t *discovery;
} next_obj_t;

static waiter_t *waited_for(discovery_obj_t *self) {
    return &exchange_of(self->fetching != MP_OBJ_NULL ? self->fetching : self->exchange)->waiter;
}

static mp_obj_t next_iternext(mp_obj_t self_in) {
    discovery_obj_t *self = ((next_obj_t *)MP_OBJ_TO_PTR(self_in))->discovery;
    for (;;) {
        mp_obj_t link = next_link(self);
        if (link != MP_OBJ_NULL) {
            return mp_make_stop_iteration(link);
        }
        if (!collect(self)) {
            microcoapy_waiter_suspend(waited_for(self));
            return mp_const_none;
        }
        size_t count;
        mp_obj_t *items;
        mp_obj_list_get(self->documents, &count, &items);
        if (count == 0) {
            mp_raise_type(&mp_type_StopAsyncIteration);
        }
    }
}

static mp_obj_t discovery_anext(mp_obj_t self_in) {
    next_obj_t *next = mp_obj_malloc(next_obj_t, &next_type);
    next->discovery = MP_OBJ_TO_PTR(self_in);
    return MP_OBJ_FROM_PTR(next);
}
static MP_DEFINE_CONST_FUN_OBJ_1(discovery_anext_obj, discovery_anext);

static mp_obj_t itself(mp_obj_t self_in) {
    return self_in;
}
static MP_DEFINE_CONST_FUN_OBJ_1(itself_obj, itself);

// ---- the method --------------------------------------------------------------------------------

// "rt=temperature" of rt="temperature"; "obs=*" of obs=True: whatever its value is, if it is there.
static mp_obj_t filter_item(mp_obj_t name, mp_obj_t value) {
    vstr_t text;
    mp_print_t print;
    size_t len;
    const char *chars = mp_obj_str_get_data(name, &len);
    vstr_init_print(&text, 32, &print);
    if (len != 0 && chars[len - 1] == '_') {
        len--; // if_, because if is a keyword
    }
    mp_print_strn(&print, chars, len, 0, 0, 0);
    mp_print_str(&print, "=");
    if (value == mp_const_true) {
        mp_print_str(&print, "*");
    } else {
        mp_obj_print_helper(&print, value, PRINT_STR);
    }
    return mp_obj_new_bytes_from_vstr(&text);
}

// discover(uri or address, *, timeout_ms=None, **filter): the links that fit
static mp_obj_t coap_discover(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    mp_arg_check_num(n_args, kwargs->used, 2, 2, true);
    discovery_obj_t *self = mp_obj_malloc(discovery_obj_t, &discovery_type);
    self->coap = MP_OBJ_TO_PTR(args[0]);
    self->fetching = MP_OBJ_NULL;
    self->documents = mp_obj_new_list(0, NULL);
    self->filter = mp_obj_new_list(0, NULL);
    self->cursor = 0;
    self->failed_seen = false;
    uint32_t timeout = 0;
    for (size_t i = 0; i < kwargs->alloc; i++) {
        if (!mp_map_slot_is_filled(kwargs, i)) {
            continue;
        }
        mp_map_elem_t *given = &kwargs->table[i];
        if (MP_OBJ_QSTR_VALUE(given->key) == MP_QSTR_timeout_ms) {
            timeout = given->value == mp_const_none
                ? 0 : microcoapy_int_arg(given->value, MP_QSTR_timeout_ms, 1, INT32_MAX);
        } else if (given->value != mp_const_none) {
            mp_obj_list_append(self->filter, filter_item(given->key, given->value));
        }
    }
    self->is_group = microcoapy_is_group(args[1]);
    if (self->is_group && timeout == 0) {
        timeout = GROUP_TIMEOUT_MS;
    }
    self->exchange = microcoapy_request_links(self->coap, args[1], self->filter, timeout, self->is_group);
    return MP_OBJ_FROM_PTR(self);
}
MP_DEFINE_CONST_FUN_OBJ_KW(microcoapy_discover_obj, 2, coap_discover);

#include "tables/discover.h"

#endif
