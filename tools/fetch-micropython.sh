#!/bin/sh
# Fetch the pinned MicroPython source into the folder given as $1.
#
# It is Debian's source package: signed, checksummed by apt, and present on every mirror.
# The mirror is taken from this machine's own apt sources, and apt's state stays in a private
# folder, so nothing of the machine's configuration changes.
set -eu

PACKAGE=micropython
VERSION=1.25.0+ds-1
SUITE=trixie

dest=$1
if [ -e "$dest/.fetched-$VERSION" ]; then
    exit 0
fi

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

rm -rf "$dest"
mv "$work/source/$PACKAGE-${VERSION%-*}" "$dest"
touch "$dest/.fetched-$VERSION"
