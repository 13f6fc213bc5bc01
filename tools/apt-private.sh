# SPDX-License-Identifier: MIT
# To be sourced: packages of a Debian release this machine need not run, from its own mirror. apt
# keeps its state in a folder of ours, so nothing of the machine's configuration changes.
#
#   apt_private_init WORK SUITE deb|deb-src   sets up apt in the folder WORK and reads the package lists
#   apt_private ARGUMENTS...                  apt-get with that configuration
#   apt_private_fail MESSAGE                  ends the script; APT_PRIVATE_HINT follows the message
# shellcheck shell=sh

APT_PRIVATE_HINT=
APT_PRIVATE_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

apt_private_fail() {
    echo "${0##*/}: $*${APT_PRIVATE_HINT:+ $APT_PRIVATE_HINT}" >&2
    exit 1
}

apt_private_init() {
    apt_private_work=$1
    command -v apt-get >/dev/null || apt_private_fail "apt-get is missing; this works on Debian and its like."
    [ -r "$APT_PRIVATE_KEYRING" ] ||
        apt_private_fail "$APT_PRIVATE_KEYRING is missing (Debian package debian-archive-keyring)."

    # The machine's first Debian mirror, whatever it is: deb822 'URIs:' or a one-line 'deb' entry.
    apt_private_mirror=$(cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list.d/*.sources \
        /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
        awk '$1 == "URIs:" && $2 ~ /\/debian\/?$/ { print $2; exit }
             $1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /\/debian\/?$/) { print $i; exit } }')
    [ -n "$apt_private_mirror" ] || apt_private_fail "no Debian mirror in this machine's apt sources."

    mkdir -p "$1/lists/partial" "$1/cache/archives/partial" "$1/parts"
    # Packages installed here say nothing about a release that is not.
    : >"$1/status"
    echo "$3 [signed-by=$APT_PRIVATE_KEYRING] $apt_private_mirror $2 main" >"$1/sources.list"
    apt_private update || apt_private_fail "no package lists of $2 from this machine's mirror."
}

apt_private() {
    apt-get -q \
        -o Dir::Etc::sourcelist="$apt_private_work/sources.list" -o Dir::Etc::sourceparts="$apt_private_work/parts" \
        -o Dir::State::lists="$apt_private_work/lists" -o Dir::State::status="$apt_private_work/status" \
        -o Dir::Cache="$apt_private_work/cache" -o APT::Sandbox::User="$(id -un)" \
        -o Acquire::Retries=3 -o Acquire::Languages=none "$@"
}
