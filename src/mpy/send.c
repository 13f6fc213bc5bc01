// SPDX-License-Identifier: MIT
//
// The methods of Coap that send. All of them collect what the program gave, Python objects and
// their errors first, and then hand it to the engine in one go: no Python code runs between
// the begin of a draft and its end.

#include <string.h>

#include "dtls.h"
#include "modern.h"
#include "protocol.h"

// A message once nothing of it can fail in Python any more. The arguments keep the bytes alive.
typedef struct {
    peer_t peer;
    mp_buffer_info_t bytes[ARG_BYTES_END];
    mp_int_t number[ARG_NUMBERS_END - ARG_NUMBERS]; // -1 where there is none
    options_t options;
    understood_t understood;
    uint8_t entropy[MCOAP_ENTROPY_LEN];
    mcoap_handle request; // that is answered, where it is known without searching; or 0
    uint8_t security;     // number of the context that protects a request, or 0
} draft_t;
#define NUMBER(draft, arg) ((draft)->number[(arg) - ARG_NUMBERS])

// ---- from arguments to a draft -----------------------------------------------------------------

static void look_up_bytes(const mp_obj_t *arg, draft_t *draft) {
    for (size_t i = 0; i < ARG_BYTES_END; i++) {
        microcoapy_bytes_arg(arg[i], microcoapy_argument_names[i], &draft->bytes[i]);
    }
}

static void look_up_numbers(const mp_obj_t *arg, draft_t *draft) {
    // Of type, method, messageid, content_format, port, observe_option.
    static const uint8_t bits[] = { 2, 8, 16, 16, 16, 24 };
    for (size_t i = ARG_NUMBERS; i < ARG_NUMBERS_END; i++) {
        mp_int_t min = i == ARG_CONTENT_FORMAT ? MCOAP_CONTENT_FORMAT_NONE : 0;
        NUMBER(draft, i) = arg[i] == MP_OBJ_NULL || (i == ARG_OBSERVE && arg[i] == mp_const_none)
            ? -1 : microcoapy_int_arg(arg[i], microcoapy_argument_names[i], min, (1 << bits[i - ARG_NUMBERS]) - 1);
    }
}

// The request whose handler runs, if that is what is answered: with the address that the handler was given. Or 0.
static mcoap_handle handled_request(coap_obj_t *self, const mp_obj_t *arg) {
    const incoming_obj_t *handled = self->handled;
    bool is_it = handled != NULL && arg[ARG_MESSAGEID] == handled->packet.messageid
        && arg[ARG_IP] == handled->address[0] && arg[ARG_PORT] == handled->address[1];
    return is_it ? handled->handle : 0;
}

// The peer becomes that of its session, with which a request begins one.
static bool find_session(coap_obj_t *self, const mp_obj_t *arg, draft_t *draft, bool answer) {
    if (microcoapy_speaks_dtls(self) && answer) {
        microcoapy_dtls_find(self, &draft->peer);
    } else if (microcoapy_speaks_dtls(self)) {
        size_t len = 0;
        const char *host = arg[ARG_HOST] == MP_OBJ_NULL ? NULL : mp_obj_str_get_data(arg[ARG_HOST], &len);
        return microcoapy_dtls_connect(self, &draft->peer, host, len) == 0;
    }
    return true;
}

// Checks every argument, then finds the peer, or the request that is answered. False if it cannot be reached.
static bool prepare(coap_obj_t *self, mp_obj_t *arg, draft_t *draft, bool answer) {
    look_up_numbers(arg, draft);
    if (arg[ARG_URL] != MP_OBJ_NULL) {
        microcoapy_str_arg(arg[ARG_URL], MP_QSTR_url);
    }
    memset(&draft->options, 0, sizeof(draft->options));
    microcoapy_options_collect(&draft->options, arg[ARG_OPTIONS]);
    microcoapy_understood_arg(draft->understood, arg[ARG_UNDERSTANDS]);
    arg[ARG_HOST] = microcoapy_is_str(arg[ARG_IP]) ? arg[ARG_IP] : MP_OBJ_NULL;
    look_up_bytes(arg, draft);
    if (draft->bytes[ARG_TOKEN].len > MCOAP_TOKEN_MAX) {
        microcoapy_bad_value(MP_QSTR_token);
    }
    const mp_buffer_info_t *host = &draft->bytes[ARG_HOST];
    if (!mcoap_host_check(host->buf, host->len)) {
        microcoapy_bad_value(MP_QSTR_ip);
    }
    draft->request = answer ? handled_request(self, arg) : 0;
    if (draft->request == 0 && self->link != NULL) {
        if (!microcoapy_peer_from_args(self, arg[ARG_IP], NUMBER(draft, ARG_PORT), &draft->peer)
            || !microcoapy_peer_reachable(self, &draft->peer)) {
            return false;
        }
        #if MICROCOAPY_OSCORE
        draft->security = answer ? 0 : microcoapy_security_for(self, arg[ARG_IP], NUMBER(draft, ARG_PORT), &draft->peer);
        #endif
        if (!find_session(self, arg, draft, answer)) {
            return false;
        }
        microcoapy_entropy(self, draft->entropy, sizeof(draft->entropy));
        // Finding the peer may have run Python code, which may have moved a bytearray's bytes.
        look_up_bytes(arg, draft);
    }
    return self->link != NULL;
}

// ---- from a draft to the engine ----------------------------------------------------------------

// Nothing is added for what the program did not give.
static mcoap_result add(coap_obj_t *self, uint32_t part, const mp_buffer_info_t *bytes) {
    return bytes->len == 0 ? MCOAP_OK : mcoap_draft_add(self->endpoint, part, bytes->buf, bytes->len);
}

static mcoap_result add_target(coap_obj_t *self, const mp_buffer_info_t *bytes) {
    mcoap_result result = add(self, MCOAP_PART_HOST, &bytes[ARG_HOST]);
    if (result == MCOAP_ERR_OPTION) {
        microcoapy_bad_value(MP_QSTR_ip);
    }
    // A ping goes to a host, too, but cannot say its name.
    if (result == MCOAP_OK || result == MCOAP_ERR_TYPE) {
        result = add(self, MCOAP_PART_PATH, &bytes[ARG_URL]);
    }
    if (result == MCOAP_OK) {
        result = add(self, MCOAP_PART_QUERY, &bytes[ARG_QUERY]);
        if (result == MCOAP_ERR_URI) {
            microcoapy_bad_value(MP_QSTR_query_option);
        }
    }
    return result;
}

// What requests and responses have in common.
static mcoap_result add_body(coap_obj_t *self, const draft_t *draft) {
    mcoap_result result = microcoapy_options_add(self, &draft->options);
    mp_int_t content_format = NUMBER(draft, ARG_CONTENT_FORMAT);
    if (result == MCOAP_OK && NUMBER(draft, ARG_OBSERVE) >= 0) {
        result = mcoap_draft_uint(self->endpoint, OPTION_OBSERVE, NUMBER(draft, ARG_OBSERVE));
    }
    if (result == MCOAP_OK && content_format != MCOAP_CONTENT_FORMAT_NONE) {
        result = mcoap_draft_uint(self->endpoint, MCOAP_OPTION_CONTENT_FORMAT, content_format);
    }
    return result == MCOAP_OK ? add(self, MCOAP_PART_PAYLOAD, &draft->bytes[ARG_PAYLOAD]) : result;
}

// The rule of these methods: they return 0 for what could not be sent, and raise an exception for arguments that can
// never be right. Why it could not be sent: an errno, 0 when the call went well.
static int why_not(mcoap_result result) {
    switch (result) {
        case MCOAP_OK:
            return 0;
        case MCOAP_ERR_ARGUMENT: // an address that this build does not take
            return MP_EHOSTUNREACH;
        case MCOAP_ERR_NO_SLOT:
            return MP_ENOBUFS;
        case MCOAP_ERR_TOO_LARGE:
            return MP_EMSGSIZE;
        #if MICROCOAPY_OSCORE
        case MCOAP_ERR_SECURITY:
            return MP_EACCES;
        #endif
        case MCOAP_ERR_TOKEN: // an observation has it
            return MP_EBUSY;
        case MCOAP_ERR_STALE: // nobody waits for this answer
            return MP_ENOENT;
        default:
            microcoapy_raise(result);
    }
}

static mp_obj_t not_sent(coap_obj_t *self, int error) {
    microcoapy_report_errno(self, MP_QSTR_send, error);
    return MP_OBJ_NEW_SMALL_INT(0);
}

// Goes on after the begin of a request. ARG_MESSAGEID becomes what it was sent with.
static mcoap_result send_request(coap_obj_t *self, draft_t *draft, mcoap_handle *exchange, size_t *len) {
    mcoap_result result = MCOAP_OK;
    #if MICROCOAPY_OSCORE
    if (draft->security != 0) {
        result = mcoap_draft_protect(self->endpoint, draft->security);
    }
    #endif
    if (result == MCOAP_OK || result == MCOAP_ERR_TYPE) { // a ping is not protected
        result = add_target(self, draft->bytes);
    }
    if (result == MCOAP_OK) {
        result = microcoapy_understood_draft(self, draft->understood);
    }
    if (result == MCOAP_OK) {
        result = add_body(self, draft);
    }
    if (result == MCOAP_OK) {
        uint16_t message_id;
        result = mcoap_exchange_send(
            self->endpoint, microcoapy_now(), draft->peer.bytes, draft->peer.len, exchange, len, &message_id);
        NUMBER(draft, ARG_MESSAGEID) = message_id;
    }
    return result;
}

#if MICROCOAPY_BLOCK
// Whether the program sees to the blocks itself.
static bool has_block_option(const options_t *options) {
    for (size_t i = 0; i < options->count; i++) {
        mp_obj_t number = options->pairs[2 * i];
        if (number == MP_OBJ_NEW_SMALL_INT(OPTION_BLOCK1) || number == MP_OBJ_NEW_SMALL_INT(OPTION_BLOCK2)) {
            return true;
        }
    }
    return false;
}
#endif

static mcoap_result send_answer(coap_obj_t *self, draft_t *draft, mp_obj_t payload, size_t *len) {
    uint8_t type = NUMBER(draft, ARG_TYPE), code = NUMBER(draft, ARG_METHOD);
    #if MICROCOAPY_BLOCK
    if (!has_block_option(&draft->options)) {
        return microcoapy_answer_classic(
            self, draft->request, type, code, &draft->options, NUMBER(draft, ARG_CONTENT_FORMAT), payload, len);
    }
    #endif
    (void)payload;
    mcoap_handle body;
    mcoap_result result = mcoap_response_begin(self->endpoint, draft->request, type, code);
    if (result == MCOAP_OK) {
        result = add_body(self, draft);
    }
    return result == MCOAP_OK ? mcoap_response_send(self->endpoint, microcoapy_now(), len, &body) : result;
}

// ---- methods -----------------------------------------------------------------------------------

// Returns the number of bytes, or 0. What the engine does not take for a request can only be an answer.
static mp_obj_t send(coap_obj_t *self, mp_obj_t *arg, bool answer) {
    draft_t draft;
    if (!prepare(self, arg, &draft, answer)) {
        return not_sent(self, self->link == NULL ? MP_ENOTCONN : MP_EHOSTUNREACH);
    }
    mcoap_handle exchange = 0;
    mcoap_result result = MCOAP_ERR_STALE;
    size_t len;
    const mp_buffer_info_t *token = &draft.bytes[ARG_TOKEN];
    const uint8_t *token_bytes = token->len != 0 ? token->buf : draft.entropy;
    if (!answer) {
        // No token at all is asked for with None; an empty one means that the engine draws it.
        bool drawn = token->len == 0 && arg[ARG_TOKEN] != mp_const_none;
        result = mcoap_exchange_begin(self->endpoint, NUMBER(&draft, ARG_TYPE), NUMBER(&draft, ARG_METHOD),
            drawn ? NULL : token_bytes, token->len, draft.entropy, sizeof(draft.entropy));
    }
    // An answer is for the request with this message id, or else this token.
    if ((answer || result == MCOAP_ERR_TYPE)
        && (draft.request != 0
            || mcoap_incoming_find(self->endpoint, draft.peer.bytes, draft.peer.len, NUMBER(&draft, ARG_MESSAGEID),
                answer ? NULL : token_bytes, token->len, &draft.request) == MCOAP_OK)) {
        result = send_answer(self, &draft, arg[ARG_PAYLOAD], &len);
    } else if (result == MCOAP_OK) {
        result = send_request(self, &draft, &exchange, &len);
    }
    int error = why_not(result);
    if (error != 0) {
        return not_sent(self, error);
    }
    if (!microcoapy_flush(self, exchange)) {
        mcoap_exchange_cancel(self->endpoint, microcoapy_now(), exchange);
        return MP_OBJ_NEW_SMALL_INT(0);
    }
    arg[ARG_MESSAGEID] = MP_OBJ_NEW_SMALL_INT(NUMBER(&draft, ARG_MESSAGEID));
    return MP_OBJ_NEW_SMALL_INT(len);
}

static mp_obj_t run_send(coap_obj_t *self, mp_obj_t *arg) {
    return send(self, arg, false);
}

// Any object with a packet's attributes will do.
static mp_obj_t run_send_packet(coap_obj_t *self, mp_obj_t *arg) {
    mp_obj_t packet = arg[ARG_PACKET];
    for (size_t i = ARG_TOKEN; i <= ARG_CONTENT_FORMAT; i++) {
        mp_obj_t found[2];
        mp_load_method_maybe(packet, i == ARG_QUERY ? MP_QSTR_query : microcoapy_argument_names[i], found);
        if (found[0] == MP_OBJ_NULL) {
            microcoapy_bad_type(MP_QSTR_packet);
        }
        arg[i] = found[0];
    }
    mp_obj_t len = send(self, arg, false);
    if (len != MP_OBJ_NEW_SMALL_INT(0)) {
        mp_store_attr(packet, MP_QSTR_messageid, arg[ARG_MESSAGEID]);
    }
    return len;
}

// The answer carries the request's own token, whatever is given here.
static mp_obj_t run_send_response(coap_obj_t *self, mp_obj_t *arg) {
    mp_obj_t request = arg[ARG_REQUEST_PACKET];
    if (request != MP_OBJ_NULL && request != mp_const_none) {
        arg[ARG_MESSAGEID] = mp_load_attr(request, MP_QSTR_messageid);
    }
    return send(self, arg, true);
}

// get(ip, port, url, token=b"", observe_option=None, understands=())
#define WITHOUT_BODY ARG_IP, ARG_PORT, ARG_URL, ARG_TOKEN, ARG_OBSERVE, ARG_UNDERSTANDS
REQUEST_METHOD(microcoapy_get_obj, run_send, TYPE_CON, METHOD_GET, 3, WITHOUT_BODY);
REQUEST_METHOD(microcoapy_get_non_obj, run_send, TYPE_NON, METHOD_GET, 3, WITHOUT_BODY);
REQUEST_METHOD(microcoapy_delete_obj, run_send, TYPE_CON, METHOD_DELETE, 3, WITHOUT_BODY);
REQUEST_METHOD(microcoapy_delete_non_obj, run_send, TYPE_NON, METHOD_DELETE, 3, WITHOUT_BODY);

// put(ip, port, url, payload=b"", query_option=None, content_format=COAP_NONE, token=b"", understands=())
#define WITH_BODY ARG_IP, ARG_PORT, ARG_URL, ARG_PAYLOAD, ARG_QUERY, ARG_CONTENT_FORMAT, ARG_TOKEN, ARG_UNDERSTANDS
REQUEST_METHOD(microcoapy_put_obj, run_send, TYPE_CON, METHOD_PUT, 3, WITH_BODY);
REQUEST_METHOD(microcoapy_put_non_obj, run_send, TYPE_NON, METHOD_PUT, 3, WITH_BODY);
REQUEST_METHOD(microcoapy_post_obj, run_send, TYPE_CON, METHOD_POST, 3, WITH_BODY);
REQUEST_METHOD(microcoapy_post_non_obj, run_send, TYPE_NON, METHOD_POST, 3, WITH_BODY);

#if MICROCOAPY_MODERN
// fetch(uri, ...), patch and ipatch: of the modern layer alone
REQUEST_METHOD(microcoapy_fetch_obj, NULL, TYPE_CON, METHOD_FETCH, 0, ARG_END);
REQUEST_METHOD(microcoapy_patch_obj, NULL, TYPE_CON, METHOD_PATCH, 0, ARG_END);
REQUEST_METHOD(microcoapy_ipatch_obj, NULL, TYPE_CON, METHOD_IPATCH, 0, ARG_END);
#endif

// send(ip, port, url, type, method, token=b"", payload=b"", content_format=COAP_NONE, query_option=None, understands=())
REQUEST_METHOD(microcoapy_send_obj, run_send, 0, 0, 5,
    ARG_IP, ARG_PORT, ARG_URL, ARG_TYPE, ARG_METHOD, ARG_TOKEN, ARG_PAYLOAD, ARG_CONTENT_FORMAT, ARG_QUERY,
    ARG_UNDERSTANDS);

// sendEx(ip, port, url, packet, understands=())
REQUEST_METHOD(microcoapy_send_ex_obj, run_send_packet, 0, 0, 4, ARG_IP, ARG_PORT, ARG_URL, ARG_PACKET, ARG_UNDERSTANDS);

// sendPacket(ip, port, packet, understands=())
REQUEST_METHOD(microcoapy_send_packet_obj, run_send_packet, 0, 0, 3, ARG_IP, ARG_PORT, ARG_PACKET, ARG_UNDERSTANDS);

// ping(ip, port): an Empty message, whose answer responseCallback gets
REQUEST_METHOD(microcoapy_ping_obj, run_send, TYPE_CON, 0, 2, ARG_IP, ARG_PORT);

// sendResponse(ip, port, messageid, payload, method, content_format=COAP_NONE, token=b"", request_packet=None)
METHOD(microcoapy_send_response_obj, run_send_response, 5,
    ARG_IP, ARG_PORT, ARG_MESSAGEID, ARG_PAYLOAD, ARG_METHOD, ARG_CONTENT_FORMAT, ARG_TOKEN, ARG_REQUEST_PACKET);
