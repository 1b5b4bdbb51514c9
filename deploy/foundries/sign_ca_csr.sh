#!/bin/bash
# Usage: sign_ca_csr CSR
#
# Signs a request for a device CA of factory @FACTORY@ with the root beside this script, and writes the
# certificate to standard output. HSM_MODULE: as create_ca says.
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
cat >"$work/extensions.conf" <<END
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
END
openssl x509 -req -sha256 -days 3650 -in "$csr" -extfile "$work/extensions.conf" -CA "$here/factory_ca.pem" \
	"${key[@]}" -set_serial "0x$(openssl rand -hex 19)" -out "$work/certificate.pem" >&2
cat "$work/certificate.pem"
