#!/bin/sh
# Usage: make_secrets.sh HOST [DIR]
#
# Makes what deploy/compose.yaml keeps out of the images: passwords of the database, the key of the gateway and
# a request for its certificate, and a self-signed server certificate of the gateway for HOST, to be replaced by
# your own. DIR is secrets/ beside this script. It overwrites nothing.
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
	echo "usage: make_secrets.sh HOST [DIR]" >&2
	exit 2
fi
host=$1
dir=${2:-$(dirname "$0")/secrets}

umask 077
mkdir "$dir"
cd "$dir"

openssl rand -hex 32 >owner_password
openssl rand -hex 32 >service_password
echo "postgresql://postgres:$(cat owner_password)@database/certvendor" >owner_url
echo "postgresql://certvendor:$(cat service_password)@database/certvendor" >service_url

new_key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
# shellcheck disable=SC2086 # a list of words
openssl req -new $new_key -subj /CN=gateway -keyout gateway.key -out gateway.csr 2>/dev/null
# shellcheck disable=SC2086
openssl req -x509 $new_key -subj "/CN=$host" -addext "subjectAltName=DNS:$host" -days 365 \
	-keyout server.key -out server.pem 2>/dev/null

# Containers see the files as they are here, and run as other users. The folder stays closed.
chmod 444 ./*
