#!/bin/sh
# SPDX-License-Identifier: MIT
# cache.sh: prints the folder for what is fetched, or built from others' sources, once for all checkouts of this user.
# Each entry has its version and a checksum in its name, and is there whole or not at all.
#
# Environment: MICROCOAPY_CACHE, ~/.cache/microcoapy otherwise; build/cache where that cannot be written.
set -eu
own=$(cd "$(dirname "$0")/.." && pwd)/build/cache
folder=${MICROCOAPY_CACHE:-${HOME:+$HOME/.cache/microcoapy}}
case $folder in
    # make cannot handle a path with spaces.
    '' | *[[:space:]]*) folder=$own ;;
esac
if ! mkdir -p "$folder" 2>/dev/null || [ ! -w "$folder" ]; then
    folder=$own
    mkdir -p "$folder"
fi
cd "$folder" && pwd
