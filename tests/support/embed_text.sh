#!/bin/sh
# Usage: embed_text.sh FILE SYMBOL OUT.c OUT.h
#
# Turns a text file into a C array with a NUL behind it, so that the program needs no files.
set -eu
LC_ALL=C
export LC_ALL

file=$1
symbol=$2
out_c=$3
out_h=$4

[ -s "$file" ] || { echo "embed_text: $file is empty" >&2; exit 1; }
trap 'rm -f "$out_c.new" "$out_h.new"' EXIT
{
	echo "/* Made by embed_text.sh from $file. */"
	echo "#include \"$(basename "$out_h")\""
	echo
	# An array of numbers: a string literal of this length would exceed what ISO C guarantees.
	echo "const char ${symbol}[] = {"
	od -An -v -tu1 <"$file" | sed 's/^ */	/; s/ *$//; s/  */, /g; s/$/,/'
	echo '	0};'
} >"$out_c.new"
{
	echo "/* $file as text; made by embed_text.sh. */"
	echo "extern const char ${symbol}[];"
} >"$out_h.new"
mv "$out_c.new" "$out_c"
mv "$out_h.new" "$out_h"
