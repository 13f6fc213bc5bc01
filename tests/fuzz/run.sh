#!/bin/sh
# SPDX-License-Identifier: MIT
# Usage: tests/fuzz/run.sh SECONDS [TARGET]...
# Builds the fuzz targets (wire, endpoint, pair, unprotect, python) and runs each for SECONDS; exits non-zero on a finding.
# The corpus stays in build/fuzz/corpus and makes the next run better. The target python is python/run.py, which takes
# its seeds from where it has ended.
set -eu

seconds=${1:?usage: $0 SECONDS [TARGET]...}
shift
[ $# -gt 0 ] || set -- wire endpoint pair unprotect python

cd "$(dirname "$0")/../.."
work=$PWD/build/fuzz
status=0

fuzz_python() {
    for interpreter in micropython micropython-asan; do
        if [ ! -x "build/$interpreter" ]; then
            echo "$0: no build/$interpreter: make all asan" >&2
            exit 2
        fi
    done
    echo "== fuzz python, $seconds s"
    python3 tests/fuzz/python/run.py "$seconds" || status=1
}

# It needs neither libFuzzer nor a build of its own.
if [ "$*" = python ]; then
    fuzz_python
    exit $status
fi

find_libfuzzer() {
    for archive in /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-"$(uname -m)".a \
        /usr/lib/clang/*/lib/linux/libclang_rt.fuzzer-"$(uname -m)".a; do
        if [ -e "$archive" ]; then
            echo "$archive"
            return
        fi
    done
}

LIBFUZZER=${LIBFUZZER:-$(find_libfuzzer)}
if [ -z "$LIBFUZZER" ] && [ "$(id -u)" = 0 ]; then
    apt-get install -y -q libclang-rt-14-dev >&2
    LIBFUZZER=$(find_libfuzzer)
fi
if [ -z "$LIBFUZZER" ]; then
    echo "$0: libFuzzer's runtime is missing: apt-get install libclang-rt-14-dev" >&2
    exit 2
fi
export LIBFUZZER

# RUSTC_BOOTSTRAP: sanitizers are unstable options of the pinned stable compiler.
# --target: build scripts and the standard library stay without instrumentation.
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares" \
    cargo build --quiet --release --manifest-path tests/fuzz/Cargo.toml \
    --target "$host" --target-dir "$work/target"

# seed TARGET NAME BYTES...: BYTES as for printf.
seed() {
    mkdir -p "$work/seeds/$1"
    # shellcheck disable=SC2059
    printf "$3" >"$work/seeds/$1/$2"
}

# RFC 7252 appendix A, options with every kind of extension, a URI.
seed wire figure16 '\100\001\175\064\273temperature'
seed wire figure17 '\141\105\175\065\040\377\062\062.3 C'
seed wire empty '\140\000\022\064'
seed wire extended '\102\003\000\001ab\065hello\201a\015\005x123456789012345678\341\001\000z\377payload'
seed wire wrap '\100\001\000\000\340\376\362\300'
seed wire uri 'coap://[2001:db8::2:1]:61616//%%2F/../a%%20b?x=1&%%26'
# RFC 6690 section 5, with a filter before it; an attribute; Block and Observe values.
seed wire links '</sensors>;ct=40;title="Sensor \\"Index\\"",</sensors/temp>;rt="temperature-c a";if="sensor";obs,</t>;anchor="/x";rel="describedby"'
seed wire filter 'rt=temp*\n</sensors/temp>;rt="temperature-c a";if="sensor",</b>;rel=a;rel=b'
seed wire attribute '\010\001title=a "b" c'
seed wire block '\001\015'
seed wire observe '\000\177\377\377\000\000\000\001\377\377\377\366\001\364\001'
# Setup (3 bytes), then operations and their arguments, see targets/endpoint/world.rs.
seed endpoint request '\000\000\000\003\001\010\000\001a\004\002\000\002\000\000'
seed endpoint serve '\000\000\000\013\001\000\000\005\000\000\000\012\010\000\000'
seed endpoint separate '\000\000\000\013\001\000\000\006\000\000\005\000\001\000\012\002\000\000\010\000\000'
seed endpoint timeouts '\014\000\001\003\001\010\000\000\004\004\004\004\004\004'
seed endpoint late '\000\000\000\003\001\010\000\000\002\000\000\002\000\004\000\000\004\002\000\044\000\000'
seed endpoint ping '\000\000\000\003\001\002\000\000\002\000\001'
seed endpoint queue '\000\000\000\003\001\010\000\000\003\001\010\000\000\003\001\011\000\000\002\000\002\000\000\002\001\002\000\000'
seed endpoint raw '\000\000\000\000\001\013\100\001\175\064\261a\377abcd\005\000\000\000\005'
seed endpoint read '\000\000\000\017\040\020coap://h:1/a?b=c\017\040\016</a>;rt=\"x\",<b>'
# The program answers and goes on at once.
seed endpoint download '\200\000\000\003\001\010\000\001a\014\010\000'
seed endpoint resume '\200\000\000\003\001\010\004\001a\001\000\014\010\000'
seed endpoint upload '\200\000\000\003\001\030\002\001a\310\001\014\020\000'
seed endpoint observe '\200\000\000\003\001\010\001\001a\014\010\000\002\003\006\000\004\001\001\003\004\007\000\001\004'
seed endpoint served_upload '\200\000\000\015\001\000\005\015\001\002\003'
seed endpoint served_download '\200\000\000\015\001\001\005\015\001\003\003'
seed endpoint observer '\200\001\000\013\001\000\004\000\012\015\014\001\000\012\015\004\012\015\014\001\000\012\000\012\004'
seed endpoint restart '\200\001\000\013\001\000\004\000\003\001\010\001\001a\014\010\000\011\001\006\001\001\012\015\004'
seed endpoint import '\200\001\000\013\001\000\004\000\011\001\010\000\003abc\001'
seed endpoint fresh '\200\004\000\013\001\000\000\013\001\000\020'
seed endpoint amplification '\200\040\000\013\001\000\000\013\001\000\020'
seed endpoint group '\200\000\000\003\000\011\100\001a\014\001\001\014\001\002\013\001\005\000\013\002\025\000\004'
seed endpoint resources '\000\000\000\012\001\376\001\001z\012\003\002rt\003x y\012\002\120\012\004\013\001\020\000'
# Setup (2 bytes), the fates of datagrams behind their count, then operations, see targets/pair/world.rs.
seed pair request '\000\000\000\002\000\000\000\010\000\160'
seed pair lossy '\000\000\004\001\000\002\036\002\000\000\003\010\000\160\002\001\001\000\010\000\160'
seed pair transfers '\000\000\003\000\052\000\002\000\000\000\310\000\002\001\020\003\000\144\370\370\002\000\064\001\144\062\370\370'
seed pair observe '\000\000\003\000\075\016\002\000\002\000\310\000\160\005\001\070\005\001\005\001\160\006\000\000\002\160'
seed pair non '\100\000\002\000\036\002\000\003\000\010\000\160\005\001\070\005\001\160\007\001\003\005\001\160'
seed pair corrupted '\000\000\006\000\014\007\001\000\053\002\000\020\001\020\144\370\002\001\002\000\010\000\370'
seed pair replayed '\040\000\003\055\000\075\002\000\020\000\010\010\064\002\000\040\002\010\010\064'
# Setup (2 bytes), then operations and their arguments, see targets/unprotect/world.rs.
seed unprotect serve '\004\000\015\000\020\000\002\000\004\000\003\000\006\000\000\006\000\001\006\000\002\021'
seed unprotect separate '\000\000\015\000\020\000\002\000\004\000\003\000\012\000\000\014\002\012\000\002\050\007\000\000'
seed unprotect ask '\004\000\015\000\020\000\010\000\000\000\004\000\000\000\000'
seed unprotect spoofed '\004\000\015\000\020\000\010\000\000\000\007\000\002\000\007\000\005\000\004\000\000\000\000'
seed unprotect observe '\004\000\015\000\020\000\010\000\000\001\004\000\000\001\000\004\000\006\001\001\001\006\000\001\004\000\006\001\001\002'
seed unprotect observer '\004\000\015\000\020\000\015\001\020\000\002\000\005\001\004\000\013\002\007\000\000\014\004\013\002\014\007'
seed unprotect blocks '\004\000\015\000\020\000\010\000\000\001\004\000\000\051\000\010\020\004\000\000\050\000\020\005'
seed unprotect remove '\004\000\015\000\020\000\010\000\000\001\004\000\000\051\000\010\020\016\002\014\007\014\003\014\007'
seed unprotect restart '\004\002\015\000\020\000\002\000\004\000\004\000\002\000\004\002\004\000\016\006\002\000\004\002\004\000\006\002\001'
seed unprotect recreate '\004\002\015\000\020\000\002\000\004\000\004\000\002\000\004\002\004\000\016\004\006\000\001'
seed unprotect twins '\024\000\015\000\020\000\015\001\020\000\002\000\024\000\004\000\002\000\025\000\004\000\002\000\024\000\004\004'
seed unprotect unwanted '\004\004\015\000\020\000\010\000\010\000\002\002\002\003\002\002\050\000\010\000\150\150\150\150\150\150\150\150\253\253\157\010\274\002\002\002\001\002\002\016\000\072\072\002'
seed unprotect admitted '\002\002\336\002\376\375\015\005\001\050\103\103\103\103\103'
seed unprotect odd '\004\000\015\000\020\000\001\000\003\002\011\005\010ciphered\010\000\000\000\001\004\000\000\000\010ciphered'

for target in "$@"; do
    if [ "$target" = python ]; then
        fuzz_python
        continue
    fi
    mkdir -p "$work/corpus/$target" "$work/findings/$target"
    echo "== fuzz $target, $seconds s"
    # len_control: a script of some operations is longer than libFuzzer would try in the first minutes.
    # detect_leaks=0: nothing allocates, and LeakSanitizer cannot run in a container without ptrace.
    if ! ASAN_OPTIONS=detect_leaks=0 "$work/target/$host/release/$target" \
        -max_total_time="$seconds" -timeout=5 -max_len=2048 -len_control=10 -rss_limit_mb=1024 \
        -artifact_prefix="$work/findings/$target/" -print_final_stats=1 \
        "$work/corpus/$target" "$work/seeds/$target" >"$work/$target.log" 2>&1; then
        status=1
        tail -n 60 "$work/$target.log"
        echo "== fuzz $target: FINDING, input kept in $work/findings/$target"
    else
        grep -aE 'stat::(number_of_executed_units|average_exec_per_sec)|DONE' "$work/$target.log"
    fi
done
exit $status
