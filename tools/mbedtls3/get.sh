#!/bin/sh
# SPDX-License-Identifier: MIT
# Usage: get.sh FOLDER
# Makes the static libraries of mbedtls 3 in FOLDER/library; its headers are in FOLDER/include. The source comes with a crate,
# whose checksum is in Cargo.lock.
set -eu

folder=${1:?usage: $0 FOLDER}
cd "$(dirname "$0")"
manifest=$PWD/Cargo.toml
target=$(rustc -vV | sed -n 's/^host: //p')
cargo fetch --quiet --locked --manifest-path "$manifest" --target "$target"
crate=$(cargo metadata --locked --offline --format-version 1 --manifest-path "$manifest" --filter-platform "$target" |
    python3 -c 'import json, os, sys
packages = json.load(sys.stdin)["packages"]
print(*(os.path.dirname(p["manifest_path"]) for p in packages if p["name"] == "psa-crypto-sys"))')

# Whole or not at all, also where several checkouts want it.
made=$folder.$$
trap 'rm -rf "$made"' EXIT
mkdir -p "$made"
cp -R "$crate/vendor/." "$made"
CFLAGS=-O2 make -C "$made/library" GEN_FILES= static
rm -rf "$folder"
mv "$made" "$folder"
