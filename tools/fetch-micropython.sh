#!/bin/sh
# SPDX-License-Identifier: MIT
# fetch-micropython.sh DEST: the pinned MicroPython source in that folder, whose name is NAME.
#
# It is Debian's source package: signed, checksummed by apt, and present on every mirror.
# The mirror is taken from this machine's own apt sources, and apt's state stays in a private
# folder, so nothing of the machine's configuration changes.
set -eu

PACKAGE=micropython
VERSION=1.25.0+ds-1
SUITE=trixie
# Of the .dsc, which has those of the rest.
SHA256=8c7c406be88a6f3bc19e694eb0bbc5841112243fdf2b5a296e000d8fdc5f3c34
NAME=micropython-1.25.0-8c7c406be88a

dest=$1
[ ! -e "$dest/.complete" ] || exit 0

# shellcheck source=tools/apt-private.sh
. "$(dirname "$0")/apt-private.sh"
APT_PRIVATE_HINT="Or set MICROPY_DIR to a MicroPython 1.25 (or later) tree of your own."
command -v dpkg-source >/dev/null || apt_private_fail "dpkg-source is missing (Debian package dpkg-dev)."

mkdir -p "$(dirname "$dest")"
parent=$(cd "$(dirname "$dest")" && pwd)
work=$(mktemp -d "$parent/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM
mkdir "$work/source"
apt_private_init "$work/apt" "$SUITE" deb-src
(cd "$work/source" && apt_private source "$PACKAGE=$VERSION") || apt_private_fail "no $PACKAGE $VERSION."

echo "$SHA256  $work/source/${PACKAGE}_$VERSION.dsc" | sha256sum --check --quiet ||
    apt_private_fail "$PACKAGE $VERSION is not the one with the checksum $SHA256."

tree=$work/source/$PACKAGE-${VERSION%-*}
touch "$tree/.complete"
# Whoever was faster has fetched the same.
mv -T "$tree" "$dest" 2>/dev/null || [ -e "$dest/.complete" ]
