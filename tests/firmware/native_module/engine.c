// SPDX-License-Identifier: MIT
//
// A dynamic native module with the engine in it: engine.get(path) is a GET from one endpoint to another, both of
// this module. The datagrams go from hand to hand.

#include "py/dynruntime.h"

#include "microcoapy.h"

// ---- what the engine needs ---------------------------------------------------------------------

// A module reaches no C library, only what is in MicroPython's table.
void *memmove(void *to, const void *from, size_t len) {
    return mp_fun_table.memmove_(to, from, len);
}

void *memcpy(void *to, const void *from, size_t len) {
    return mp_fun_table.memmove_(to, from, len);
}

void *memset(void *to, int byte, size_t len) {
    return mp_fun_table.memset_(to, byte, len);
}

int memcmp(const void *a, const void *b, size_t len) {
    const uint8_t *left = a, *right = b;
    for (size_t i = 0; i < len; i++) {
        if (left[i] != right[i]) {
            return left[i] - right[i];
        }
    }
    return 0;
}

#if defined(__ARM_EABI__)
#define COPY(name) void name(void *to, const void *from, size_t len) { memmove(to, from, len); }
#define SET(name) void name(void *to, size_t len, int byte) { memset(to, byte, len); }
#define CLEAR(name) void name(void *to, size_t len) { memset(to, 0, len); }
COPY(__aeabi_memcpy)
COPY(__aeabi_memcpy4)
COPY(__aeabi_memcpy8)
COPY(__aeabi_memmove)
COPY(__aeabi_memmove4)
COPY(__aeabi_memmove8)
SET(__aeabi_memset)
SET(__aeabi_memset4)
SET(__aeabi_memset8)
CLEAR(__aeabi_memclr)
CLEAR(__aeabi_memclr4)
CLEAR(__aeabi_memclr8)
#endif

// ---- an exchange -------------------------------------------------------------------------------

#define CON (0)
#define GET (1)
#define RESOURCE_MEMORY (64)

static void check(mcoap_result result) {
    if (result != MCOAP_OK) {
        mp_raise_OSError(result);
    }
}

static struct mcoap_endpoint *new_endpoint(uint8_t seed_byte) {
    struct mcoap_parameters parameters;
    mcoap_parameters_default(&parameters);
    check(mcoap_parameters_check(&parameters) == -1 ? MCOAP_OK : MCOAP_ERR_ARGUMENT);
    uint8_t seed[MCOAP_SEED_LEN];
    memset(seed, seed_byte, sizeof(seed));
    size_t size = mcoap_endpoint_size(&parameters);
    struct mcoap_endpoint *endpoint;
    check(mcoap_endpoint_init(m_malloc(size), size, &parameters, seed, sizeof(seed), &endpoint));
    return endpoint;
}

// Hands the datagram that one endpoint has to send to the other.
static void pass(struct mcoap_endpoint *from, struct mcoap_endpoint *to, const char *sender, struct mcoap_event *event) {
    struct mcoap_datagram datagram;
    check(mcoap_endpoint_poll_transmit(from, &datagram));
    // It stays as long as the event is looked at.
    uint8_t *data = memcpy(m_malloc(datagram.data_len), datagram.data, datagram.data_len);
    check(mcoap_endpoint_handle_datagram(to, 0, (const uint8_t *)sender, 1, data, datagram.data_len, false, event));
}

static void add_resource(struct mcoap_endpoint *server, const char *path, size_t path_len) {
    struct mcoap_resource resource;
    memset(&resource, 0, sizeof(resource));
    resource.methods = 1 << GET;
    check(mcoap_resource_memory(server, m_malloc(RESOURCE_MEMORY), RESOURCE_MEMORY));
    check(mcoap_resource_add(server, (const uint8_t *)path, path_len, &resource));
}

static void answer(struct mcoap_endpoint *server, mcoap_handle request) {
    size_t len;
    mcoap_handle body;
    check(mcoap_response_begin(server, request, CON, MCOAP_CODE_CONTENT));
    check(mcoap_draft_add(server, MCOAP_PART_PAYLOAD, (const uint8_t *)"21.5", 4));
    check(mcoap_response_send(server, 0, &len, &body));
}

// The response's code and payload. A handler has the resource "temperature", the engine itself answers all else.
static mp_obj_t get(mp_obj_t path_in) {
    size_t path_len, len;
    const char *path = mp_obj_str_get_data(path_in, &path_len);
    struct mcoap_endpoint *client = new_endpoint('c'), *server = new_endpoint('s');
    add_resource(server, "temperature", 11);

    uint8_t entropy[MCOAP_ENTROPY_LEN];
    memset(entropy, 'e', sizeof(entropy));
    mcoap_handle exchange;
    uint16_t message_id;
    check(mcoap_exchange_begin(client, CON, GET, NULL, 0, entropy, sizeof(entropy)));
    check(mcoap_draft_add(client, MCOAP_PART_PATH, (const uint8_t *)path, path_len));
    check(mcoap_exchange_send(client, 0, (const uint8_t *)"s", 1, &exchange, &len, &message_id));

    struct mcoap_event event;
    pass(client, server, "c", &event);
    if (event.kind == MCOAP_EVENT_REQUEST) {
        answer(server, event.handle);
    }
    pass(server, client, "s", &event);
    if (event.kind != MCOAP_EVENT_RESPONSE || event.handle != exchange) {
        check(MCOAP_NOTHING);
    }
    mp_obj_t response[] = { mp_obj_new_int(event.code), mp_obj_new_bytes(event.payload, event.payload_len) };
    return mp_obj_new_tuple(2, response);
}

static mp_obj_t version(void) {
    const char *text = mcoap_version();
    size_t len = 0;
    while (text[len] != '\0') {
        len++;
    }
    return mp_obj_new_str(text, len);
}

mp_obj_t mpy_init(mp_obj_fun_bc_t *self, size_t n_args, size_t n_kw, mp_obj_t *args) {
    MP_DYNRUNTIME_INIT_ENTRY
    static MP_DEFINE_CONST_FUN_OBJ_1(get_obj, get);
    static MP_DEFINE_CONST_FUN_OBJ_0(version_obj, version);
    mp_store_global(MP_QSTR_get, MP_OBJ_FROM_PTR(&get_obj));
    mp_store_global(MP_QSTR_version, MP_OBJ_FROM_PTR(&version_obj));
    MP_DYNRUNTIME_INIT_EXIT
}
