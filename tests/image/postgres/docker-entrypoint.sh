#!/bin/bash
# The documented contract of the PostgreSQL image, as far as compose.yaml relies on it: an empty folder becomes
# a cluster with the password of POSTGRES_PASSWORD_FILE and the database POSTGRES_DB, then the files of
# docker-entrypoint-initdb.d run in it, then the server runs as the user postgres.
set -euo pipefail

if [ "$(id -u)" -eq 0 ]; then
	mkdir -p "$PGDATA"
	chown postgres "$PGDATA" /run/postgresql
	chmod 0700 "$PGDATA"
	exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
	initdb --username=postgres --pwfile="$POSTGRES_PASSWORD_FILE" --auth-local=trust \
		--auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8
	echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
	pg_ctl --wait --options="-c listen_addresses=''" start
	psql -X -v ON_ERROR_STOP=1 -U postgres -c "CREATE DATABASE \"$POSTGRES_DB\""
	for file in /docker-entrypoint-initdb.d/*.sql; do
		psql -X -v ON_ERROR_STOP=1 -U postgres -d "$POSTGRES_DB" -f "$file"
	done
	pg_ctl --wait --mode=fast stop
fi
exec "$@" -c listen_addresses='*'
