#!/bin/bash
# time-limit: 300
# A watched program behaves like the bare one, whatever the aggregator's state: running, absent, stopped,
# or killed meanwhile. It is compared with the bare run.
. "$(dirname "$0")/../lib.sh"

mkdir -p "$work/run" "$work/data"
echo hello >"$work/data/readable"
declare -i WAIT_PER_PROCESS=50 # milliseconds for which a process may wait for us in its life

# What programs do, each with its own output, errors and exit status.
cases=(
	'exit 0' 'exit 3' 'exit 255'
	'kill -SEGV $$' 'kill -KILL $$' 'kill -TERM $$' 'kill -PIPE $$'
	'true' 'false' 'cat data/readable' 'cat data/none' 'cat data' 'ls -la data/none; ls data'
	'exec data/none' 'exec data' 'exec data/readable' 'none-such-program'
	'echo out; echo err >&2; exit 7'
	'yes | head -n 3' 'head -c 100000 /dev/zero | md5sum'
	'cd data && cat readable && cd none'
	'(ulimit -n 4; cat data/readable)' '(ulimit -n 6; cat data/readable; ls data)'
	'(ulimit -f 0; cat data/readable; echo x >data/full)'
	'exec 0<&- 1<&- 2<&-; cat data/readable'
	'exec 3<data/readable; cat <&3; exec 3<&-; cat <&3'
	'trap "echo got it; exit 5" USR1; kill -USR1 $$'
	'perl -e "printf qq(%s %d\n), \$!, \$!+0 unless open F, q(data/none)"'
	'python3 -c "import os; print(os.open(\"data/readable\", os.O_RDONLY))"'
	'python3 -c "import os; os.closerange(0, 4096); os._exit(os.open(\"data/readable\", 0))"'
	'python3 -c "import subprocess as s; print(s.run([\"/bin/false\"], env={}).returncode)"'
	'python3 -c "import subprocess; subprocess.run([\"data/none\"])" 2>&1 | tail -n 1'
	'env -i /bin/echo nothing' 'xargs -n 1 echo <data/readable' 'timeout 0.1 cat /dev/zero >/dev/null'
	'find data | sort; cp data/readable data/copy; mv data/copy data/moved; rm data/moved; ls data'
)

# run_cases FOLDER WRAPPER...: each case's output, errors and status into files of the folder
run_cases() {
	local out=$work/$1 i
	shift
	mkdir -p "$out"
	for i in "${!cases[@]}"; do
		{
			"$@" bash -c "${cases[i]}" >"$out/$i.out" 2>"$out/$i.err" </dev/null
			echo $? >"$out/$i.status"
		} 2>/dev/null # bash's own message about a killed child
		sed -Ei 's/(line [0-9]+:) +[0-9]+ /\1 PID /' "$out/$i.err"
	done
}

# same_as_bare STATE
same_as_bare() {
	local i part

	for i in "${!cases[@]}"; do
		for part in status out err; do
			cmp -s "$work/bare/$i.$part" "$work/$1/$i.$part" && continue
			fail "aggregator $1: ${cases[i]}: $part"
			diff "$work/bare/$i.$part" "$work/$1/$i.$part" | head -n 10
		done
	done
}

# milliseconds COMMAND...: wall-clock time
milliseconds() {
	local from=${EPOCHREALTIME/[^0-9]/}

	"$@" >/dev/null 2>&1
	echo $(((${EPOCHREALTIME/[^0-9]/} - from) / 1000))
}

many_processes() {
	"$@" bash -c 'for i in {1..20}; do /bin/true; done'
}

# own_descriptors WRAPPER...: how many open files a program has, found by trying each number, since a listing
# leaves out the library's
own_descriptors() {
	"$@" bash -c 'for fd in {0..1100}; do [ ! -e /proc/self/fd/$fd ] || echo $fd; done' </dev/null | wc -l
}

listed_descriptors() {
	"$@" ls /proc/self/fd </dev/null | wc -l
}

check_state() {
	run_cases "$1" "${watched[@]}"
	same_as_bare "$1"
	assert_at_most "aggregator $1: milliseconds of 21 processes" \
		$((bare_time + 21 * WAIT_PER_PROCESS)) "$(milliseconds many_processes "${watched[@]}")"
	assert_at_most "aggregator $1: open descriptors" $((bare_descriptors + 1)) \
		"$(own_descriptors "${watched[@]}")"
	assert_equal "aggregator $1: listed descriptors" "$bare_listed" "$(listed_descriptors "${watched[@]}")"
}

# survives_kill: a program that goes on after the aggregator was killed
survives_kill() {
	local out=$work/killed

	mkfifo "$out.in"
	"${watched[@]}" bash -c 'while read -r command; do eval "$command"; echo $?; done' \
		<"$out.in" >"$out.out" 2>"$out.err" &
	local pid=$!
	started $pid
	exec 8>"$out.in"
	echo 'cat data/readable' >&8
	wait_for grep -q '^0' "$out.out"
	aggregator_kill
	printf '%s\n' 'cat data/readable' 'cat data/none' '(exit 9)' 'exit 4' >&8
	exec 8>&-
	wait $pid
	assert_equal "exit status of a shell that outlived the aggregator" 4 $?
	printf '%s\n' hello 0 hello 0 1 9 >"$out.expected"
	assert_same_text "output of a shell that outlived the aggregator" "$out.expected" "$out.out"
	assert_equal "its errors" "cat: data/none: No such file or directory" "$(cat "$out.err")"
}

cd "$work" || exit 1
run_cases bare env
bare_time=$(milliseconds many_processes env)
bare_descriptors=$(own_descriptors env)
bare_listed=$(listed_descriptors env)

check_state absent
aggregator_start
check_state there
kill -STOP "$aggregator"
check_state stopped
kill -CONT "$aggregator"
survives_kill
check_state killed
finish
