// SPDX-License-Identifier: MIT
//
// SecurityContext: OSCORE, RFC 8613. The keys are in the engine's block alone: no attribute, no text and no exception has
// them.

#include <string.h>

#include "py/runtime.h"
#include "modern.h"
#include "security.h"

#if MICROCOAPY_OSCORE

#include "tables/security_names.h"

// So many sequence numbers are left when more are reserved.
#define RESERVE_BELOW (SEQUENCE_RESERVE / 2)

typedef struct {
    mp_obj_base_t base;
    mp_obj_t sender_id;
    mp_obj_t recipient_id;
    mp_obj_t id_context; // or None
    mp_obj_t save;       // or None
    mcoap_security *security;
    bool saving;
    bool closed;
    uint8_t block[]; // aligned to 8 in it: the engine's context
} security_obj_t;

// ---- sequence numbers --------------------------------------------------------------------------

// Stores how far the numbers go before any of them is used, RFC 8613 appendix B.1.1.
static void reserve(security_obj_t *self) {
    uint64_t number;
    if (self->saving || mcoap_security_reservable(self->security, SEQUENCE_RESERVE, &number) != MCOAP_OK) {
        return;
    }
    if (self->save != mp_const_none) {
        nlr_buf_t nlr;
        self->saving = true;
        if (nlr_push(&nlr) != 0) {
            self->saving = false;
            nlr_jump(nlr.ret_val);
        }
        mp_call_function_1(self->save, mp_obj_new_int_from_ull(number));
        nlr_pop();
        self->saving = false;
    }
    mcoap_security_reserve(self->security, &number);
}

static bool has_few(const security_obj_t *self) {
    return mcoap_security_left(self->security) < RESERVE_BELOW;
}

// ---- which an endpoint knows -------------------------------------------------------------------

// A list with the context of number n at n - 1, or None.
static void known(coap_obj_t *coap, size_t *len, mp_obj_t **items) {
    *len = 0;
    if (coap->securities != MP_OBJ_NULL) {
        mp_obj_get_array(coap->securities, len, items);
    }
}

mp_obj_t microcoapy_security_of(coap_obj_t *coap, uint8_t number) {
    size_t len;
    mp_obj_t *items;
    known(coap, &len, &items);
    return number == 0 || number > len ? mp_const_none : items[number - 1];
}

// Forgets those that are closed.
static void prune(coap_obj_t *coap) {
    size_t len;
    mp_obj_t *items;
    known(coap, &len, &items);
    for (size_t i = 0; i < len; i++) {
        security_obj_t *self = items[i] == mp_const_none ? NULL : MP_OBJ_TO_PTR(items[i]);
        if (self != NULL && self->closed) {
            mcoap_security_remove(coap->endpoint, microcoapy_now(), i + 1);
            items[i] = mp_const_none;
            coap->paths_changed = true; // resources admit it no more
        }
    }
}

void microcoapy_security_refresh(coap_obj_t *coap) {
    size_t len;
    mp_obj_t *items;
    prune(coap);
    known(coap, &len, &items);
    for (size_t i = 0; i < len; i++) {
        security_obj_t *security = items[i] == mp_const_none ? NULL : MP_OBJ_TO_PTR(items[i]);
        if (security == NULL || !has_few(security)) {
            continue;
        }
        nlr_buf_t nlr;
        if (nlr_push(&nlr) == 0) {
            reserve(security);
            nlr_pop();
        } else {
            // Nothing is sent without a number; it is tried again.
            microcoapy_contain(coap, MP_QSTR_save, nlr.ret_val);
        }
        known(coap, &len, &items);
    }
}

static security_obj_t *security_arg(mp_obj_t value) {
    if (!mp_obj_is_type(value, &microcoapy_security_type)) {
        microcoapy_bad_type(MP_QSTR_security);
    }
    security_obj_t *self = MP_OBJ_TO_PTR(value);
    if (self->closed) {
        microcoapy_bad_value(MP_QSTR_security);
    }
    return self;
}

uint8_t microcoapy_security_number(coap_obj_t *coap, mp_obj_t value) {
    security_obj_t *self = security_arg(value);
    if (mcoap_security_left(self->security) == 0) {
        // Before that, microcoapy_security_refresh tries, and nobody need know of a failure.
        reserve(self);
    }
    prune(coap);
    if (coap->securities == MP_OBJ_NULL) {
        coap->securities = mp_obj_new_list(0, NULL);
    }
    size_t len;
    mp_obj_t *items;
    known(coap, &len, &items);
    bool has_place = false;
    for (size_t i = 0; i < len; i++) {
        has_place |= items[i] == mp_const_none || items[i] == value;
    }
    if (!has_place) {
        // Before the endpoint knows it: what is not in the list is collected.
        mp_obj_list_append(coap->securities, mp_const_none);
    }
    uint8_t number;
    mcoap_result result = mcoap_security_add(coap->endpoint, self->security, &number);
    if (result != MCOAP_OK) {
        microcoapy_raise(result);
    }
    known(coap, &len, &items);
    items[number - 1] = value;
    return number;
}

// ---- which a peer is bound to ------------------------------------------------------------------

// The key of a name and port: names are not told apart by case, RFC 7252 section 6.3.
static mp_obj_t name_key(mp_obj_t name, mp_int_t port) {
    mp_obj_t lower[2];
    mp_load_method(name, MP_QSTR_lower, lower);
    mp_obj_t pair[2] = { mp_call_method_n_kw(0, 0, lower), MP_OBJ_NEW_SMALL_INT(port) };
    return mp_obj_new_tuple(2, pair);
}

static mp_obj_t peer_key(const peer_t *peer) {
    return mp_obj_new_bytes(peer->bytes, peer->len);
}

// What the key is bound to, or None.
static mp_obj_t bound(coap_obj_t *coap, mp_obj_t key) {
    mp_map_elem_t *found = mp_map_lookup(mp_obj_dict_get_map(coap->secured), key, MP_MAP_LOOKUP);
    return found == NULL ? mp_const_none : found->value;
}

void microcoapy_security_bind(coap_obj_t *coap, mp_obj_t name, mp_int_t port, const peer_t *peer, mp_obj_t value) {
    if (coap->secured == MP_OBJ_NULL) {
        coap->secured = mp_obj_new_dict(0);
    }
    if (name != MP_OBJ_NULL) {
        mp_obj_dict_store(coap->secured, name_key(name, port), value);
    }
    if (peer != NULL) {
        mp_obj_dict_store(coap->secured, peer_key(peer), value);
    }
}

uint8_t microcoapy_security_for(coap_obj_t *coap, mp_obj_t name, mp_int_t port, const peer_t *peer) {
    mp_obj_t value = mp_const_none;
    if (coap->secured == MP_OBJ_NULL) {
        return 0;
    }
    if (name != MP_OBJ_NULL && microcoapy_is_str(name)) {
        value = bound(coap, name_key(name, port));
    }
    if (value == mp_const_none) {
        value = bound(coap, peer_key(peer));
    }
    return value == mp_const_none ? 0 : microcoapy_security_number(coap, value);
}

// ---- which a resource admits -------------------------------------------------------------------

void microcoapy_security_admit(coap_obj_t *coap, mp_obj_t value) {
    size_t len;
    mp_obj_t *items;
    if (value == mp_const_true) {
        return;
    }
    microcoapy_one_or_more(&value, &len, &items);
    for (size_t i = 0; i < len; i++) {
        microcoapy_security_number(coap, items[i]);
    }
}

uint32_t microcoapy_security_admitted(coap_obj_t *coap, mp_obj_t value) {
    size_t len, known_len;
    mp_obj_t *items, *known_items;
    if (value == MP_OBJ_NULL) {
        return 0;
    }
    if (value == mp_const_true) {
        return MCOAP_CONTEXTS_ALL;
    }
    microcoapy_one_or_more(&value, &len, &items);
    known(coap, &known_len, &known_items);
    uint32_t bits = MCOAP_CONTEXTS_PROTECTED;
    for (size_t i = 0; i < len; i++) {
        for (size_t n = 0; n < known_len; n++) {
            if (known_items[n] == items[i]) {
                bits |= 1u << n;
            }
        }
    }
    return bits;
}

// ---- the object --------------------------------------------------------------------------------

static mp_obj_t bytes_of(mp_obj_t value, qstr argument) {
    mp_buffer_info_t bytes;
    microcoapy_bytes_arg(value, argument, &bytes);
    return mp_obj_new_bytes(bytes.buf, bytes.len);
}

static mp_obj_t callable_or_none(mp_obj_t value, qstr argument) {
    if (!microcoapy_is_given(value)) {
        return mp_const_none;
    }
    if (!mp_obj_is_callable(value)) {
        microcoapy_bad_type(argument);
    }
    return value;
}

// What was stored last; 0: nothing, the context is new.
static uint64_t stored_number(mp_obj_t load) {
    mp_obj_t stored = load == mp_const_none ? mp_const_none : mp_call_function_0(load);
    if (stored == mp_const_none) {
        return 0;
    }
    uint64_t number = microcoapy_sequence_arg(stored, MP_QSTR_load);
    if (number == 0) {
        microcoapy_bad_value(MP_QSTR_load); // never given to save()
    }
    return number;
}

// SecurityContext(secret, salt=b"", *, sender_id, recipient_id, id_context=None, load=None, save=None)
static mp_obj_t security_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_obj_t value[SECURITY_ARGUMENTS];
    microcoapy_parse(security_arguments, SHAPE(SECURITY_ARGUMENTS, 1, SECURITY_POSITIONAL), value, n_args, n_kw, args);
    if (value[SECURITY_SENDER_ID] == MP_OBJ_NULL || value[SECURITY_RECIPIENT_ID] == MP_OBJ_NULL) {
        microcoapy_bad_value(value[SECURITY_SENDER_ID] == MP_OBJ_NULL ? MP_QSTR_sender_id : MP_QSTR_recipient_id);
    }
    size_t size = mcoap_security_size() + 8;
    security_obj_t *self = mp_obj_malloc_var_with_finaliser(security_obj_t, uint8_t, size, type);
    memset(&self->base + 1, 0, sizeof(security_obj_t) + size - sizeof(self->base));
    self->sender_id = bytes_of(value[SECURITY_SENDER_ID], MP_QSTR_sender_id);
    self->recipient_id = bytes_of(value[SECURITY_RECIPIENT_ID], MP_QSTR_recipient_id);
    self->id_context = microcoapy_is_given(value[SECURITY_ID_CONTEXT])
        ? bytes_of(value[SECURITY_ID_CONTEXT], MP_QSTR_id_context) : mp_const_none;
    self->save = callable_or_none(value[SECURITY_SAVE], MP_QSTR_save);
    mp_obj_t load = callable_or_none(value[SECURITY_LOAD], MP_QSTR_load);
    if ((load == mp_const_none) != (self->save == mp_const_none)) {
        microcoapy_bad_value(load == mp_const_none ? MP_QSTR_load : MP_QSTR_save);
    }
    uint64_t first = stored_number(load);
    mp_buffer_info_t secret, salt, sender_id, recipient_id, id_context;
    microcoapy_bytes_arg(value[SECURITY_SECRET], MP_QSTR_secret, &secret);
    microcoapy_bytes_arg(value[SECURITY_SALT], MP_QSTR_salt, &salt);
    if (secret.len == 0) {
        microcoapy_bad_value(MP_QSTR_secret);
    }
    microcoapy_bytes_arg(self->sender_id, MP_QSTR_sender_id, &sender_id);
    microcoapy_bytes_arg(self->recipient_id, MP_QSTR_recipient_id, &recipient_id);
    microcoapy_bytes_arg(self->id_context, MP_QSTR_id_context, &id_context);
    static const uint8_t none[1];
    bool has_context = self->id_context != mp_const_none;
    mcoap_security_source source = {
        .secret = microcoapy_engine_bytes(secret.buf, secret.len), .secret_len = secret.len,
        .salt = microcoapy_engine_bytes(salt.buf, salt.len), .salt_len = salt.len,
        .sender_id = sender_id.buf, .sender_id_len = sender_id.len,
        .recipient_id = recipient_id.buf, .recipient_id_len = recipient_id.len,
        .id_context = !has_context ? NULL : id_context.len == 0 ? none : id_context.buf, .id_context_len = id_context.len,
        .first = first,
    };
    uint8_t *place = (uint8_t *)(((uintptr_t)self->block + 7) & ~(uintptr_t)7);
    mcoap_result result = mcoap_security_init(place, size - 8, &source, &self->security);
    if (result != MCOAP_OK) {
        mp_raise_ValueError(MP_ERROR_TEXT("sender_id, recipient_id, id_context, load: not valid"));
    }
    reserve(self);
    return MP_OBJ_FROM_PTR(self);
}

// close(): wipes the keys. Also when the object is collected, where it may have been made in part only.
static mp_obj_t security_close(mp_obj_t self_in) {
    security_obj_t *self = MP_OBJ_TO_PTR(self_in);
    self->closed = true;
    self->save = mp_const_none;
    if (self->security != NULL) {
        mcoap_security_close(self->security);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(security_close_obj, security_close);

static mp_obj_t security_exit(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    return security_close(args[0]);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(security_exit_obj, 4, 4, security_exit);

static void security_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    security_obj_t *self = MP_OBJ_TO_PTR(self_in);
    if (dest[0] != MP_OBJ_NULL) {
        return;
    }
    switch (attr) {
        case MP_QSTR_sender_id:
            dest[0] = self->sender_id;
            break;
        case MP_QSTR_recipient_id:
            dest[0] = self->recipient_id;
            break;
        case MP_QSTR_id_context:
            dest[0] = self->id_context;
            break;
        default:
            dest[1] = MP_OBJ_SENTINEL; // a method
    }
}

static void security_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    security_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_print_str(print, "SecurityContext(");
    mp_obj_print_helper(print, self->sender_id, PRINT_REPR);
    mp_print_str(print, ", ");
    mp_obj_print_helper(print, self->recipient_id, PRINT_REPR);
    mp_print_str(print, ")");
}

#include "tables/security.h"

#endif // MICROCOAPY_OSCORE
