#!/bin/sh
# SPDX-License-Identifier: MIT
# archive.sh TARGET OUT_DIR: the engine for a device's CPU as OUT_DIR/libmicrocoapy.a.
#
# TARGET is a Rust target triple without operating system (riscv32imc-unknown-none-elf, thumbv6m-none-eabi...), or
# xtensa-esp8266-none-elf, xtensa-esp32-none-elf, xtensa-esp32s2-none-elf, xtensa-esp32s3-none-elf.
#
# Environment:
#   MICROCOAPY_PROFILE, MICROCOAPY_IPV6, MICROCOAPY_OBSERVE, MICROCOAPY_BLOCK, MICROCOAPY_DISCOVERY,
#   MICROCOAPY_OSCORE
#                               capacities and features, see tools/features.sh
#   MICROCOAPY_RUST_SRC         a .tar archive with Rust's library/ folder, for toolchains without rust-src
#   MICROCOAPY_TARGET_DIR       where cargo builds (build/cargo)
#   MICROCOAPY_OPT_LEVEL        rustc's opt-level (z)
#   MICROCOAPY_PIC              1: code that runs wherever it is loaded, and besides the archive OUT_DIR/microcoapy.o, the
#                               engine's object alone, for a dynamic native module (.mpy), see docs/native-module.md
#   MICROCOAPY_ESP_TOOLCHAIN    name of Espressif's Rust toolchain (esp); used for Xtensa when rustup has it, 0: never
#   MICROCOAPY_BUILTINS         0: leave compiler_builtins out, for an Xtensa port whose libgcc or ROM has the same
#                               functions; it is in OUT_DIR/libcompiler_builtins.a then
#   MICROCOAPY_XTENSA_AS        the assembler, with --text-section-literals
#   MICROCOAPY_XTENSA_LITERALS  0: take the compiler's objects as they are, see tools/xtensa-literals.py
#   MICROCOAPY_XTENSA_SHORTEN   0: take the compiler's instructions as they are, see tools/xtensa-shorten.py
#   V                           1: show commands
#
# Exit status 3: the machine lacks something to build for this CPU; the message says what.
set -eu

say() {
    echo "archive.sh: $*" >&2
}
missing() {
    say "$@"
    exit 3
}
[ $# -eq 2 ] || { sed -n '3,26s/^# \{0,1\}//p' "$0" >&2; exit 2; }
target=$1
mkdir -p "$2"
out=$(cd "$2" && pwd)
root=$(cd "$(dirname "$0")/.." && pwd -P)
features=$(sh "$root/tools/features.sh" "$target")
opt_level=${MICROCOAPY_OPT_LEVEL:-z}
cargo_dir=${MICROCOAPY_TARGET_DIR:-$root/build/cargo}
mkdir -p "$cargo_dir"
cargo_dir=$(cd "$cargo_dir" && pwd)
cache=$(sh "$root/tools/cache.sh")
quiet=--quiet
if [ "${V:-0}" = 1 ]; then
    quiet=
    set -x
fi
export PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"
# make's job server is not passed on to rustc and cargo.
unset MAKEFLAGS MFLAGS
# cargo reads rust-toolchain.toml from the folder it runs in.
cd "$root"
command -v cargo >/dev/null || missing "cargo is missing. Install Rust with rustup (https://rustup.rs)."

# ---- toolchain and target ------------------------------------------------------------------------

case $target in
    xtensa-*) xtensa=1 ;;
    *) xtensa= ;;
esac
toolchain=
if [ -n "$xtensa" ]; then
    esp=${MICROCOAPY_ESP_TOOLCHAIN:-esp}
    if [ "$esp" != 0 ] && rustc "+$esp" --print target-list 2>/dev/null | grep -qx "$target"; then
        toolchain=+$esp
    fi
fi
# The stock compiler has LLVM's Xtensa backend; its built-in targets have another data layout than that.
target_argument=$target
if [ -n "$xtensa" ] && [ -z "$toolchain" ]; then
    target_argument=$root/boards/targets/$target.json
    [ -f "$target_argument" ] || { say "unknown target $target"; exit 2; }
elif ! rustc $toolchain --print target-list | grep -qx "$target"; then
    say "unknown target $target"
    exit 2
fi
# Whether the assembler makes the objects, not LLVM.
literals=
if [ -n "$xtensa" ] && [ -z "$toolchain" ] && [ "${MICROCOAPY_XTENSA_LITERALS:-1}" != 0 ]; then
    literals=1
fi

# ---- the source of core --------------------------------------------------------------------------

# Sets core_source to the parent of a library/ folder; empty when the toolchain has its own.
find_core_source() {
    core_source=
    sysroot=$(rustc $toolchain --print sysroot)
    [ ! -f "$sysroot/lib/rustlib/src/rust/library/core/Cargo.toml" ] || return 0
    version=$(rustc $toolchain --version | cut -d' ' -f2)
    if [ -n "${MICROCOAPY_RUST_SRC:-}" ]; then
        [ -f "$MICROCOAPY_RUST_SRC" ] || missing "MICROCOAPY_RUST_SRC=$MICROCOAPY_RUST_SRC is no file."
        unpacked=$cache/rust-library-$version-$(cksum <"$MICROCOAPY_RUST_SRC" | cut -d' ' -f1)
        unpack_core_source "$MICROCOAPY_RUST_SRC" || missing "$MICROCOAPY_RUST_SRC holds no library/core."
        core_source=$unpacked
        return 0
    fi
    # Debian's, once fetched.
    unpacked=$cache/rust-library-$version-debian
    if [ -f "$unpacked/library/core/Cargo.toml" ]; then
        core_source=$unpacked
        return 0
    fi
    if command -v rustup >/dev/null; then
        name=$(rustup show active-toolchain 2>/dev/null | cut -d' ' -f1)
        say "adding the component rust-src to the toolchain $name"
        if RUST_BACKTRACE=0 rustup component add rust-src ${name:+--toolchain "$name"} >&2; then
            return 0
        fi
    fi
    if debian_core_source; then
        core_source=$unpacked
        return 0
    fi
    missing "no source of Rust's core library $version for $target." \
        "Run 'rustup component add rust-src', or set MICROCOAPY_RUST_SRC to an archive that holds library/."
}

# Unpacks in one step, so that an interrupted or simultaneous run leaves nothing half done.
unpack_core_source() {
    [ ! -f "$unpacked/library/core/Cargo.toml" ] || return 0
    fresh=$(mktemp -d "$cache/.library.XXXXXX")
    if tar -C "$fresh" -xf "$1" && found=$(find "$fresh" -maxdepth 5 -path '*/library/core/Cargo.toml' | head -n 1) &&
        [ -n "$found" ]; then
        found=${found%/library/core/Cargo.toml}
        [ -d "$unpacked" ] || mv "$found" "$unpacked"
    fi
    rm -rf "$fresh"
    [ -f "$unpacked/library/core/Cargo.toml" ]
}

# Debian's source package of exactly this rustc, when the machine's apt knows source packages of that version.
debian_core_source() {
    command -v apt-get >/dev/null && command -v apt-cache >/dev/null && command -v dpkg-source >/dev/null || return 1
    package=$(apt-cache showsrc --only-source rustc 2>/dev/null |
        sed -n "s/^Version: \($version[+-].*\)/\1/p" | head -n 1)
    [ -n "$package" ] || return 1
    say "fetching Debian's source package rustc $package"
    fetch=$(mktemp -d "$cargo_dir/.debian.XXXXXX")
    if (cd "$fetch" && apt-get -qq source --download-only "rustc=$package" >&2); then
        for archive in "$fetch"/rustc_*.orig.tar.*; do
            case $archive in
                *.asc) ;;
                *) unpack_core_source "$archive" || : ;;
            esac
        done
    fi
    rm -rf "$fetch"
    [ -f "$unpacked/library/core/Cargo.toml" ]
}

find_core_source
[ -z "$core_source" ] || export __CARGO_TESTS_ONLY_SRC_ROOT="$core_source/library"

# ---- assembler -----------------------------------------------------------------------------------

if [ -n "$literals" ]; then
    chip=${target#xtensa-}
    chip=${chip%%-*}
    if [ -z "${MICROCOAPY_XTENSA_AS:-}" ]; then
        for as in "xtensa-$([ "$chip" = esp8266 ] && echo lx106 || echo "$chip")-elf-as"; do
            command -v "$as" >/dev/null || missing "no assembler for $target: $as is missing" \
                "(ESP8266: Debian package binutils-xtensa-lx106; ESP32 family: ESP-IDF's tools), or set MICROCOAPY_XTENSA_AS."
            MICROCOAPY_XTENSA_AS="$as --text-section-literals"
        done
    fi
    # ar and objcopy only handle the container: those of any Xtensa will do.
    for prefix in "${MICROCOAPY_XTENSA_AS%%as *}" "xtensa-$chip-elf-" xtensa-lx106-elf-; do
        if command -v "${prefix}ar" >/dev/null && command -v "${prefix}objcopy" >/dev/null; then
            binutils=$prefix
            break
        fi
    done
    [ -n "${binutils:-}" ] || missing "no ar and objcopy for Xtensa (Debian package binutils-xtensa-lx106)."
fi

# Xtensa has no trap instruction for LLVM: it calls abort(), which not every port has. Here it is the instruction that
# is illegal in every Xtensa, local to the object.
define_abort() {
    printf '\t.section .text.abort,"ax",@progbits\n\t.align 4\n\t.type abort,@function\nabort:\n\till\n\t.size abort, .-abort\n'
}

# The sections that all of ESP8266's linker scripts know: code they do not find by its file's name goes to IRAM, and
# .rodata of files on the linker's command line to flash, where bytes cannot be read. SHA-256's constants are read as
# words: they may stay there.
place_sections() {
    renames=$("${binutils}objdump" -h "$1" | awk '
        $2 ~ /^\.text/ { print "--rename-section", $2 "=.irom0.text" }
        $2 ~ /^\.literal/ { print "--rename-section", $2 "=.irom0.literal" }
        $2 ~ /^\.rodata\..*sha2.*K32/ { print "--rename-section", $2 "=.irom0.text"; next }
        $2 ~ /^\.rodata/ { print "--rename-section", $2 "=.data.microcoapy" $2 }')
    # shellcheck disable=SC2086 # no section has a space in its name
    "${binutils}objcopy" $renames "$1"
}

# ---- cargo ---------------------------------------------------------------------------------------

if [ "${MICROCOAPY_PIC:-0}" = 1 ]; then
    [ -z "$xtensa" ] || [ -n "$toolchain" ] || missing "the stock compiler has no position-independent code for Xtensa."
    RUSTFLAGS="${RUSTFLAGS:-} -Crelocation-model=pic"
fi
# A folder for each way of building: what lies there of another one is never taken for this one's. Builds that differ in
# features alone share one, as core is the same; what else they leave has a hash of the features in its name.
key=$(printf '%s %s %s %s' "$opt_level" "$literals" "$toolchain" "${RUSTFLAGS:-}" | cksum | cut -d' ' -f1)
build=$cargo_dir/$target-$key
messages=$build/messages.json
mkdir -p "$build"
# The library itself is the last build's: another one waits until this one has been taken.
exec 9>"$build/.lock"
! command -v flock >/dev/null || flock 9

export RUSTC_BOOTSTRAP=1
export CARGO_PROFILE_RELEASE_OPT_LEVEL="$opt_level"
# No panic is reachable in our code; this way not even core's have text and formatting.
# The others make the code 3 % smaller: a few functions more are inlined than opt-level z has it.
export RUSTFLAGS="${RUSTFLAGS:-} -Zunstable-options -Cpanic=immediate-abort -Zmir-opt-level=3 -Cjump-tables=no \
-Cllvm-args=-inline-threshold=15 \
--cfg=aes_backend=\"soft\" --cfg=aes_backend_soft=\"compact\" --cfg=sha2_backend=\"soft\" --cfg=sha2_backend_soft=\"compact\"\
${literals:+ --emit=asm}"
cargo $toolchain rustc $quiet --locked --lib --release --crate-type staticlib \
    --no-default-features --features "$features" -Zbuild-std=core -Zjson-target-spec \
    --target "$target_argument" --target-dir "$build" --message-format=json-render-diagnostics >"$messages"
deps=$build/$target/release/deps
library=$build/$target/release/libmicrocoapy.a

fresh=$out/.libmicrocoapy.$$
trap 'rm -rf "$fresh"' EXIT
rm -rf "$fresh"
mkdir "$fresh"
if [ -z "$literals" ]; then
    cp "$library" "$fresh/libmicrocoapy.a"
else
    # Assembly of earlier builds stays in deps/. The right one has the hash of what cargo just named:
    # the library has a twin with a hash in its name, of compiler_builtins cargo tells the file.
    crate=
    for twin in "$deps"/libmicrocoapy-*.a; do
        if cmp -s "$twin" "$library"; then
            crate=$(basename "$twin" .a)
        fi
    done
    builtins=$(sed -n 's/.*"[^"]*\/lib\(compiler_builtins-[^"/]*\)\.rlib".*/\1/p' "$messages" | head -n 1)
    for name in "${crate#lib}" "$builtins"; do
        [ -f "$deps/$name.s" ] || { say "cargo left no assembly for ${name:-the library} in $deps"; exit 1; }
        object=$fresh/${name%-*}.o
        source=$deps/$name.s
        if [ "$object" = "$fresh/microcoapy.o" ] && [ "${MICROCOAPY_XTENSA_SHORTEN:-1}" != 0 ]; then
            python3 tools/xtensa-shorten.py "$source" "$fresh/short.s"
            source=$fresh/short.s
        fi
        python3 tools/xtensa-literals.py "$source" "$fresh/fixed.s"
        [ "$object" != "$fresh/microcoapy.o" ] || define_abort >>"$fresh/fixed.s"
        # shellcheck disable=SC2086 # the assembler's options
        $MICROCOAPY_XTENSA_AS "$fresh/fixed.s" -o "$object"
        # LLVM's bitcode, for which the linker has no use.
        "${binutils}objcopy" -R .llvmbc -R .llvmcmd "$object"
        [ "$target" != xtensa-esp8266-none-elf ] || place_sections "$object"
    done
    "${binutils}ar" rcs "$fresh/libmicrocoapy.a" "$fresh/microcoapy.o"
    if [ "${MICROCOAPY_BUILTINS:-1}" = 0 ]; then
        "${binutils}ar" rcs "$fresh/libcompiler_builtins.a" "$fresh/compiler_builtins.o"
        mv -f "$fresh/libcompiler_builtins.a" "$out/libcompiler_builtins.a"
    else
        "${binutils}ar" rs "$fresh/libmicrocoapy.a" "$fresh/compiler_builtins.o"
    fi
fi
if [ "${MICROCOAPY_PIC:-0}" = 1 ]; then
    python3 -B tools/elf.py "$fresh/libmicrocoapy.a" "$fresh/microcoapy.o"
    mv -f "$fresh/microcoapy.o" "$out/microcoapy.o"
fi
mv -f "$fresh/libmicrocoapy.a" "$out/libmicrocoapy.a"
