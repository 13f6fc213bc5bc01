# SPDX-License-Identifier: MIT
#
# MicroPython's ESP32_GENERIC_S3 with microcoapy; 8 MB of flash or more:
#   make -C micropython/ports/esp32 BOARD_DIR=<this folder>

# The path is one of the port, as are those of the sdkconfig files that it lists.
include(boards/ESP32_GENERIC_S3/mpconfigboard.cmake)

set(MICROCOAPY_PROFILE esp32)
list(APPEND USER_C_MODULES ${CMAKE_CURRENT_LIST_DIR}/../../micropython.cmake)
list(APPEND SDKCONFIG_DEFAULTS ${CMAKE_CURRENT_LIST_DIR}/../sdkconfig.dtls)
