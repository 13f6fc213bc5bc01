// SPDX-License-Identifier: MIT
//
// The settings of this machine's mbedtls, without what needs an operating system: coaps is compiled with them for devices, of
// whose size there is nothing else to know.
#include "mbedtls/config.h"

#undef MBEDTLS_THREADING_C
#undef MBEDTLS_THREADING_PTHREAD
