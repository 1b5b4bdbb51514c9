#!/usr/bin/env bash
# Measures ratios against baselines of the same run and writes var/bench/results.json:
#   reenroll_vs_handshake_ratio   re-enrolments with durable commit / bare mTLS GETs, new connection each
#   check_vs_nginx_ratio          keep-alive checks by SHA-256, 100,000 certificates in the index / nginx `return 200`
#   check_pem_vs_nginx_ratio      the same by percent-encoded PEM, as nginx forwards certificates
#   issuance_cpu_vs_crypto_ratio  CPU of one issuance / (one P-256 verification + one signature)
# Medians of several rounds. BENCH_DEVICES, BENCH_ROUNDS, BENCH_SECONDS make it longer or shorter.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
binary=$root/build/release/certvendor
bench=$root/var/bench
devices=${BENCH_DEVICES:-600}
rounds=${BENCH_ROUNDS:-5}
seconds=${BENCH_SECONDS:-3}
seeded=100000
work=$(mktemp -d /tmp/certvendor-bench.XXXXXX)
chmod 0755 "$work"
server_pid='' nginx_pid=''

cleanup() {
	[ -z "$nginx_pid" ] || kill "$nginx_pid" 2>/dev/null || true
	[ -z "$server_pid" ] || kill "$server_pid" 2>/dev/null || true
	[ -z "$nginx_pid" ] || wait "$nginx_pid" 2>/dev/null || true
	[ -z "$server_pid" ] || wait "$server_pid" 2>/dev/null || true
	tests/support/postgres.sh stop "$work/pg" >/dev/null 2>&1 || true
	rm -rf "$work"
}
trap cleanup EXIT

free_port() {
	/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

certvendor() {
	"$binary" --config "$work/certvendor.conf" "$@"
}

operator() {
	"$binary" --server "https://localhost:$operator_port" --ca "$work/pki/root.pem" \
		--token-file "$work/admin.token" --factory bench "$@"
}

start_server() {
	device_port=$(free_port) operator_port=$(free_port) monitoring_port=$(free_port)
	cat >"$work/certvendor.conf" <<EOF
[database]
url = postgresql:///certvendor?host=$work/pg&port=5432&user=certvendor
[device]
listen = 127.0.0.1:$device_port
[gateway]
listen =
socket = $work/check.sock
socket_sources = pem,sha256
[operator]
listen = 127.0.0.1:$operator_port
[public]
listen =
[monitoring]
listen = 127.0.0.1:$monitoring_port
[signer]
directory = pki
[log]
level = warning
EOF
	tests/support/postgres.sh start "$work/pg" >/dev/null
	certvendor migrate >/dev/null
	certvendor init --factory bench --announce explicit --token-file "$work/admin.token" >/dev/null
	psql -X -q -h "$work/pg" -p 5432 -U certvendor -d certvendor -v ON_ERROR_STOP=1 \
		-v count=$seeded -f tests/bench/seed.sql
	"$binary" --config "$work/certvendor.conf" serve 2>"$work/certvendor.log" &
	server_pid=$!
	for _ in $(seq 150); do
		! certvendor healthcheck >/dev/null 2>&1 || return 0
		sleep 0.2
	done
	cat "$work/certvendor.log" >&2
	exit 1
}

start_nginx() {
	cat >"$work/nginx.conf" <<EOF
worker_processes 2;
daemon off;
pid $work/nginx.pid;
error_log $work/nginx-error.log;
events { worker_connections 512; }
http {
	access_log off;
	keepalive_requests 1000000000;
	client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3;
	uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
	server { listen unix:$work/nginx.sock; location / { return 200; } }
}
EOF
	"$(PATH=$PATH:/usr/sbin command -v nginx)" -p "$work" -e "$work/nginx-error.log" \
		-c "$work/nginx.conf" &
	nginx_pid=$!
	for _ in $(seq 50); do
		[ ! -S "$work/nginx.sock" ] || return 0
		sleep 0.1
	done
	exit 1
}

stop_nginx() {
	kill "$nginx_pid"
	wait "$nginx_pid" 2>/dev/null || true
	nginx_pid=''
}

# A certificate as nginx forwards it: percent-encoded PEM.
make_check_header() {
	operator token enrol --device checked --uses 1 >"$work/one.token"
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=checked \
		-keyout "$work/checked.key" -outform DER -out "$work/checked.csr" 2>/dev/null
	openssl base64 -in "$work/checked.csr" |
		curl -sS --fail --cacert "$work/pki/root.pem" -u ":$(cat "$work/one.token")" \
			-H 'Content-Type: application/pkcs10' --data-binary @- \
			"https://localhost:$device_port/.well-known/est/simpleenroll" |
		openssl base64 -d -A | openssl pkcs7 -inform DER -print_certs |
		openssl x509 -out "$work/checked.pem"
	/usr/bin/python3 -c 'import sys, urllib.parse
print("X-Client-Cert: " + urllib.parse.quote(sys.stdin.read(), safe=""), end="\r\n")' \
		<"$work/checked.pem" >"$work/pem.header"
	printf 'X-Client-Cert-Sha256: %s\r\n' \
		"$(openssl x509 -in "$work/checked.pem" -outform DER | sha256sum | cut -d' ' -f1)" \
		>"$work/sha256.header"
}

median() {
	sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# One form of the check against nginx with the same request. Sets $checks, $baseline and $ratio.
measure_checks() {
	: >"$work/nginx.rates"
	: >"$work/check.rates"
	for _ in $(seq "$rounds"); do
		build/bench/bench_http checks "$work/nginx.sock" /v1/check "$work/$1.header" 32 "$seconds" \
			>>"$work/nginx.rates"
		build/bench/bench_http checks "$work/check.sock" /v1/check "$work/$1.header" 32 "$seconds" \
			>>"$work/check.rates"
	done
	checks=$(median <"$work/check.rates")
	baseline=$(median <"$work/nginx.rates")
	ratio=$(paste "$work/check.rates" "$work/nginx.rates" | awk '{ printf "%.3f\n", $1 / $2 }' | median)
}

build() {
	mkdir -p build/bench "$bench"
	local flags=(-std=c17 -D_GNU_SOURCE -O2 -pthread -Iinclude -Wall -Wextra -Werror)
	gcc "${flags[@]}" tests/bench/bench_http.c -lssl -lcrypto -o build/bench/bench_http
	gcc "${flags[@]}" tests/bench/bench_issuance.c build/release/libcv.a -lcrypto \
		-o build/bench/bench_issuance
}

field() {
	/usr/bin/python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"
}

build
echo "building an index of $seeded certificates"
start_server
start_nginx
make_check_header
operator token enrol --uses "$devices" >"$work/many.token"
echo "checks against nginx, $rounds rounds of $seconds s each"
measure_checks pem
pem_checks=$checks pem_ratio=$ratio
measure_checks sha256
stop_nginx
echo "re-enrolments against bare GETs, $devices devices, $rounds rounds"
build/bench/bench_http devices "$device_port" "$work/many.token" "$devices" 16 "$rounds" \
	>"$work/devices.json"
echo "CPU of one issuance"
build/bench/bench_issuance >"$work/issuance.json"

cat >"$bench/results.json" <<EOF
{
  "reenroll_vs_handshake_ratio": $(field "$work/devices.json" ratio),
  "check_vs_nginx_ratio": $ratio,
  "check_pem_vs_nginx_ratio": $pem_ratio,
  "issuance_cpu_vs_crypto_ratio": $(field "$work/issuance.json" ratio),
  "reenrolments_per_second": $(field "$work/devices.json" reenrolments_per_second),
  "bare_gets_per_second": $(field "$work/devices.json" gets_per_second),
  "checks_per_second": $checks,
  "pem_checks_per_second": $pem_checks,
  "nginx_return_200_per_second": $baseline,
  "issuance_us": $(field "$work/issuance.json" issuance_us),
  "verify_us": $(field "$work/issuance.json" verify_us),
  "sign_us": $(field "$work/issuance.json" sign_us),
  "index_certificates": $seeded
}
EOF
/usr/bin/python3 - "$bench/results.json" <<'EOF'
import json, sys
for name, value in json.load(open(sys.argv[1])).items():
    print(f"{name:32} {value:>12}")
EOF
echo "written to var/bench/results.json"
