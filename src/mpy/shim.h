// SPDX-License-Identifier: MIT
//
// What the files of the shim share. The shim owns Python objects, sockets, the clock, entropy and
// exceptions; every protocol decision is made behind include/microcoapy.h.
#ifndef MICROCOAPY_SHIM_H
#define MICROCOAPY_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "py/obj.h"
#include "py/runtime.h"
#include "py/stream.h"

#include "microcoapy.h"

// File descriptors with recvfrom(2), sendto(2) and poll(2), instead of the socket object's methods.
#ifndef MICROCOAPY_POSIX
#if (defined(__unix__) || defined(__APPLE__)) && MICROPY_PY_SOCKET
#define MICROCOAPY_POSIX (1)
#else
#define MICROCOAPY_POSIX (0)
#endif
#endif

// Whether constants, interned strings among them, lie in memory that takes only aligned 32-bit loads: ESP8266's flash.
// The port's compiler reads bytes there by words; the engine's does not.
#ifndef MICROCOAPY_WORD_FLASH
#ifdef __ets__
#define MICROCOAPY_WORD_FLASH (1)
#else
#define MICROCOAPY_WORD_FLASH (0)
#endif
#endif

// MicroPython renamed its own macro after 1.25.
#define MICROCOAPY_NORETURN __attribute__((noreturn))

// RFC 7252 section 12.8
#define COAP_DEFAULT_PORT (5683)

// An engine's peer address: opaque bytes that compare equal when the peers are the same.
typedef struct {
    uint8_t len;
    uint8_t bytes[MCOAP_PEER_MAX];
} peer_t;

// How datagrams reach the network.
typedef enum {
    LINK_NONE,   // closed
    LINK_FD,     // a unix socket: by its file descriptor
    LINK_STREAM, // a port's own socket without a descriptor: its methods, readiness by ioctl
    LINK_OBJECT, // a Python-defined object with sendto and recvfrom
} link_t;

typedef struct _coap_obj_t {
    mp_obj_base_t base;
    void *block;              // the one GC block: the engine's state, then the receive buffer
    mcoap_endpoint *endpoint; // inside block
    uint8_t *rx;              // inside block; rx_len bytes
    mp_obj_t sock;            // or None
    mp_obj_t response_callback;
    mp_obj_t error_callback;
    mp_obj_t discard_retransmissions;
    mp_obj_t callbacks;         // dict of path to handler; MP_OBJ_NULL until first used
    mp_obj_t *resource_paths;   // keys of callbacks as the engine's table has them; index = resource number
    uint8_t *resource_memory;   // the engine's table of paths
    mp_obj_t addresses;         // list of addresses that are no IP address; MP_OBJ_NULL until first used
    const mp_stream_p_t *stream; // of a LINK_FD or LINK_STREAM socket
    size_t rx_len;
    size_t resource_count;
    size_t resource_memory_len;
    int fd;             // LINK_FD only
    uint16_t start_port; // what start() binds unless told otherwise
    uint16_t bound_port; // while a socket of ours is open
    uint8_t link;        // link_t
    uint8_t family;      // LINK_FD only: 4 or 6, as in an engine's peer address
    uint8_t timers_deferred;
    bool own_socket;
    bool flat_sendto; // custom socket whose sendto takes (data, ip, port)
    bool has_ioctl;   // LINK_OBJECT with an ioctl method that can tell readiness
    bool is_server;
    bool debug;
    peer_t last_peer; // whom a custom socket's bare bytes come from
} coap_obj_t;

typedef struct _packet_obj_t {
    mp_obj_base_t base;
    mp_obj_t version;
    mp_obj_t type;
    mp_obj_t method;
    mp_obj_t token;
    mp_obj_t payload;
    mp_obj_t messageid;
    mp_obj_t content_format;
    mp_obj_t query;       // MP_OBJ_NULL: not yet made from raw_options
    mp_obj_t options;     // MP_OBJ_NULL: not yet made from raw_options
    mp_obj_t raw_options; // bytes, as received
} packet_obj_t;

extern const mp_obj_type_t microcoapy_coap_type;
extern const mp_obj_type_t microcoapy_packet_type;
extern const mp_obj_type_t microcoapy_option_type;
extern const mp_obj_type_t microcoapy_state_type;
extern const mp_obj_type_t microcoapy_message_type_type;
extern const mp_obj_type_t microcoapy_method_type;
extern const mp_obj_type_t microcoapy_response_code_type;
extern const mp_obj_type_t microcoapy_option_number_type;
extern const mp_obj_type_t microcoapy_content_format_type;
extern const mp_obj_type_t microcoapy_version_type;
extern const mp_obj_type_t microcoapy_code_type;

// constants.c: the few protocol numbers that packets made by a program start from.
extern const uint32_t microcoapy_protocol_version;
extern const uint32_t microcoapy_type_con;
extern const uint32_t microcoapy_type_non;
extern const uint32_t microcoapy_type_max;
extern const uint32_t microcoapy_method_get;
extern const uint32_t microcoapy_method_post;
extern const uint32_t microcoapy_method_put;
extern const uint32_t microcoapy_method_delete;
extern const uint32_t microcoapy_methods_all;
extern const uint32_t microcoapy_option_uri_host;
extern const uint32_t microcoapy_option_uri_path;
// The n.mm of a code, for people.
void microcoapy_code_split(uint32_t code, unsigned *class_, unsigned *detail);

// entropy.c
void microcoapy_entropy(uint8_t *out, size_t len);

// errors.c
// Raises what a result other than MCOAP_OK or MCOAP_NOTHING stands for.
MICROCOAPY_NORETURN void microcoapy_raise(mcoap_result result);
// The classic methods' rule: true when the call went well, false for what could not be sent
// (they return 0), ValueError for arguments that can never be right.
bool microcoapy_sendable(mcoap_result result);
// "ValueError: port" and the like, with the argument named.
MICROCOAPY_NORETURN void microcoapy_bad_value(qstr argument);
MICROCOAPY_NORETURN void microcoapy_bad_type(qstr argument);
mp_int_t microcoapy_int_arg(mp_obj_t value, qstr argument, mp_int_t min, mp_int_t max);
// Bytes of a str, a bytes-like object, or None (none at all). The object must outlive their use.
void microcoapy_bytes_arg(mp_obj_t value, qstr argument, mp_buffer_info_t *out);
// The same bytes where the engine can read them: itself, or a copy on the heap (MICROCOAPY_WORD_FLASH).
const void *microcoapy_engine_bytes(const void *data, size_t len);
// True if the exception may be contained: an Exception, not KeyboardInterrupt, SystemExit...
bool microcoapy_containable(mp_obj_t exception);

// address.c
// An (ip, port) pair as a program gives it. False if it names nobody that can be reached.
bool microcoapy_peer_from_args(coap_obj_t *self, mp_obj_t ip, mp_int_t port, peer_t *out);
// The address object that came with a datagram.
void microcoapy_peer_from_object(coap_obj_t *self, mp_obj_t address, peer_t *out);
// What the socket object's sendto takes, and what callbacks get: (ip, port), or the object itself.
mp_obj_t microcoapy_peer_to_object(coap_obj_t *self, const peer_t *peer);
// The same as the two arguments of a request handler.
void microcoapy_peer_to_pair(coap_obj_t *self, const peer_t *peer, mp_obj_t pair[2]);
#if MICROCOAPY_POSIX
struct sockaddr_storage;
bool microcoapy_peer_from_sockaddr(const void *address, size_t len, peer_t *out);
// Bytes of the address written, 0 if a socket of this family cannot reach the peer.
size_t microcoapy_peer_to_sockaddr(const peer_t *peer, unsigned family, struct sockaddr_storage *out);
#endif

// packet.c
mp_obj_t microcoapy_packet_from_event(const mcoap_event *event);

// resources.c
mp_obj_t microcoapy_callbacks(coap_obj_t *self);
// Brings the engine's table of paths in line with the dict of handlers, which the program may edit.
void microcoapy_resources_sync(coap_obj_t *self);
// The handler of a resource number, or MP_OBJ_NULL.
mp_obj_t microcoapy_resource_handler(coap_obj_t *self, uint32_t resource);

// socket.c: opening, closing, one datagram in or out, waiting.
void microcoapy_socket_open(coap_obj_t *self, mp_int_t port);
void microcoapy_socket_attach(coap_obj_t *self, mp_obj_t sock);
void microcoapy_socket_close(coap_obj_t *self);
typedef struct {
    size_t len; // bytes in the receive buffer; rx_len when the datagram was too large for it
    peer_t peer;
} datagram_t;
typedef enum { RECEIVE_NONE, RECEIVE_DATA, RECEIVE_AGAIN } receive_t;
receive_t microcoapy_socket_receive(coap_obj_t *self, datagram_t *out);
bool microcoapy_socket_send(coap_obj_t *self, const peer_t *peer, const uint8_t *data, size_t len);
// True if a datagram is known to be waiting.
bool microcoapy_socket_readable(coap_obj_t *self);
// Returns when something may be there to read, or after at most that many milliseconds.
void microcoapy_socket_wait(coap_obj_t *self, uint32_t milliseconds);

// pump.c
uint32_t microcoapy_now(void);
// Sends all that the engine has to send. False if the first transmission of the exchange
// with this handle (0: of none) could not be sent.
bool microcoapy_flush(coap_obj_t *self, mcoap_handle exchange);
// Handles one message: true. False when the time is up (milliseconds; 0: one pass) or the endpoint was stopped.
#define PUMP_FOREVER (UINT32_MAX)
bool microcoapy_pump(coap_obj_t *self, uint32_t milliseconds);

// send.c: the methods of Coap that send.
MP_DECLARE_CONST_FUN_OBJ_KW(microcoapy_get_obj);
MP_DECLARE_CONST_FUN_OBJ_KW(microcoapy_get_non_obj);
MP_DECLARE_CONST_FUN_OBJ_KW(microcoapy_delete_obj);
MP_DECLARE_CONST_FUN_OBJ_KW(microcoapy_delete_non_obj);
MP_DECLARE_CONST_FUN_OBJ_KW(microcoapy_put_obj);
MP_DECLARE_CONST_FUN_OBJ_KW(microcoapy_put_non_obj);
MP_DECLARE_CONST_FUN_OBJ_KW(microcoapy_post_obj);
MP_DECLARE_CONST_FUN_OBJ_KW(microcoapy_post_non_obj);
MP_DECLARE_CONST_FUN_OBJ_KW(microcoapy_send_obj);
MP_DECLARE_CONST_FUN_OBJ_KW(microcoapy_send_ex_obj);
MP_DECLARE_CONST_FUN_OBJ_KW(microcoapy_send_packet_obj);
MP_DECLARE_CONST_FUN_OBJ_KW(microcoapy_send_response_obj);

#endif // MICROCOAPY_SHIM_H
