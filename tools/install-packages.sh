#!/bin/sh
# SPDX-License-Identifier: MIT
# Install the Debian packages named that are missing; without root's rights say which.
set -eu

command -v dpkg-query >/dev/null || {
    echo "No Debian here: the equivalents of these packages are needed: $*" >&2
    exit 0
}

missing=
for package in "$@"; do
    case $(dpkg-query -W -f '${db:Status-Status} ' "$package" 2>/dev/null || true) in
        *installed*) ;;
        *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "These Debian packages are missing; install them, then run make again:" >&2
    echo "  sudo apt-get install$missing" >&2
    exit 1
fi
echo "Installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # one word per package
apt-get -qq install -y --no-install-recommends $missing >/dev/null || {
    apt-get -qq update
    apt-get -qq install -y --no-install-recommends $missing >/dev/null
}
