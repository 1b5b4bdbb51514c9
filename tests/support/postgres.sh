#!/bin/bash
# A throwaway PostgreSQL for tests and for the demonstration.
#
#   postgres.sh start DIR    makes a cluster in DIR/data where there is none, and starts it; socket in DIR
#   postgres.sh stop DIR     stops it; DIR stays
#   postgres.sh run CMD...   starts a temporary one, runs CMD with PGHOST, PGPORT, PGDATABASE, PGUSER and
#                            CERTVENDOR_TEST_DATABASE set, then always stops and removes it
#
# PGPORT_TCP=N also listens on 127.0.0.1:N. PostgreSQL refuses to run as root: as root it runs as the user
# postgres, so DIR must be reachable for that user. Commits are durable (fsync on), as in production.
set -euo pipefail

readonly database=certvendor
readonly user=certvendor
readonly socket_port=5432

die() {
	echo "postgres.sh: $*" >&2
	exit 1
}

find_programs() {
	local found
	found=$(find /usr/lib/postgresql -mindepth 3 -maxdepth 3 -path '*/bin/pg_ctl' 2>/dev/null | sort -V | tail -n 1)
	[ -n "$found" ] || found=$(readlink -f "$(command -v pg_ctl)") || true
	[ -n "$found" ] || die "no PostgreSQL server found (apt-get install postgresql)"
	dirname "$found"
}

# As the user that owns the cluster, from a folder that this user can enter.
as_owner() {
	if [ "$(id -u)" -eq 0 ]; then
		(cd / && runuser -u postgres -- "$@")
	else
		(cd / && "$@")
	fi
}

port() {
	echo "${PGPORT_TCP:-$socket_port}"
}

# Only the owner may connect: whoever can open the socket in the 0700 folder.
make_cluster() {
	local dir=$1
	as_owner "$programs/initdb" --pgdata="$dir/data" --username="$user" --auth-local=trust \
		--auth-host=reject --encoding=UTF8 --locale=C.UTF-8 >"$log" 2>&1 ||
		{ cat "$log" >&2; die "initdb failed"; }
	if [ -n "${PGPORT_TCP:-}" ]; then
		echo "host all all 127.0.0.1/32 trust" |
			as_owner tee "$dir/data/pg_hba.extra" >/dev/null
		# shellcheck disable=SC2016 # the inner shell expands it
		as_owner sh -c 'sed -i "/^host/d" "$1/pg_hba.conf" && cat "$1/pg_hba.extra" >>"$1/pg_hba.conf"' \
			sh "$dir/data"
	fi
}

ask() {
	as_owner "$programs/psql" -h "$1" -p "$(port)" -U "$user" -d postgres -X -v ON_ERROR_STOP=1 -Atqc "$2"
}

start() {
	local dir=$1 listen=''
	mkdir -p "$dir"
	dir=$(cd "$dir" && pwd)
	# A socket's path has at most 107 bytes.
	[ "${#dir}" -le 80 ] || die "the path of $dir is too long for a socket"
	log=$dir/initdb.log
	: >"$log"
	if [ "$(id -u)" -eq 0 ]; then
		chown postgres "$dir"
		chmod 0700 "$dir"
		as_owner test -w "$dir" || die "$dir is not reachable for the user postgres"
	else
		chmod 0700 "$dir"
	fi
	[ -s "$dir/data/PG_VERSION" ] || make_cluster "$dir"
	[ -z "${PGPORT_TCP:-}" ] || listen=127.0.0.1
	as_owner "$programs/pg_ctl" --pgdata="$dir/data" --log="$dir/data/server.log" --wait --timeout=60 --silent \
		--options="-c listen_addresses='$listen' -c port=$(port) -c unix_socket_directories='$dir' \
-c unix_socket_permissions=0700 -c max_connections=200 -c fsync=on -c full_page_writes=on \
-c synchronous_commit=on" start || {
		as_owner tail -n 20 "$dir/data/server.log" >&2 || true
		die "the server did not start"
	}
	if ! ask "$dir" "SELECT 1 FROM pg_database WHERE datname = '$database'" | grep -q 1; then
		ask "$dir" "CREATE DATABASE $database"
	fi
}

stop() {
	local dir=$1
	[ -s "$dir/data/postmaster.pid" ] || return 0
	dir=$(cd "$dir" && pwd)
	as_owner "$programs/pg_ctl" --pgdata="$dir/data" --mode=fast --wait --timeout=110 --silent stop
}

# In the tree's var/ where PostgreSQL may go there, else in the system's temporary folder.
make_temporary_folder() {
	local var dir
	var=$(cd "$(dirname "$0")/../.." && pwd)/var
	mkdir -p "$var"
	dir=$(mktemp -d "$var/pg.XXXXXX")
	chmod 0755 "$dir"
	if [ "${#dir}" -gt 80 ] || ! as_owner test -x "$dir"; then
		rmdir "$dir"
		dir=$(mktemp -d /tmp/certvendor-pg.XXXXXX)
	fi
	echo "$dir"
}

run() {
	[ $# -gt 0 ] || die "run what?"
	folder=$(make_temporary_folder)
	trap 'stop "$folder" || true; rm -rf "$folder"' EXIT
	# A signal ends the command, and then, through EXIT, the server.
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	start "$folder"
	export PGHOST=$folder PGPORT PGDATABASE=$database PGUSER=$user
	PGPORT=$(port)
	export CERTVENDOR_TEST_DATABASE="postgresql:///$database?host=$folder&port=$PGPORT&user=$user"
	"$@"
}

[ $# -ge 1 ] || die "usage: postgres.sh start DIR | stop DIR | run CMD..."
programs=$(find_programs)
verb=$1
shift
case $verb in
start)
	[ $# -eq 1 ] || die "start needs a folder"
	start "$1"
	;;
stop)
	[ $# -eq 1 ] || die "stop needs a folder"
	stop "$1"
	;;
run)
	run "$@"
	;;
*)
	die "no verb $verb"
	;;
esac
