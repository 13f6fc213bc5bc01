# SPDX-License-Identifier: MIT
#
# How a cmake-based MicroPython port (ESP32 family, RP2) builds and links microcoapy:
#   make -C micropython/ports/esp32 USER_C_MODULES=<this folder>/micropython.cmake
#
# Settings, as cmake variables (-D) or in the environment:
#   MICROCOAPY_TARGET      the CPU as rustc names it; found out from the port otherwise
#   MICROCOAPY_PROFILE     capacities, src/config.rs: esp32 unless told otherwise, unix or esp8266
#   MICROCOAPY_IPV6, MICROCOAPY_OBSERVE, MICROCOAPY_BLOCK, MICROCOAPY_DISCOVERY
#                          0: without that; 1 otherwise; see tools/features.sh
#   MICROCOAPY_OSCORE      0: without OSCORE, which needs block-wise transfer
#   MICROCOAPY_DTLS        0: without coaps; it is there where the port's mbedtls has what it needs
#   MICROCOAPY_MODERN      0: only the classic layer, without the last three
#   MICROCOAPY_FLAT_NAMES  0: no modules coap_macros, coap_packet and coap_option
#   MICROCOAPY_TARGET_DIR  where cargo builds; a folder in the port's build folder otherwise
# tools/archive.sh, which runs cargo, has more, in the environment.

if(TARGET usermod_microcoapy)
    return()
endif()

# The repository itself, wherever links lead: rustup looks for rust-toolchain.toml there.
get_filename_component(MICROCOAPY_ROOT "${CMAKE_CURRENT_LIST_DIR}" REALPATH)

# What the command line or the board has set, then the environment, then the default. A later run of
# cmake, for which the environment may be another, keeps the setting.
macro(microcoapy_setting name default help)
    if(DEFINED ${name})
    elseif(DEFINED ENV{${name}})
        set(${name} "$ENV{${name}}" CACHE STRING "${help}")
    else()
        set(${name} "${default}" CACHE STRING "${help}")
    endif()
endmacro()
microcoapy_setting(MICROCOAPY_TARGET "" "microcoapy: Rust target, empty to find it out")
microcoapy_setting(MICROCOAPY_PROFILE "esp32" "microcoapy: capacities")
microcoapy_setting(MICROCOAPY_IPV6 "" "microcoapy: IPv6 addresses, 0 or 1")
microcoapy_setting(MICROCOAPY_MODERN "1" "microcoapy: the modern layer, 0 or 1")
microcoapy_setting(MICROCOAPY_OBSERVE "${MICROCOAPY_MODERN}" "microcoapy: Observe, 0 or 1")
microcoapy_setting(MICROCOAPY_BLOCK "${MICROCOAPY_MODERN}" "microcoapy: block-wise transfer, 0 or 1")
microcoapy_setting(MICROCOAPY_DISCOVERY "${MICROCOAPY_MODERN}" "microcoapy: discovery and multicast, 0 or 1")
microcoapy_setting(MICROCOAPY_OSCORE "${MICROCOAPY_BLOCK}" "microcoapy: OSCORE, 0 or 1")
microcoapy_setting(MICROCOAPY_DTLS "" "microcoapy: coaps, 0 or 1, empty for where mbedtls can")
microcoapy_setting(MICROCOAPY_FLAT_NAMES "1" "microcoapy: modules coap_macros, coap_packet and coap_option, 0 or 1")
microcoapy_setting(MICROCOAPY_TARGET_DIR "${CMAKE_BINARY_DIR}/microcoapy" "microcoapy: cargo's folder")

# ---- which CPU ----------------------------------------------------------------------------------

set(MICROCOAPY_RUST_esp32 xtensa-esp32-none-elf)
set(MICROCOAPY_RUST_esp32s2 xtensa-esp32s2-none-elf)
set(MICROCOAPY_RUST_esp32s3 xtensa-esp32s3-none-elf)
set(MICROCOAPY_RUST_esp32c2 riscv32imc-unknown-none-elf)
set(MICROCOAPY_RUST_esp32c3 riscv32imc-unknown-none-elf)
set(MICROCOAPY_RUST_esp32c5 riscv32imac-unknown-none-elf)
set(MICROCOAPY_RUST_esp32c6 riscv32imac-unknown-none-elf)
set(MICROCOAPY_RUST_esp32h2 riscv32imac-unknown-none-elf)
set(MICROCOAPY_RUST_esp32p4 riscv32imafc-unknown-none-elf)
# The Pico SDK passes floats in integer registers on Cortex-M33, too (-mfloat-abi=softfp).
set(MICROCOAPY_RUST_rp2040 thumbv6m-none-eabi)
set(MICROCOAPY_RUST_rp2350 thumbv8m.main-none-eabi)
set(MICROCOAPY_RUST_rp2350-arm-s thumbv8m.main-none-eabi)
set(MICROCOAPY_RUST_rp2350-riscv riscv32imac-unknown-none-elf)

# What the C compiler compiles for, in rustc's words; empty when it is nothing we know.
function(microcoapy_target_of_compiler result)
    set(${result} "" PARENT_SCOPE)
    if(NOT CMAKE_C_COMPILER)
        return()
    endif()
    separate_arguments(flags UNIX_COMMAND "${CMAKE_C_FLAGS}")
    get_directory_property(options COMPILE_OPTIONS)
    list(FILTER options EXCLUDE REGEX "\\$<")
    execute_process(
        COMMAND ${CMAKE_C_COMPILER} ${flags} ${options} -dM -E -x c /dev/null
        OUTPUT_VARIABLE macros ERROR_QUIET
    )
    foreach(name
        __riscv __riscv_compressed __riscv_atomic __riscv_float_abi_soft __riscv_float_abi_single
        __ARM_ARCH_6M__ __ARM_ARCH_7M__ __ARM_ARCH_7EM__ __ARM_ARCH_8M_BASE__ __ARM_ARCH_8M_MAIN__ __ARM_PCS_VFP
    )
        string(REGEX MATCH "#define ${name} " has${name} "${macros}")
    endforeach()
    set(eabi none-eabi)
    if(has__ARM_PCS_VFP)
        set(eabi none-eabihf)
    endif()
    set(target "")
    if(has__riscv AND has__riscv_compressed AND macros MATCHES "#define __riscv_xlen 32")
        # The call convention decides, not what the CPU could do.
        if(has__riscv_float_abi_single AND has__riscv_atomic)
            set(target riscv32imafc-unknown-none-elf)
        elseif(has__riscv_float_abi_soft AND has__riscv_atomic)
            set(target riscv32imac-unknown-none-elf)
        elseif(has__riscv_float_abi_soft)
            set(target riscv32imc-unknown-none-elf)
        endif()
    elseif(has__ARM_ARCH_6M__)
        set(target thumbv6m-none-eabi)
    elseif(has__ARM_ARCH_7M__)
        set(target thumbv7m-none-eabi)
    elseif(has__ARM_ARCH_7EM__)
        set(target thumbv7em-${eabi})
    elseif(has__ARM_ARCH_8M_BASE__)
        set(target thumbv8m.base-none-eabi)
    elseif(has__ARM_ARCH_8M_MAIN__)
        set(target thumbv8m.main-${eabi})
    endif()
    set(${result} "${target}" PARENT_SCOPE)
endfunction()

function(microcoapy_choose_target result)
    if(MICROCOAPY_TARGET)
        set(target "${MICROCOAPY_TARGET}")
    elseif(IDF_TARGET)
        set(cpu "IDF_TARGET=${IDF_TARGET}")
        set(target "${MICROCOAPY_RUST_${IDF_TARGET}}")
    elseif(PICO_PLATFORM)
        set(cpu "PICO_PLATFORM=${PICO_PLATFORM}")
        set(target "${MICROCOAPY_RUST_${PICO_PLATFORM}}")
    else()
        set(cpu "what ${CMAKE_C_COMPILER} compiles for (CMAKE_SYSTEM_PROCESSOR=${CMAKE_SYSTEM_PROCESSOR})")
        microcoapy_target_of_compiler(target)
    endif()
    if(NOT target)
        message(FATAL_ERROR
            "microcoapy does not know which Rust target is right for ${cpu}. "
            "Name it with -D MICROCOAPY_TARGET=... or in the environment; 'rustc --print target-list' shows all. "
            "Known are ESP32, ESP32-S2, -S3, -C2, -C3, -C5, -C6, -H2, -P4, RP2040, RP2350, "
            "and what the C compiler says of 32-bit RISC-V with compressed instructions and of Cortex-M.")
    endif()
    set(${result} "${target}" PARENT_SCOPE)
endfunction()

microcoapy_choose_target(MICROCOAPY_RUST_TARGET)
message(STATUS "microcoapy: ${MICROCOAPY_RUST_TARGET}, profile ${MICROCOAPY_PROFILE}")

# ---- Rust ---------------------------------------------------------------------------------------

set(MICROCOAPY_ARCHIVE_DIR "${CMAKE_BINARY_DIR}/microcoapy/${MICROCOAPY_RUST_TARGET}-${MICROCOAPY_PROFILE}")
set(MICROCOAPY_ARCHIVE "${MICROCOAPY_ARCHIVE_DIR}/libmicrocoapy.a")

file(GLOB_RECURSE MICROCOAPY_RUST_SOURCES CONFIGURE_DEPENDS "${MICROCOAPY_ROOT}/src/*.rs")
file(GLOB MICROCOAPY_RUST_INPUTS CONFIGURE_DEPENDS
    "${MICROCOAPY_ROOT}/Cargo.toml"
    "${MICROCOAPY_ROOT}/Cargo.lock"
    "${MICROCOAPY_ROOT}/build.rs"
    "${MICROCOAPY_ROOT}/rust-toolchain.toml"
    "${MICROCOAPY_ROOT}/boards/targets/*.json"
    "${MICROCOAPY_ROOT}/tools/archive.sh"
    "${MICROCOAPY_ROOT}/tools/features.sh"
    "${MICROCOAPY_ROOT}/tools/xtensa-literals.py"
    "${MICROCOAPY_ROOT}/tools/xtensa-shorten.py"
)

add_custom_command(
    OUTPUT ${MICROCOAPY_ARCHIVE}
    COMMAND ${CMAKE_COMMAND} -E env
        MICROCOAPY_PROFILE=${MICROCOAPY_PROFILE}
        MICROCOAPY_IPV6=${MICROCOAPY_IPV6}
        MICROCOAPY_MODERN=${MICROCOAPY_MODERN}
        MICROCOAPY_OBSERVE=${MICROCOAPY_OBSERVE}
        MICROCOAPY_BLOCK=${MICROCOAPY_BLOCK}
        MICROCOAPY_DISCOVERY=${MICROCOAPY_DISCOVERY}
        MICROCOAPY_OSCORE=${MICROCOAPY_OSCORE}
        MICROCOAPY_TARGET_DIR=${MICROCOAPY_TARGET_DIR}
        sh ${MICROCOAPY_ROOT}/tools/archive.sh ${MICROCOAPY_RUST_TARGET} ${MICROCOAPY_ARCHIVE_DIR}
    DEPENDS ${MICROCOAPY_RUST_SOURCES} ${MICROCOAPY_RUST_INPUTS}
    COMMENT "microcoapy: cargo for ${MICROCOAPY_RUST_TARGET}"
    VERBATIM
)
add_custom_target(microcoapy_archive DEPENDS ${MICROCOAPY_ARCHIVE})

# Global, because the port may link in another folder than it includes user modules in.
add_library(microcoapy_engine STATIC IMPORTED GLOBAL)
set_target_properties(microcoapy_engine PROPERTIES IMPORTED_LOCATION ${MICROCOAPY_ARCHIVE})
add_dependencies(microcoapy_engine microcoapy_archive)

# ---- C ------------------------------------------------------------------------------------------

# The crate's version is the first in Cargo.toml; cmake looks again when that file changes.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${MICROCOAPY_ROOT}/Cargo.toml")
file(STRINGS "${MICROCOAPY_ROOT}/Cargo.toml" MICROCOAPY_VERSION REGEX "^version *=" LIMIT_COUNT 1)
string(REGEX REPLACE ".*\"(.*)\".*" "\\1" MICROCOAPY_VERSION "${MICROCOAPY_VERSION}")

# Subpackages are for `import microcoapy.coap_macros`.
set(MICROCOAPY_DEFINITIONS
    MICROCOAPY_VERSION=${MICROCOAPY_VERSION}
    MICROPY_MODULE_BUILTIN_SUBPACKAGES=1
    MICROCOAPY_MODERN=${MICROCOAPY_MODERN}
    MICROCOAPY_OBSERVE=${MICROCOAPY_OBSERVE}
    MICROCOAPY_BLOCK=${MICROCOAPY_BLOCK}
    MICROCOAPY_DISCOVERY=${MICROCOAPY_DISCOVERY}
    MICROCOAPY_OSCORE=${MICROCOAPY_OSCORE}
    MICROCOAPY_FLAT_NAMES=${MICROCOAPY_FLAT_NAMES}
)
if(NOT MICROCOAPY_DTLS STREQUAL "")
    list(APPEND MICROCOAPY_DEFINITIONS MICROCOAPY_DTLS=${MICROCOAPY_DTLS})
endif()

add_library(usermod_microcoapy INTERFACE)
# Plain names: MicroPython scans these files for QSTRs and does not understand generator expressions.
set(MICROCOAPY_SOURCES
    ${MICROCOAPY_ROOT}/src/mpy/address.c
    ${MICROCOAPY_ROOT}/src/mpy/answering.c
    ${MICROCOAPY_ROOT}/src/mpy/arguments.c
    ${MICROCOAPY_ROOT}/src/mpy/async.c
    ${MICROCOAPY_ROOT}/src/mpy/body.c
    ${MICROCOAPY_ROOT}/src/mpy/clock.c
    ${MICROCOAPY_ROOT}/src/mpy/coap.c
    ${MICROCOAPY_ROOT}/src/mpy/constants.c
    ${MICROCOAPY_ROOT}/src/mpy/discover.c
    ${MICROCOAPY_ROOT}/src/mpy/dispatch.c
    ${MICROCOAPY_ROOT}/src/mpy/dtls.c
    ${MICROCOAPY_ROOT}/src/mpy/dtls_config.c
    ${MICROCOAPY_ROOT}/src/mpy/dtls_places.c
    ${MICROCOAPY_ROOT}/src/mpy/dtls_resume.c
    ${MICROCOAPY_ROOT}/src/mpy/dtls_session.c
    ${MICROCOAPY_ROOT}/src/mpy/entropy.c
    ${MICROCOAPY_ROOT}/src/mpy/errors.c
    ${MICROCOAPY_ROOT}/src/mpy/exchange.c
    ${MICROCOAPY_ROOT}/src/mpy/link.c
    ${MICROCOAPY_ROOT}/src/mpy/link_fd.c
    ${MICROCOAPY_ROOT}/src/mpy/link_manual.c
    ${MICROCOAPY_ROOT}/src/mpy/link_methods.c
    ${MICROCOAPY_ROOT}/src/mpy/link_object.c
    ${MICROCOAPY_ROOT}/src/mpy/link_stream.c
    ${MICROCOAPY_ROOT}/src/mpy/message.c
    ${MICROCOAPY_ROOT}/src/mpy/method.c
    ${MICROCOAPY_ROOT}/src/mpy/modmicrocoapy.c
    ${MICROCOAPY_ROOT}/src/mpy/options.c
    ${MICROCOAPY_ROOT}/src/mpy/packet.c
    ${MICROCOAPY_ROOT}/src/mpy/paths.c
    ${MICROCOAPY_ROOT}/src/mpy/pump.c
    ${MICROCOAPY_ROOT}/src/mpy/request.c
    ${MICROCOAPY_ROOT}/src/mpy/resource.c
    ${MICROCOAPY_ROOT}/src/mpy/security.c
    ${MICROCOAPY_ROOT}/src/mpy/send.c
    ${MICROCOAPY_ROOT}/src/mpy/sequence.c
    ${MICROCOAPY_ROOT}/src/mpy/serve.c
    ${MICROCOAPY_ROOT}/src/mpy/slots.c
    ${MICROCOAPY_ROOT}/src/mpy/sockaddr.c
)
# Not compiled. Names are in headers too: when one changes, the names of all files are gathered anew.
file(GLOB MICROCOAPY_HEADERS ${MICROCOAPY_ROOT}/src/mpy/*.h ${MICROCOAPY_ROOT}/src/mpy/tables/*.h)
target_sources(usermod_microcoapy INTERFACE ${MICROCOAPY_SOURCES} ${MICROCOAPY_HEADERS})
set(MICROCOAPY_OPTIONS "")
if(MICROCOAPY_RUST_TARGET MATCHES "^riscv")
    # Functions of libgcc save and restore registers, 188 bytes for all; a twelfth of our C code goes.
    list(APPEND MICROCOAPY_OPTIONS -msave-restore)
    # See micropython.mk.
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
        list(APPEND MICROCOAPY_OPTIONS
            -fno-expensive-optimizations -fno-caller-saves -fno-move-loop-invariants -fno-jump-tables
            -fno-tree-dominator-opts -fno-tree-tail-merge -fno-partial-inlining -fno-guess-branch-probability
            -finline-limit=0)
    endif()
endif()
set(MICROCOAPY_OWN_DEFINITIONS "")
set(MICROCOAPY_SCOPE "")
if(COMMAND idf_build_get_property)
    # The ESP32 port has both its main component and the executable, in the top folder, compile the files of user
    # modules. The executable's are linked, and have nothing of what IDF compiles its components with.
    idf_build_get_property(options COMPILE_OPTIONS GENERATOR_EXPRESSION)
    idf_build_get_property(c_options C_COMPILE_OPTIONS GENERATOR_EXPRESSION)
    list(APPEND MICROCOAPY_OPTIONS ${options} ${c_options})
    list(APPEND MICROCOAPY_OWN_DEFINITIONS ESP_PLATFORM NDEBUG)
    if(CMAKE_VERSION VERSION_LESS 3.18)
        # Properties of source files in another folder.
        message(FATAL_ERROR "microcoapy: this is cmake ${CMAKE_VERSION}; with ESP-IDF it takes 3.18 or later")
    endif()
    set(MICROCOAPY_SCOPE DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_SOURCE_DIR})
endif()
set_source_files_properties(${MICROCOAPY_SOURCES} ${MICROCOAPY_SCOPE} PROPERTIES
    COMPILE_OPTIONS "${MICROCOAPY_OPTIONS}"
    COMPILE_DEFINITIONS "${MICROCOAPY_OWN_DEFINITIONS}"
)
target_include_directories(usermod_microcoapy INTERFACE ${MICROCOAPY_ROOT}/include)
target_compile_definitions(usermod_microcoapy INTERFACE ${MICROCOAPY_DEFINITIONS})
target_link_libraries(usermod_microcoapy INTERFACE microcoapy_engine)
target_link_libraries(usermod INTERFACE usermod_microcoapy)

# The scan for QSTRs takes no definitions from libraries.
list(APPEND MICROPY_CPP_DEF_EXTRA ${MICROCOAPY_DEFINITIONS})
