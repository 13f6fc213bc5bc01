// SPDX-License-Identifier: MIT
//
// libcoap's client, as tools/bench/client.py has ours. Usage: libcoap_client PORT PATH PAYLOAD
// Each line of standard input, "get N WINDOW", is answered by "done": N confirmable GETs, WINDOW of them under way.

#include <arpa/inet.h>
#include <coap3/coap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *wanted;
static int answered, wrong;

static coap_response_t on_response(
    coap_session_t *session, const coap_pdu_t *sent, const coap_pdu_t *received, const coap_mid_t mid) {
    const uint8_t *payload;
    size_t len;
    (void)session;
    (void)sent;
    (void)mid;
    answered++;
    wrong += !coap_get_data(received, &len, &payload) || len != strlen(wanted) || memcmp(payload, wanted, len) != 0;
    return COAP_RESPONSE_OK;
}

static void send_get(coap_session_t *session, const char *path) {
    uint8_t token[8];
    size_t len;
    coap_pdu_t *pdu = coap_pdu_init(
        COAP_MESSAGE_CON, COAP_REQUEST_CODE_GET, coap_new_message_id(session), coap_session_max_pdu_size(session));
    coap_session_new_token(session, &len, token);
    coap_add_token(pdu, len, token);
    coap_add_option(pdu, COAP_OPTION_URI_PATH, strlen(path), (const uint8_t *)path);
    coap_send(session, pdu);
}

int main(int argc, char **argv) {
    coap_address_t address;
    char line[100];
    if (argc != 4) {
        return 2;
    }
    wanted = argv[3];
    coap_startup();
    coap_address_init(&address);
    address.size = sizeof(address.addr.sin);
    address.addr.sin.sin_family = AF_INET;
    address.addr.sin.sin_port = htons(atoi(argv[1]));
    address.addr.sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    coap_context_t *context = coap_new_context(NULL);
    coap_session_t *session = coap_new_client_session(context, NULL, &address, COAP_PROTO_UDP);
    coap_register_response_handler(context, on_response);
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        int count, window, sent = 0;
        if (sscanf(line, "get %d %d", &count, &window) != 2) {
            return 2;
        }
        coap_session_set_nstart(session, window);
        for (answered = 0; answered < count;) {
            for (; sent < count && sent - answered < window; sent++) {
                send_get(session, argv[2]);
            }
            coap_io_process(context, COAP_IO_WAIT);
        }
        if (wrong != 0) {
            return 1;
        }
        puts("done");
        fflush(stdout);
    }
    return 0;
}
