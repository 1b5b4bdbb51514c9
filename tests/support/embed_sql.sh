#!/bin/sh
# Usage: embed_sql.sh SQL_FOLDER OUT.c OUT.h
#
# Turns SQL files into C arrays, so that the program needs no files:
#   query/<name>.sql           cv_sql_<name>[], and a row of cv_sql_queries[]
#   migration/NNNN_<name>.sql  a row of cv_sql_migrations[], in order of name
#   role/<name>.sql            a row of cv_sql_roles[]
# Fails on a file name that is no C identifier, on a byte outside ASCII and on a number used twice.
set -eu
LC_ALL=C
export LC_ALL

sql=$1
out_c=$2
out_h=$3

fail()
{
	echo "embed_sql: $1" >&2
	exit 1
}

# A string literal of this length would exceed what ISO C guarantees; an array of numbers does not.
print_array() # linkage, symbol, file
{
	if [ "$(tr -d '\11\12\40-\176' <"$3" | wc -c)" -ne 0 ]; then
		fail "$3: holds a byte that is not printable ASCII, tab or line feed"
	fi
	[ -s "$3" ] || fail "$3: is empty"
	echo
	echo "${1}const char $2[] = {"
	od -An -v -tu1 <"$3" | sed 's/^ */	/; s/ *$//; s/  */, /g; s/$/,/'
	echo '	0};'
}

check_name() # file, name, pattern
{
	printf '%s\n' "$2" | grep -Eqx "$3" || fail "$1: file name does not match $3"
}

names() # folder
{
	for file in "$sql/$1"/*.sql; do
		[ -e "$file" ] && basename "$file" .sql
	done | sort
}

print_table() # table, folder, symbol prefix
{
	echo
	echo "const struct cv_sql_entry $1[] = {"
	for name in $(names "$2"); do
		echo "	{\"$name\", $3$name},"
	done
	echo '	{NULL, NULL},'
	echo '};'
}

print_source()
{
	echo '/* Made by embed_sql.sh from the files in sql/. */'
	echo '#include "cv_sql.h"'
	for name in $(names query); do
		print_array '' "cv_sql_$name" "$sql/query/$name.sql"
	done
	for name in $(names migration); do
		print_array 'static ' "migration_$name" "$sql/migration/$name.sql"
	done
	for name in $(names role); do
		print_array 'static ' "role_$name" "$sql/role/$name.sql"
	done
	print_table cv_sql_queries query cv_sql_
	print_table cv_sql_migrations migration migration_
	print_table cv_sql_roles role role_
}

print_header()
{
	cat <<'END'
/*
 * The statements, migrations and roles of sql/ as text; made by embed_sql.sh. The tables are sorted by
 * name and end with a NULL name.
 */
#ifndef CV_SQL_H
#define CV_SQL_H

#include <stddef.h>

struct cv_sql_entry {
	const char *name;
	const char *text;
};

extern const struct cv_sql_entry cv_sql_queries[];
extern const struct cv_sql_entry cv_sql_migrations[];
extern const struct cv_sql_entry cv_sql_roles[];

END
	for name in $(names query); do
		echo "extern const char cv_sql_${name}[];"
	done
	echo
	echo '#endif'
}

# Names are checked before they are used as words.
for kind in query role migration; do
	pattern='[a-z][a-z0-9_]*'
	[ "$kind" != migration ] || pattern='[0-9]{4}_[a-z0-9_]+'
	for file in "$sql/$kind"/*.sql; do
		[ -e "$file" ] || continue
		check_name "$file" "$(basename "$file" .sql)" "$pattern"
	done
done
repeated=$(names migration | cut -c1-4 | uniq -d)
[ -z "$repeated" ] || fail "migration number used twice: $repeated"
for reserved in queries migrations roles; do
	[ ! -e "$sql/query/$reserved.sql" ] || fail "$sql/query/$reserved.sql: the name of a table"
done

trap 'rm -f "$out_c.new" "$out_h.new"' EXIT
print_source >"$out_c.new"
print_header >"$out_h.new"
mv "$out_c.new" "$out_c"
mv "$out_h.new" "$out_h"
