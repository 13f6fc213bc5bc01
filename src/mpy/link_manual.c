// SPDX-License-Identifier: MIT
//
// No socket: a program feeds what has arrived, and takes what is to be sent.

#include "link.h"

const link_type_t microcoapy_link_manual = { .receive = NULL };
