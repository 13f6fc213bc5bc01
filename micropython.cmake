# SPDX-License-Identifier: MIT
#
# How a cmake-based MicroPython port (ESP32 family, RP2) would build microcoapy.
message(FATAL_ERROR
    "microcoapy: ports that build with cmake are not supported yet (issue 3: firmware). "
    "Ports that build with make include micropython.mk.")
