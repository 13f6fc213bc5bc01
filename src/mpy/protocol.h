// SPDX-License-Identifier: MIT
//
// Protocol numbers, from the IANA CoRE parameters registry. Only this header and the constant classes of
// constants.c spell them.
#ifndef MICROCOAPY_PROTOCOL_H
#define MICROCOAPY_PROTOCOL_H

// RFC 7252 section 3: a code is a class of 3 bits and a detail of 5 bits, written c.dd.
#define CODE_DETAIL_BITS (5)
#define CODE_DETAIL_MAX (31)
#define CODE_CLASS_MAX (7)
#define CODE(class_, detail) ((class_) << CODE_DETAIL_BITS | (detail))
#define CODE_CLASS(code) ((code) >> CODE_DETAIL_BITS)
#define CODE_CLASS_SUCCESS (2)
#define CODE_DETAIL(code) ((code) & CODE_DETAIL_MAX)

// RFC 7252 section 3
#define PROTOCOL_VERSION (1)
#define TYPE_CON (0)
#define TYPE_NON (1)
#define TYPE_ACK (2)
#define TYPE_RST (3)

// RFC 7252 section 5.10.5, seconds
#define MAX_AGE_DEFAULT (60)

// RFC 7252 section 12.3
#define FORMAT_TEXT (0)

// RFC 7252 section 12.1.1; FETCH, PATCH and iPATCH: RFC 8132 section 6
#define METHOD_GET CODE(0, 1)
#define METHOD_POST CODE(0, 2)
#define METHOD_PUT CODE(0, 3)
#define METHOD_DELETE CODE(0, 4)
#define METHOD_FETCH CODE(0, 5)
#define METHOD_PATCH CODE(0, 6)
#define METHOD_IPATCH CODE(0, 7)
// Bit n is method 0.n.
#define METHODS_ALL (0xfe)

// RFC 7252 section 12.1.2
#define CODE_METHOD_NOT_ALLOWED CODE(4, 5)

// RFC 7252 section 12.2; Observe: RFC 7641 section 2; No-Response: RFC 7967 section 2
#define OPTION_IF_MATCH (1)
#define OPTION_URI_HOST (3)
#define OPTION_ETAG (4)
#define OPTION_IF_NONE_MATCH (5)
#define OPTION_OBSERVE (6)
#define OBSERVE_MAX (0xffffff)
#define OPTION_URI_PATH (11)
#define OPTION_MAX_AGE (14)
#define OPTION_URI_QUERY (15)
#define OPTION_ACCEPT (17)
#define OPTION_BLOCK2 (23)
#define OPTION_BLOCK1 (27)
#define OPTION_SIZE2 (28)
#define OPTION_NO_RESPONSE (258)

#endif // MICROCOAPY_PROTOCOL_H
