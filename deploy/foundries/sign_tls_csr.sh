#!/bin/bash
# Usage: sign_tls_csr CSR
#
# Signs a request for a server certificate of factory @FACTORY@ with the root beside this script, under the
# DNS names of the request, and writes the certificate to standard output. HSM_MODULE: as create_ca says.
set -eu

csr=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
label=${HSM_TOKEN_LABEL:-device-gateway-root}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -n "${HSM_MODULE:-}" ]; then
	export PKCS11_MODULE_PATH=$HSM_MODULE
	key=(-engine pkcs11 -CAkeyform engine
		-CAkey "pkcs11:token=$label;object=root-ca;id=%01;type=private;pin-value=$HSM_PIN")
else
	key=(-CAkey "$here/factory_ca.key")
fi

openssl req -verify -noout -in "$csr" >&2
names=$(openssl req -noout -text -in "$csr" | grep -o 'DNS:[A-Za-z0-9._*-]*' | paste -sd, -)
if [ -z "$names" ]; then
	echo "$csr asks for no DNS name" >&2
	exit 1
fi
cat >"$work/extensions.conf" <<END
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, serverAuth
subjectAltName = $names
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
END
openssl x509 -req -sha256 -days 3650 -in "$csr" -extfile "$work/extensions.conf" -CA "$here/factory_ca.pem" \
	"${key[@]}" -set_serial "0x$(openssl rand -hex 19)" -out "$work/certificate.pem" >&2
cat "$work/certificate.pem"
