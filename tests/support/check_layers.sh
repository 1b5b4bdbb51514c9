#!/bin/sh
# Usage: check_layers.sh [REPOSITORY]
#
# Checks who includes whom. server/<room>/.may_include holds one allowed include a line, as a shell
# pattern: cv/util/* or <openssl/*>; '#' starts a comment. A room may always include itself and the C
# library. The file counts for server/<room>/*.{c,h} and include/cv/<room>/*.h; that of app also for
# server/main.c. A source file must include its own header first, which proves that each compiles alone.
# Prints file:line of what is not allowed, and then fails.
# -f: a pattern must reach "case" as it is, not as the files that it matches here.
set -euf
LC_ALL=C
export LC_ALL
cd "${1:-$(dirname "$0")/../..}"

# C17 and POSIX headers, and those of Linux and glibc that belong to the same library.
always='<assert.h> <ctype.h> <errno.h> <fcntl.h> <inttypes.h> <limits.h> <math.h> <poll.h> <pthread.h>
<semaphore.h> <stdalign.h> <stdarg.h> <stdatomic.h> <stdbool.h> <stddef.h> <stdint.h> <stdio.h>
<stdlib.h> <stdnoreturn.h> <string.h> <strings.h> <sys/mman.h> <sys/random.h> <sys/resource.h>
<sys/stat.h> <sys/types.h> <sys/uio.h> <time.h> <unistd.h> <dirent.h> <ftw.h> <glob.h> <sched.h> <sys/file.h>
<sys/ioctl.h> <sys/prctl.h> <sys/time.h> <sys/timex.h> <sys/socket.h> <sys/un.h> <netinet/in.h> <netinet/tcp.h> <arpa/inet.h> <netdb.h>
<sys/epoll.h> <sys/eventfd.h> <sys/wait.h>'

violations=0
complain() # file:line, text
{
	echo "$1: $2" >&2
	violations=$((violations + 1))
}

# Is $2 allowed in room $1 by its patterns in $patterns?
is_allowed()
{
	case $2 in
	cv/"$1"/*) return 0 ;;
	*/*) ;;
	*_internal.h) [ ! -e "server/$1/$2" ] || return 0 ;;
	esac
	for pattern in $always $patterns; do
		# shellcheck disable=SC2254 # it is a pattern
		case $2 in
		$pattern) return 0 ;;
		esac
	done
	return 1
}

# Prints "line include" for each include of a file; quotes go, angle brackets stay.
list_includes()
{
	awk '/^[ \t]*#[ \t]*include/ {
		sub(/^[ \t]*#[ \t]*include[ \t]*/, "")
		if (!match($0, /^("[^"]*"|<[^>]*>)/)) { print NR, "?"; next }
		text = substr($0, 1, RLENGTH)
		gsub(/"/, "", text)
		print NR, text
	}' "$1"
}

check_file() # room, file
{
	includes=$(list_includes "$2")
	own=${2#server/}
	own=cv/${own%.c}.h
	if [ -e "include/$own" ]; then
		first=${includes%%
*}
		[ "${first#* }" = "$own" ] || complain "$2:${first%% *}" "must include $own first"
	fi
	while read -r line include; do
		[ -n "$line" ] || continue
		is_allowed "$1" "$include" || complain "$2:$line" "$1 may not include $include"
	done <<END
$includes
END
}

check_room() # room
{
	if [ ! -e "server/$1/.may_include" ]; then
		complain "server/$1" "has no .may_include"
		return 0
	fi
	patterns=$(sed 's/#.*//' "server/$1/.may_include")
	for file in $(find "server/$1" "include/cv/$1" -name '*.[ch]' 2>/dev/null | sort); do
		check_file "$1" "$file"
	done
	[ "$1" != app ] || [ ! -e server/main.c ] || check_file app server/main.c
}

for room in $(find server include/cv -mindepth 1 -maxdepth 1 -type d | sed 's,.*/,,' | sort -u); do
	check_room "$room"
done

if [ "$violations" -gt 0 ]; then
	echo "layers: $violations violations" >&2
	exit 1
fi
echo "layers: every include is allowed"
