#!/bin/bash
# Plays one complete rotation against a real certvendor, PostgreSQL and nginx, all of them private to
# var/demo, and says in plain words what happens. Then it stays up until Ctrl-C; with ONCE=1 it ends.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
demo=$root/var/demo
binary=${CERTVENDOR_BINARY:-$root/build/release/certvendor}
# What the caller has set for other servers must not reach this one.
unset "${!CERTVENDOR_@}" "${!PG@}"
export no_proxy='*'

factory=demo
postgres_script=$root/tests/support/postgres.sh
pg=''
certvendor_pid=''
nginx_pid=''
step_number=0

# ---- Saying things -----------------------------------------------------------------------------

say() {
	printf '   %s\n' "$*"
}

step() {
	step_number=$((step_number + 1))
	printf '\n%2d. %s\n' "$step_number" "$*"
}

die() {
	printf '\nmake run: %s\n' "$*" >&2
	if [ -s "$demo/certvendor.log" ]; then
		printf 'The last lines of %s:\n' "$demo/certvendor.log" >&2
		tail -n 10 "$demo/certvendor.log" >&2
	fi
	exit 1
}

# ---- Cleaning up -------------------------------------------------------------------------------

end_process() {
	local pid=$1
	[ -n "$pid" ] || return 0
	kill -TERM "$pid" 2>/dev/null || return 0
	wait "$pid" 2>/dev/null || true
}

clean_up() {
	trap - EXIT
	trap '' INT TERM HUP
	end_process "$nginx_pid"
	end_process "$certvendor_pid"
	[ -z "$pg" ] || "$postgres_script" stop "$pg" || true
	case $pg in
	/tmp/*) rm -rf "$pg" ;;
	esac
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# ---- Ports -------------------------------------------------------------------------------------

taken_ports=' '

port_is_free() {
	case $taken_ports in
	*" $1 "*) return 1 ;;
	esac
	! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# The usual port, or another one where that is in use. Sets $port.
pick_port() {
	port=$1
	while ! port_is_free "$port"; do
		port=$((20000 + RANDOM % 12000))
	done
	taken_ports="$taken_ports$port "
}

# ---- Parts -------------------------------------------------------------------------------------

# PostgreSQL runs as another user when we are root, and may not be able to enter the tree.
choose_postgres_folder() {
	local probe=$demo/postgres
	if [ "${#probe}" -le 80 ] && { [ "$(id -u)" -ne 0 ] ||
		(cd / && runuser -u postgres -- test -x "$demo"); }; then
		pg=$probe
	else
		pg=$(mktemp -d /tmp/certvendor-demo.XXXXXX)
	fi
	echo "$pg" >"$demo/postgres-folder"
}

query() {
	psql -X -q -h "$pg" -p 5432 -U certvendor -d certvendor -v ON_ERROR_STOP=1 -c "$1" 2>/dev/null
}

start_postgres() {
	choose_postgres_folder
	"$postgres_script" start "$pg" 9>&-
	# So that psql works without -U.
	for name in "$(id -un)" postgres; do
		query "CREATE ROLE \"$name\" LOGIN SUPERUSER" >/dev/null || true
	done
	say "PostgreSQL with its own data, socket in $pg"
}

choose_ports() {
	pick_port 8443 && device_port=$port
	pick_port 8444 && operator_port=$port
	pick_port 8445 && gateway_port=$port
	pick_port 8080 && public_port=$port
	pick_port 9090 && monitoring_port=$port
	pick_port 9443 && nginx_port=$port
	pick_port 9081 && backend_port=$port
}

write_configuration() {
	cat >"$demo/certvendor.conf" <<EOF
[database]
url = postgresql:///certvendor?host=$pg&port=5432&user=certvendor

[device]
listen = 127.0.0.1:$device_port

[gateway]
listen = 127.0.0.1:$gateway_port

[operator]
listen = 127.0.0.1:$operator_port

[public]
listen = 127.0.0.1:$public_port

[monitoring]
listen = 127.0.0.1:$monitoring_port

[signer]
directory = pki
EOF
}

certvendor() {
	"$binary" --config "$demo/certvendor.conf" "$@"
}

# The operator's command line, against the running server.
operator() {
	"$binary" --server "https://localhost:$operator_port" --ca "$demo/pki/root.pem" \
		--token-file "$demo/admin.token" "$@"
}

start_certvendor() {
	certvendor migrate | sed 's/^/   /'
	certvendor init --factory "$factory" --announce explicit --token-file "$demo/admin.token" |
		sed 's/^/   /'
	certvendor check-config | sed 's/^/   /'
	# The program itself, not the function: a signal must reach it.
	"$binary" --config "$demo/certvendor.conf" serve 2>"$demo/certvendor.log" 9>&- &
	certvendor_pid=$!
	for _ in $(seq 150); do
		# Its own word: on a port that was taken meanwhile another server may answer.
		if grep -qs '"event":"ready"' "$demo/certvendor.log"; then
			say "certvendor is ready (log: $demo/certvendor.log)"
			return
		fi
		kill -0 "$certvendor_pid" 2>/dev/null || die "certvendor did not start"
		sleep 0.2
	done
	die "certvendor was not ready within 30 seconds"
}

make_gateway_identity() {
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=demo-nginx" \
		-keyout "$demo/gateway.key" -out "$demo/gateway.csr" 2>/dev/null
	operator gateway add demo-nginx --csr "$demo/gateway.csr" --source rfc9440 --source pem \
		--source sha256 --out "$demo/gateway.pem"
	say "nginx got a client certificate with the gateway role"
}

start_nginx() {
	local program
	program=$(PATH=$PATH:/usr/sbin:/sbin command -v nginx) || die "nginx is not installed"
	# Its workers are another user when we are root.
	mkdir -m 0755 "$demo/nginx"
	sed -e "s,@FOLDER@,$demo/nginx,g" \
		-e "s,@NGINX_LISTEN@,127.0.0.1:$nginx_port,g" \
		-e "s,@BACKEND_LISTEN@,127.0.0.1:$backend_port,g" \
		-e "s,@CHECK_ADDRESS@,127.0.0.1:$gateway_port,g" \
		-e "s,@CHECK_NAME@,localhost,g" \
		-e "s,@SERVER_CERT@,$demo/pki/device.pem,g" \
		-e "s,@SERVER_KEY@,$demo/pki/device.key,g" \
		-e "s,@ROOT_CA@,$demo/pki/root.pem,g" \
		-e "s,@GATEWAY_CERT@,$demo/gateway.pem,g" \
		-e "s,@GATEWAY_KEY@,$demo/gateway.key,g" \
		"$root/deploy/nginx/certvendor.conf.in" >"$demo/nginx/nginx.conf"
	"$program" -e "$demo/nginx/error.log" -p "$demo/nginx" -c "$demo/nginx/nginx.conf" \
		>"$demo/nginx/output" 2>&1 9>&- &
	nginx_pid=$!
	for _ in $(seq 50); do
		if ! port_answers "$nginx_port"; then
			kill -0 "$nginx_pid" 2>/dev/null || {
				cat "$demo/nginx/output" "$demo/nginx/error.log" >&2 || true
				die "nginx did not start"
			}
			sleep 0.1
			continue
		fi
		say "nginx is the device gateway (configuration: $demo/nginx/nginx.conf)"
		return
	done
	die "nginx did not listen within 5 seconds"
}

port_answers() {
	(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# ---- The device --------------------------------------------------------------------------------

make_key_and_request() {
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/OU=$factory/CN=$device" \
		-keyout "$demo/device/$1.key" -outform DER -out "$demo/device/$1.csr" 2>/dev/null
	openssl base64 -A -in "$demo/device/$1.csr" -out "$demo/device/$1.p10"
}

# Sends a request and leaves status and body in $status and $demo/device/answer.
send() {
	status=$(curl --silent --show-error --max-time 20 --cacert "$demo/pki/root.pem" \
		--output "$demo/device/answer" --write-out '%{http_code}' "$@") || die "curl failed: $*"
}

expect() {
	[ "$status" = "$1" ] || {
		cat "$demo/device/answer" >&2 || true
		die "expected $1 and got $status: $2"
	}
	say "answer: $status. $2"
}

# The certificate in an EST answer: base64 of a certs-only message.
take_certificate() {
	openssl base64 -d -A -in <(tr -d '\r\n' <"$demo/device/answer") |
		openssl pkcs7 -inform DER -print_certs |
		openssl x509 -out "$demo/device/$1.pem" || die "the answer holds no certificate"
	openssl verify -CAfile "$demo/pki/root.pem" -untrusted "$demo/pki/device-ca.pem" \
		"$demo/device/$1.pem" >/dev/null || die "the certificate does not verify"
}

as_device() {
	local key=$1
	shift
	send --cert "$demo/device/$key.pem" --key "$demo/device/$key.key" "$@"
}

show_at_gateway() {
	say "sent: GET $nginx_url/hello with the certificate of the $1 key"
	as_device "$1" "$nginx_url/hello"
}

enrol() {
	local token
	step "The device enrols with a one-time token."
	token=$(operator token enrol --device "$device" --uses 1)
	make_key_and_request old
	say "sent: POST $est_url/simpleenroll, a CSR for its old key, and the token"
	send -u ":$token" -H 'Content-Type: application/pkcs10' --data-binary "@$demo/device/old.p10" \
		"$est_url/simpleenroll"
	expect 200 "A certificate, signed by the device CA. The old key is now the current key."
	take_certificate old

	step "It talks through the gateway."
	show_at_gateway old
	expect 200 "nginx asked certvendor, and the certificate's key is the current key."
}

renew() {
	step "It makes a new key and asks for a certificate, with the old key as its proof."
	make_key_and_request new
	say "sent: POST $est_url/simplereenroll over mutual TLS with the old key"
	as_device old -H 'Content-Type: application/pkcs10' --data-binary "@$demo/device/new.p10" \
		"$est_url/simplereenroll"
	expect 200 "A second certificate. Nothing else changed: the old key is still the current key."
	take_certificate new

	step "Too early: it uses the new key before it has announced it."
	show_at_gateway new
	expect 403 "A certificate alone moves nothing: this key was not announced by the old one."
}

announce() {
	step "It announces the new key, over a connection of the old key."
	openssl pkey -in "$demo/device/new.key" -pubout |
		awk 'BEGIN { printf "{\"next_pubkey\":\"" } { printf "%s\\n", $0 } END { printf "\"}" }' \
			>"$demo/device/next.json"
	say "sent: PATCH $device_url/device with the new public key"
	as_device old -X PATCH -H 'Content-Type: application/json' \
		--data-binary "@$demo/device/next.json" "$device_url/device"
	expect 200 "The new key is pending. It becomes current when the device proves that it holds it."

	step "Until then the old certificate keeps working."
	show_at_gateway old
	expect 200 "A device that loses power now has lost nothing."
}

activate() {
	step "First use of the new key."
	show_at_gateway new
	expect 200 "Both keys are proved: the new one is current, in one transaction the old one ended."

	step "The old certificate is refused from now on, everywhere."
	show_at_gateway old
	expect 403 "Refused at the gateway."
	say "sent: GET $device_url/device with the certificate of the old key"
	as_device old "$device_url/device"
	expect 403 "Refused by certvendor itself."
	say "sent: GET $device_url/device with the certificate of the new key"
	as_device new "$device_url/device"
	expect 200 "The new key goes on."
}

# ---- What is left behind -----------------------------------------------------------------------

write_environment() {
	cat >"$demo/env" <<EOF
CV_DEVICE_URL='$device_url'
CV_OPERATOR_URL='https://localhost:$operator_port'
CV_GATEWAY_URL='https://localhost:$gateway_port'
CV_PUBLIC_URL='http://localhost:$public_port'
CV_METRICS_URL='http://localhost:$monitoring_port'
CV_NGINX_URL='$nginx_url'
CV_EST_URL='$est_url'
CV_TOKEN='$(cat "$demo/admin.token")'
CV_FACTORY='$factory'
CV_ROOT_CA='$demo/pki/root.pem'
CV_DEVICE_CERT='$demo/device/new.pem'
CV_DEVICE_KEY='$demo/device/new.key'
CV_DEVICE_ID='$device'
CV_GATEWAY_CERT='$demo/gateway.pem'
CV_GATEWAY_KEY='$demo/gateway.key'
CV_PGHOST='$pg'
CV_PGPORT='5432'
CV_PGDATABASE='certvendor'
EOF
}

show_places() {
	cat <<EOF

The rotation is complete. Everything is in $demo:
   env               addresses, certificates and the admin token, as a shell file
   certvendor.conf   the configuration       certvendor.log  the log, one JSON object a line
   pki/              keys and certificates   device/         the device's keys and certificates

   devices    $device_url (EST: $est_url)
   gateway    $nginx_url
   operators  https://localhost:$operator_port, for example:
              . $demo/env
              CERTVENDOR_SERVER=\$CV_OPERATOR_URL CERTVENDOR_CA=\$CV_ROOT_CA CERTVENDOR_TOKEN=\$CV_TOKEN \\
                 $binary device list
   metrics    http://localhost:$monitoring_port/metrics
EOF
}

stay_up() {
	trap 'exit 0' INT TERM
	printf '\nCtrl-C ends it.\n'
	wait -n "$certvendor_pid" "$nginx_pid" || true
	die "a part of the demonstration ended by itself"
}

prepare_folder() {
	local old
	mkdir -p "$root/var"
	exec 9>"$root/var/demo.lock"
	flock -n 9 || die "another demonstration is running (var/demo.lock)"
	if [ -s "$demo/postgres-folder" ]; then
		old=$(cat "$demo/postgres-folder")
		"$postgres_script" stop "$old" || true
		case $old in
		/tmp/certvendor-demo.*) rm -rf "$old" ;;
		esac
	fi
	rm -rf "$demo"
	mkdir -p "$demo/device"
}

main() {
	[ -x "$binary" ] || die "$binary is missing; build it with make"
	umask 0022
	prepare_folder
	umask 0077
	mkdir -p "$demo/device"
	device=$(cat /proc/sys/kernel/random/uuid)
	choose_ports
	device_url=https://localhost:$device_port
	nginx_url=https://localhost:$nginx_port
	est_url=$device_url/.well-known/est

	step "Everything is made anew in $demo."
	start_postgres
	write_configuration
	start_certvendor
	make_gateway_identity
	start_nginx

	enrol
	renew
	announce
	activate
	write_environment
	show_places
	[ "${ONCE:-}" != 1 ] || return 0
	stay_up
}

main
