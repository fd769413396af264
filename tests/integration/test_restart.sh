#!/bin/bash
# An aggregator that is killed loses nothing: its successor continues from the manifest on disk, and images
# that still live repeat what no manifest held.
. "$(dirname "$0")/../lib.sh"
compile opener
mkdir -p "$work/data"
touch "$work"/data/{0..49}
data=$(realpath "$work/data")

next() {
	echo >&8
	wait_for grep -q "^$1\$" "$work/living.out"
}

aggregator_start
"${watched[@]}" "$work/opener" "$data" 0 10 >/dev/null
mkfifo "$work/living.in"
"${watched[@]}" "$work/opener" "$data" 10 10 pause <"$work/living.in" >"$work/living.out" &
living=$!
started $living
exec 8>"$work/living.in"
next 10
aggregator_kill

# Between two aggregators, the living process goes on, and another one comes and goes.
next 11
"${watched[@]}" "$work/opener" "$data" 20 10 >/dev/null

aggregator_start
next 12
"${watched[@]}" "$work/opener" "$data" 30 10 >/dev/null
aggregator_stop

# And a third, after an orderly end, while the same image lives on.
next 13
aggregator_start
next 14
exec 8>&-
wait $living
aggregator_stop

opened=("$data"/{0..9} "$data"/{10..14} "$data"/{20..29} "$data"/{30..39})
assert_files "facts from before, between and after" "${opened[@]}"
assert_fact "nothing that was not opened" \
	"[.files[].path | select(startswith(\"$data/\"))] | length == ${#opened[@]}"
assert_fact "no record was lost" '[.gaps[] | select(.kind == "lost-records")] == []'
finish
