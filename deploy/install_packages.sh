#!/bin/sh
# Usage: install_packages.sh [--check] PACKAGE...
#
# Installs the Debian packages that are missing. Needs neither network nor privileges when there are
# none; otherwise root, or sudo. No service is started: a new nginx and RabbitMQ stay disabled, and PostgreSQL gets
# no cluster of its own unless this machine says how to create one already.
# With --check only says what is missing, and fails if anything is.
set -eu

only_check=no
if [ "${1:-}" = --check ]; then
	only_check=yes
	shift
fi

if ! command -v dpkg-query >/dev/null 2>&1; then
	echo "deps: not a Debian system; needed are the equivalents of: $*" >&2
	exit 0
fi

installed=" $(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
	awk '$2 == "installed" { printf "%s ", $1 }')"
missing=
for package in "$@"; do
	case $installed in
	*" $package "*) ;;
	*) missing="$missing $package" ;;
	esac
done

if [ -z "$missing" ]; then
	[ "$only_check" = no ] || echo "deps: all packages are installed"
	exit 0
fi
echo "deps: missing:$missing"
[ "$only_check" = no ] || exit 1

as_root=
if [ "$(id -u)" -ne 0 ]; then
	as_root=sudo
	command -v sudo >/dev/null 2>&1 || {
		echo "deps: installing them needs root or sudo" >&2
		exit 1
	}
fi

policy=/usr/sbin/policy-rc.d
cluster_settings=/etc/postgresql-common/createcluster.conf

# invoke-rc.d asks this file; 101 means that nothing may be started.
if [ ! -e "$policy" ]; then
	trap '$as_root rm -f "$policy"' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
	$as_root chmod 755 "$policy"
fi
if [ ! -e "$cluster_settings" ]; then
	$as_root mkdir -p "${cluster_settings%/*}"
	echo 'create_main_cluster = false' | $as_root tee "$cluster_settings" >/dev/null
fi

$as_root apt-get update
# shellcheck disable=SC2086 # a list of words
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
	-o Dpkg::Options::=--force-confold $missing

case "$missing " in
*" nginx-light "*)
	# Its package enables it; the demonstration starts its own with its own settings.
	$as_root systemctl disable nginx >/dev/null 2>&1 || true
	;;
esac
case "$missing " in
*" rabbitmq-server "*)
	# The tests start their own, too.
	$as_root systemctl disable rabbitmq-server epmd.socket epmd.service >/dev/null 2>&1 || true
	;;
esac
