#!/bin/bash
# Processes killed at random instants: what they had done before is in the manifest. A program says on
# its standard output what it did, before it does the next thing.
. "$(dirname "$0")/../lib.sh"
compile opener
declare -i ROUNDS=${long:+60}
[ $ROUNDS -gt 0 ] || ROUNDS=15
declare -i FILES=6000 # of each process of a group
mkdir -p "$work/data"
(cd "$work/data" && seq 0 $((3 * FILES)) | xargs touch)
data=$(realpath "$work/data")

# kill_in_mid_life N: a process group of three, each opening files as fast as it can, killed as one
# once it is under way.
kill_in_mid_life() {
	local out=$work/out.$1 pid

	"${watched[@]}" setsid bash -c 'for i in 0 1 2; do "$0" "$1" $((i * $2)) "$2" & done; wait' \
		"$work/opener" "$data" $FILES >"$out" 2>/dev/null &
	pid=$!
	wait_for test -s "$out"
	sleep "0.00$((RANDOM % 10))" # the random instant
	kill -KILL -- -$pid
	wait $pid 2>/dev/null
}

aggregator_start
for ((round = 0; round < ROUNDS; round++)); do
	kill_in_mid_life $round
done 2>/dev/null
# One more after the aggregator's own death, so that only the spool can hold it.
aggregator_kill 2>/dev/null
kill_in_mid_life last 2>/dev/null
aggregator_start
aggregator_stop

cat "$work"/out.* | sort -nu | grep -v '^$' | sed "s|^|$data/|" | sort >"$work/opened"
echo "$(wc -l <"$work/opened") distinct files were opened"
assert_files_in "opened before a kill" "$work/opened"
finish
