// SPDX-License-Identifier: MIT
//
// Module microcoapy. It also answers to the module names that programs for the original library
// import: microcoapy.microcoapy, .coap_macros, .coap_packet and .coap_option are the same module, and so are the last
// three as modules of their own.

#include "py/objstr.h"
#include "dtls.h"
#include "modern.h"

#if !MICROPY_MODULE_BUILTIN_SUBPACKAGES
#error "microcoapy needs MICROPY_MODULE_BUILTIN_SUBPACKAGES=1 (micropython.mk sets it)"
#endif

// The crate's version, from Cargo.toml by way of the build files: 0.1.0, without quotes.
#ifndef MICROCOAPY_VERSION
#error "MICROCOAPY_VERSION is not set (micropython.mk sets it)"
#endif

static const MP_DEFINE_STR_OBJ(version_obj, MP_STRINGIFY(MICROCOAPY_VERSION));

extern const mp_obj_module_t microcoapy_module;

#include "tables/modmicrocoapy.h"

MP_REGISTER_MODULE(MP_QSTR_microcoapy, microcoapy_module);
#if MICROCOAPY_FLAT_NAMES
MP_REGISTER_MODULE(MP_QSTR_coap_macros, microcoapy_module);
MP_REGISTER_MODULE(MP_QSTR_coap_packet, microcoapy_module);
MP_REGISTER_MODULE(MP_QSTR_coap_option, microcoapy_module);
#endif
