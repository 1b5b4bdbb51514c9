#!/bin/bash
# Usage: create_device_ca KEY CERTIFICATE
#
# Makes a device CA of user @USER@ of factory @FACTORY@: its key, which stays with whoever runs this, and its
# certificate, which sign_ca_csr beside this script signs.
set -eu

key=$1
certificate=$2
factory='@FACTORY@'
user='@USER@'
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
umask 077

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/ca.conf" <<END
[req]
prompt = no
utf8 = yes
string_mask = utf8only
distinguished_name = name
[name]
commonName = fio-$user
organizationalUnitName = $factory
END
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$key"
openssl req -new -sha256 -config "$work/ca.conf" -key "$key" -out "$work/ca.csr"
"$here/sign_ca_csr" "$work/ca.csr" >"$work/ca.pem"
cat "$work/ca.pem" >"$certificate"
