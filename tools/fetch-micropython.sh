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
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

dest=$1
if [ -e "$dest/.fetched-$VERSION" ]; then
    exit 0
fi

for tool in apt-get dpkg-source; do
    command -v "$tool" >/dev/null || {
        echo "fetch-micropython: $tool is missing (Debian package dpkg-dev)." >&2
        echo "Or set MICROPY_DIR to a MicroPython 1.25 (or later) tree of your own." >&2
        exit 1
    }
done
[ -r "$KEYRING" ] || {
    echo "fetch-micropython: $KEYRING is missing (Debian package debian-archive-keyring)." >&2
    exit 1
}

# The machine's first Debian mirror, whatever it is: deb822 'URIs:' or a one-line 'deb' entry.
mirror=$(cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list.d/*.sources \
    /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
    awk '$1 == "URIs:" && $2 ~ /\/debian\/?$/ { print $2; exit }
         $1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /\/debian\/?$/) { print $i; exit } }')
[ -n "$mirror" ] || {
    echo "fetch-micropython: no Debian mirror in this machine's apt sources; set MICROPY_DIR." >&2
    exit 1
}

mkdir -p "$(dirname "$dest")"
parent=$(cd "$(dirname "$dest")" && pwd)
work=$(mktemp -d "$parent/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/parts" "$work/source"
echo "deb-src [signed-by=$KEYRING] $mirror $SUITE main" >"$work/sources.list"

apt_private() {
    apt-get -q \
        -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts="$work/parts" \
        -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" \
        -o APT::Sandbox::User="$(id -un)" -o Acquire::Retries=3 -o Acquire::Languages=none "$@"
}
apt_private update
(cd "$work/source" && apt_private source "$PACKAGE=$VERSION")

rm -rf "$dest"
mv "$work/source/$PACKAGE-${VERSION%-*}" "$dest"
touch "$dest/.fetched-$VERSION"
