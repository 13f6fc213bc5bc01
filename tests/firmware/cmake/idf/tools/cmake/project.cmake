# SPDX-License-Identifier: MIT
#
# In ESP-IDF's place (IDF_PATH=tests/firmware/cmake/idf) when cmake reads MicroPython's
# ports/esp32/CMakeLists.txt with one of our boards: instead of building, it takes in user modules,
# as the port's main component does, and shows what the board has led to.
macro(project name)
    _project(${name} NONE)
    # ESP-IDF's default.
    if(NOT IDF_TARGET)
        set(IDF_TARGET esp32)
    endif()
    get_filename_component(MICROPY_DIR ${CMAKE_CURRENT_SOURCE_DIR}/../.. ABSOLUTE)
    include(${MICROPY_DIR}/py/usermod.cmake)
    foreach(variable IDF_TARGET MICROCOAPY_RUST_TARGET MICROCOAPY_PROFILE MICROPY_SOURCE_USERMOD)
        message(STATUS "${variable}=${${variable}}")
    endforeach()
endmacro()
