#!/bin/bash
# time-limit: 900
# footprintd killed and restarted again and again under a storm of short processes and a few long-lived
# ones: nothing that any of them opened is missing.
. "$(dirname "$0")/../lib.sh"
compile opener
declare -i PROCESSES=2000 KILLS=20 LONG_LIVED=3 FILES_EACH=3000
[ -z "$long" ] || PROCESSES=20000 KILLS=100
declare -i last=$((PROCESSES + LONG_LIVED * FILES_EACH - 1))
mkdir -p "$work/data" "$work/out"
(cd "$work/data" && seq 0 $last | xargs touch)
data=$(realpath "$work/data")

# storm: short processes until all have run; none may fail for lack of an aggregator
storm() {
	seq 0 $((PROCESSES - 1)) |
		xargs -P 4 -I {} "${watched[@]}" "$work/opener" "$data" {} 1 >"$work/out/short" ||
		echo "a process of the storm failed" >"$work/storm.failed"
}

# long_lived N: opens a file now and then, while the storm lasts
long_lived() {
	local first=$((PROCESSES + $1 * FILES_EACH))

	while [ ! -e "$work/storm.over" ]; do
		echo
		sleep 0.02
	done | "${watched[@]}" "$work/opener" "$data" $first $FILES_EACH pause >"$work/out/long.$1"
}

aggregator_start
for ((i = 0; i < LONG_LIVED; i++)); do
	long_lived $i &
	started $!
done
storm &
storm=$!
started $storm
declare -i kills=0
until gone $storm; do
	sleep "0.$(printf %02d $((RANDOM % 20)))" # the random instant
	aggregator_kill
	kills+=1
	aggregator_start
done 2>/dev/null
touch "$work/storm.over"
wait "${started_processes[@]:1:$((LONG_LIVED + 1))}" 2>/dev/null
wait_for settled
aggregator_stop

[ ! -e "$work/storm.failed" ] || fail "$(cat "$work/storm.failed")"
cat "$work"/out/* | sed "s|^|$data/|" | sort >"$work/opened"
echo "$kills kills, $(wc -l <"$work/opened") files opened"
[ $kills -ge $KILLS ] || fail "the storm was over after $kills kills"
assert_equal "short processes" $PROCESSES "$(wc -l <"$work/out/short")"
assert_files_in "opened under the storm" "$work/opened"
assert_fact "no record was lost" '[.gaps[] | select(.kind == "lost-records")] == []'
finish
