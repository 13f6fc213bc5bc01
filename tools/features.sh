#!/bin/sh
# SPDX-License-Identifier: MIT
# features.sh TARGET: the features that cargo is to build the engine with for that Rust target, with commas.
#
# Environment:
#   MICROCOAPY_PROFILE    capacities, src/config.rs: gateway, unix, esp32 or esp8266; by the CPU otherwise
#   MICROCOAPY_IPV6       IPv6 addresses: 0 or 1
#   MICROCOAPY_OBSERVE    Observe, RFC 7641: 0 or 1
#   MICROCOAPY_BLOCK      block-wise transfer, RFC 7959, with Echo and Request-Tag, RFC 9175: 0 or 1
#   MICROCOAPY_DISCOVERY  resource discovery, RFC 6690, and multicast: 0 or 1
#   MICROCOAPY_OSCORE     OSCORE, RFC 8613: 0 or 1; 0 without block-wise transfer
#   MICROCOAPY_MODERN     0: only the classic layer of the Python API, which has no use for the last three, nor for
#                         attributes of resources
# What is not set is 1; src/mpy/shim.h has the same rule for the C files.
set -eu
case $1 in
    *esp8266*) profile=esp8266 ;;
    *-none-*) profile=esp32 ;;
    *) profile=unix ;;
esac
list=staticlib,profile-${MICROCOAPY_PROFILE:-$profile}
# Only the modern layer gives resources attributes: no setting of its own.
[ "${MICROCOAPY_MODERN:-1}" = 0 ] || list=$list,attributes
for feature in ipv6 observe block discovery oscore; do
    case $feature in
        ipv6) default=1 ;;
        oscore) default=${MICROCOAPY_BLOCK:-${MICROCOAPY_MODERN:-1}} ;;
        *) default=${MICROCOAPY_MODERN:-1} ;;
    esac
    name=MICROCOAPY_$(echo $feature | tr a-z A-Z)
    eval "value=\${$name:-}"
    case ${value:-$default} in
        0) ;;
        1) list=$list,$feature ;;
        *)
            echo "features.sh: $name=$value: must be 0 or 1" >&2
            exit 2
            ;;
    esac
done
echo "$list"
