#!/bin/bash
# time-limit: 300
# The aggregator stopped under a storm, until its backlog is full: no process waits for it, and when it
# goes on, nothing is missing.
. "$(dirname "$0")/../lib.sh"
compile opener
declare -i PROCESSES=600 WAIT_PER_PROCESS=50 # milliseconds a process may wait for us in its life
[ -z "$long" ] || PROCESSES=6000             # more than any backlog
mkdir -p "$work/data"
(cd "$work/data" && seq 0 $((PROCESSES - 1)) | xargs touch)
data=$(realpath "$work/data")

# storm OUT WRAPPER...: each process opens a file of its own; prints the median of their times in
# milliseconds. A library that waits makes most of them slow; a busy machine only a few.
storm() {
	local out=$1
	shift
	python3 - "$PROCESSES" "$out" "$@" "$work/opener" "$data" <<-'END'
		import statistics, subprocess, sys, time

		count, out, *command = sys.argv[1:]
		times = []
		with open(out, "w") as output:
		    for number in range(int(count)):
		        started = time.monotonic()
		        subprocess.run(command + [str(number), "1"], stdout=output, check=True)
		        times.append(time.monotonic() - started)
		print(round(statistics.median(times) * 1000))
	END
}

bare=$(storm "$work/bare" env)
aggregator_start
kill -STOP "$aggregator"
slow=$(storm "$work/opened" "${watched[@]}")
kill -CONT "$aggregator"
echo "median of a process: $bare ms bare, $slow ms with a stopped aggregator"
assert_at_most "milliseconds of a process" $((bare + WAIT_PER_PROCESS)) "$slow"
assert_same_text "output of the storm" "$work/bare" "$work/opened"

wait_for settled
aggregator_stop
sed "s|^|$data/|" "$work/opened" | sort >"$work/expected"
assert_files_in "opened while the aggregator stood still" "$work/expected"
assert_fact "no record was lost" '[.gaps[] | select(.kind == "lost-records")] == []'
finish
