#!/bin/sh
# SPDX-License-Identifier: MIT
# Usage: tests/certificates/make.sh
# Makes the certificates that the tests of DTLS use: elliptic curve P-256, RFC 7252 section 9.1.3.3. Nobody else trusts them,
# and their keys are no secret.
set -eu

cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

key() {
    openssl ecparam -name prime256v1 -genkey -noout -out "$1"
}

# authority NAME
authority() {
    key "$work/$1.key"
    openssl req -x509 -new -key "$work/$1.key" -subj "/CN=$1" -days 26000 -out "$1.pem" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
}

# certificate NAME COMMON_NAME EXTENSION BEGIN END [AUTHORITY]
certificate() {
    authority=${6:-authority}
    key "$1.key"
    openssl req -new -key "$1.key" -subj "/CN=$2" -out "$work/$1.csr"
    cat > "$work/ca.cnf" <<EOF
[ca]
default_ca = this
[this]
database = $work/index
new_certs_dir = $work
rand_serial = yes
policy = any
default_md = sha256
x509_extensions = usual
unique_subject = no
[any]
commonName = supplied
[usual]
basicConstraints = CA:FALSE
$3
EOF
    : > "$work/index"
    openssl ca -batch -notext -config "$work/ca.cnf" -cert "$authority.pem" -keyfile "$work/$authority.key" \
        -startdate "$4" -enddate "$5" -in "$work/$1.csr" -out "$1.pem"
}

authority authority
authority stranger
certificate server localhost subjectAltName=DNS:localhost,IP:127.0.0.1 20200101000000Z 20951231235959Z
certificate client device subjectAltName=DNS:device.example 20200101000000Z 20951231235959Z
certificate expired localhost subjectAltName=DNS:localhost 20200101000000Z 20210101000000Z
certificate address 127.0.0.1 "" 20200101000000Z 20951231235959Z
certificate elsewhere elsewhere.example subjectAltName=DNS:elsewhere.example 20200101000000Z 20951231235959Z
certificate unknown device subjectAltName=DNS:localhost 20200101000000Z 20951231235959Z stranger
