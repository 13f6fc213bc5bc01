// SPDX-License-Identifier: MIT
//
// What security.c and sequence.c have for the files above them.
#ifndef MICROCOAPY_SECURITY_H
#define MICROCOAPY_SECURITY_H

#include "shim.h"

#if MICROCOAPY_OSCORE
extern const mp_obj_type_t microcoapy_security_type;
extern const mp_obj_type_t microcoapy_sequence_type;

// Sequence numbers that are stored ahead at once.
#define SEQUENCE_RESERVE (128)
// A number as save() is given it.
uint64_t microcoapy_sequence_arg(mp_obj_t value, qstr argument);

// The number that the endpoint knows a SecurityContext by; makes it known. Runs save() where no sequence number is
// left.
uint8_t microcoapy_security_number(coap_obj_t *coap, mp_obj_t value);
// The same of what requests to this name and port, or else to the peer, are bound to; 0: nothing. name: a str, or anything
// else for none.
uint8_t microcoapy_security_for(coap_obj_t *coap, mp_obj_t name, mp_int_t port, const peer_t *peer);
// Binds both: a name may mean another peer later. name: a str, or MP_OBJ_NULL. peer: an IP peer, or NULL, as other peers
// are not known by the same bytes for ever. value: a SecurityContext, or None.
void microcoapy_security_bind(coap_obj_t *coap, mp_obj_t name, mp_int_t port, const peer_t *peer, mp_obj_t value);
// The SecurityContext with this number, or None.
mp_obj_t microcoapy_security_of(coap_obj_t *coap, uint8_t number);
// Runs save() for those with few sequence numbers left; forgets those that are closed.
void microcoapy_security_refresh(coap_obj_t *coap);
// security= of a resource: True, a SecurityContext or a list of them. Makes them known.
void microcoapy_security_admit(coap_obj_t *coap, mp_obj_t value);
// The same as mcoap_resource has it. value: MP_OBJ_NULL for none.
uint32_t microcoapy_security_admitted(coap_obj_t *coap, mp_obj_t value);
#endif

#endif // MICROCOAPY_SECURITY_H
