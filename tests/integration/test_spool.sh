#!/bin/bash
# While no aggregator answers, records wait in the spool; they are in the manifest when it is back.
. "$(dirname "$0")/../lib.sh"
compile opener
mkdir -p "$work/run" "$work/data"
touch "$work"/data/{0..49}
data=$(realpath "$work/data")

# Nobody listens: short programs, one that is killed, and one that still runs when the aggregator starts.
"${watched[@]}" "$work/opener" "$data" 0 10 >"$work/out"
assert_equal "opened without an aggregator" 10 "$(wc -l <"$work/out")"

mkfifo "$work/killed.in" "$work/living.in"
"${watched[@]}" "$work/opener" "$data" 10 10 pause <"$work/killed.in" >"$work/killed.out" &
killed=$!
"${watched[@]}" "$work/opener" "$data" 20 20 pause <"$work/living.in" >"$work/living.out" &
living=$!
started $killed $living
exec 7>"$work/killed.in" 8>"$work/living.in"
echo >&7 && echo >&7 && echo >&8
wait_for grep -q '^11$' "$work/killed.out"
wait_for grep -q '^20$' "$work/living.out"
end_process $killed KILL 2>/dev/null

assert_equal "mode of the spool" 1777 "$(stat -c %a "$spool")"
assert_equal "mode of a spool file" 600 "$(stat -c %a "$spool/records.$(id -u)")"

aggregator_start
wait_for settled
echo >&8
wait_for grep -q '^21$' "$work/living.out"
exec 7>&- 8>&-
wait $living
aggregator_stop

opened=("$data"/{0..11} "$data"/{20..21})
assert_files "records from the spool" "${opened[@]}"
assert_fact "nothing that was not opened" \
	"[.files[].path | select(startswith(\"$data/\"))] | length == ${#opened[@]}"
assert_fact "no record was lost" '[.gaps[] | select(.kind == "lost-records")] == []'
assert_equal "what is left in the spool" "" "$(waiting)"

# A spool that processes do not know is reported as soon as one connects, and not any more when they know it.
for given in "" "FOOTPRINT_SPOOL=$work/elsewhere"; do
	: >"$work/footprintd.log"
	aggregator_start --spool "$work/elsewhere"
	"${watched[@]}" ${given:+"$given"} cat /dev/null
	aggregator_stop
	case $given in
	"") assert_contains "another spool" "$spool in their root is another directory than $work/elsewhere" "$work/footprintd.log" ;;
	*) assert_lacks "the same spool" "another directory" "$work/footprintd.log" ;;
	esac
done
finish
