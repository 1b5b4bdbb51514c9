#!/bin/bash
# Builds the image of the Dockerfile and runs it, without an engine and without a registry: Debian's packages make
# the base that FROM names, buildah builds, and container.py runs. Everything lies in var/image; the base and the
# layers stay there, so a second run builds only what changed. Needs root: it makes namespaces and file systems.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$root/var/image
mirror=${DEBIAN_MIRROR:-http://deb.debian.org}
base=docker.io/library/debian:bookworm-slim
# Debian's updates come in with a new base.
base_max_days=7

die() {
	echo "make test-image: $*" >&2
	exit 1
}

[ "$(id -u)" -eq 0 ] || die "needs root (namespaces, debootstrap); the other tests do not"
unshare --mount --net --pid --fork true 2>/dev/null ||
	die "may not make namespaces here; in a container it needs --privileged"
mkdir -p "$folder"
exec 9>"$folder/lock"
flock -n 9 || die "another run uses $folder"

storage=(--root "$folder/storage" --runroot "$folder/run")
# Layers are cheap with overlay, but a container seldom may use it.
driver=overlay
buildah --storage-driver overlay "${storage[@]}" info >/dev/null 2>&1 || driver=vfs

image_tool() {
	buildah --storage-driver "$driver" "${storage[@]}" "$@"
}

# What debian:bookworm-slim is: the minimal system with its updates, without documents and translations.
make_base() {
	local system container
	system=$(mktemp -d "$folder/base.XXXXXX")
	debootstrap --variant=minbase bookworm "$system" "$mirror/debian" >"$folder/debootstrap.log" 2>&1 ||
		die "debootstrap failed, see $folder/debootstrap.log"
	cat >"$system/etc/apt/sources.list" <<-END
		deb $mirror/debian bookworm main
		deb $mirror/debian bookworm-updates main
		deb $mirror/debian-security bookworm-security main
	END
	rm -rf "$system"/var/cache/apt/* "$system"/var/lib/apt/lists/* "$system"/usr/share/{doc,info,locale,man}/*
	container=$(image_tool from scratch)
	image_tool add --quiet "$container" "$system" /
	image_tool commit --quiet --rm "$container" "$base" >/dev/null
	rm -rf "$system"
}

build() {
	local name=$1
	shift
	echo "building $name"
	image_tool build --isolation chroot --pull-never --format docker --layers --tag "$name" "$@" \
		>"$folder/build.log" 2>&1 || {
		tail -n 40 "$folder/build.log" >&2
		die "the image $name was not built, see $folder/build.log"
	}
}

# The files of an image as a plain folder, and its configuration beside it.
unpack() {
	local name=$1 into=$folder/$2 id container
	id=$(image_tool inspect --type image --format '{{.FromImageID}}' "$name")
	[ "$(cat "$into/id" 2>/dev/null)" != "$id" ] || return 0
	rm -rf "$into"
	mkdir -p "$into"
	container=$(image_tool from --pull-never "$name")
	cp -a "$(image_tool mount "$container")" "$into/root"
	image_tool rm "$container" >/dev/null
	image_tool inspect --type image "$name" >"$into/inspect.json"
	echo "$id" >"$into/id"
}

if [ -z "$(image_tool images --quiet "$base" 2>/dev/null)" ] ||
	[ -n "$(find "$folder/base.made" -mtime "+$base_max_days" 2>/dev/null)" ]; then
	echo "making $base with debootstrap"
	make_base
	touch "$folder/base.made"
fi
build certvendor:test --target test "$root"
build certvendor:run "$root"
build postgres:run "$root/tests/image/postgres"
build nginx:run "$root/tests/image/nginx"
unpack certvendor:run certvendor
unpack postgres:run postgres
unpack nginx:run nginx
# What earlier runs built and no name leads to any more.
image_tool rmi --prune >/dev/null

# Nothing of it is seen outside, and nothing of it stays when this ends.
# shellcheck disable=SC2016 # the inner shell expands it
exec unshare --mount --net --pid --fork --kill-child --mount-proc sh -ec '
	mount -t tmpfs tmpfs /run
	mkdir /run/netns
	exec "$@"' sh \
	env PYTHONDONTWRITEBYTECODE=1 CERTVENDOR_IMAGE_FOLDER="$folder" \
	/usr/bin/python3 -m pytest -q -p no:cacheprovider "$root/tests/image" "$@"
