#!/bin/bash
# Makes the root of the PKI of factory @FACTORY@: factory_ca.pem beside this script, and factory_ca.key,
# unless HSM_MODULE names a PKCS#11 module, whose token then makes and keeps the key.
set -eu

factory='@FACTORY@'
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
label=${HSM_TOKEN_LABEL:-device-gateway-root}
umask 077

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -n "${HSM_MODULE:-}" ]; then
	pkcs11-tool --module "$HSM_MODULE" --token-label "$label" --login --pin "$HSM_PIN" --keypairgen \
		--key-type EC:prime256v1 --id 01 --label root-ca --usage-sign >&2
	export PKCS11_MODULE_PATH=$HSM_MODULE
	key=(-engine pkcs11 -keyform engine
		-key "pkcs11:token=$label;object=root-ca;id=%01;type=private;pin-value=$HSM_PIN")
else
	if [ -e "$here/factory_ca.key" ]; then
		echo "$here/factory_ca.key is there already" >&2
		exit 1
	fi
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$here/factory_ca.key"
	key=(-key "$here/factory_ca.key")
fi

cat >"$work/root.conf" <<END
[req]
prompt = no
utf8 = yes
string_mask = utf8only
distinguished_name = name
x509_extensions = extensions
[name]
commonName = Factory-CA
organizationalUnitName = $factory
[extensions]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
extendedKeyUsage = critical, clientAuth, serverAuth
subjectKeyIdentifier = hash
END
openssl req -new -x509 -sha256 -days 7300 -config "$work/root.conf" "${key[@]}" -out "$here/factory_ca.pem"
