#!/usr/bin/env bash
# Runs fuzz targets, as many at once as there are processors, and prints a table.
#
#	fuzz.sh FOLDER SECONDS TARGET...
#
# FOLDER holds the programs fuzz_TARGET. First every seed of tests/fuzz/corpus/TARGET is replayed, then
# new inputs are tried for SECONDS. What reached new code is kept in var/fuzz/corpus/TARGET for the next
# run, what failed in var/fuzz as TARGET-crash-..., -timeout-... or -oom-..., and the log in TARGET.log.
# FUZZ_JOBS: how many at once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

folder=$1
seconds=$2
shift 2
out=$PWD/var/fuzz
mkdir -p "$out"

run_target() {
	local target=$1 seeds=tests/fuzz/corpus/$1 kept=$out/corpus/$1 options=()
	mkdir -p "$kept"
	[ ! -f "tests/fuzz/$target.dict" ] || options+=("-dict=tests/fuzz/$target.dict")
	"$folder/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
		-print_final_stats=1 -artifact_prefix="$out/$target-" "${options[@]}" "$kept" "$seeds" \
		</dev/null >"$out/$target.log" 2>&1
}

# The last value in the log after a word; "-" when the run ended before.
last_value() {
	grep -oE "$2 *[0-9]+" "$out/$1.log" | tail -n 1 | grep -oE '[0-9]+$' || echo -
}

print_row() {
	local findings
	findings=$(find "$out" -maxdepth 1 -name "$1-*" -newer "$out/.begin" | wc -l)
	printf '%-24s %6s %12s %8s %8s %9s\n' "$1" "$(find "tests/fuzz/corpus/$1" -type f | wc -l)" \
		"$(last_value "$1" 'stat::number_of_executed_units:')" "$(last_value "$1" 'cov:')" \
		"$(last_value "$1" 'ft:')" "$findings"
}

touch "$out/.begin"
failed=()
declare -A target_of=()
reap() {
	local pid
	wait -n -p pid || failed+=("${target_of[$pid]}")
	unset "target_of[$pid]"
}
for target in "$@"; do
	[ "${#target_of[@]}" -lt "${FUZZ_JOBS:-$(nproc)}" ] || reap
	run_target "$target" &
	target_of[$!]=$target
done
while [ "${#target_of[@]}" -gt 0 ]; do reap; done

printf '%-24s %6s %12s %8s %8s %9s\n' target seeds executions edges features findings
for target in "$@"; do print_row "$target"; done
for target in "${failed[@]}"; do
	printf '\n---- %s ----\n' "$target"
	grep -v "^#" "$out/$target.log" | tail -n 60
	printf 'again: %s/fuzz_%s FILE\n' "$folder" "$target"
done
[ "${#failed[@]}" -eq 0 ]
