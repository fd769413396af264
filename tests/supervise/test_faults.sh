#!/bin/bash
# time-limit: 300
# Whatever happens to the supervisor, the aggregator and the watched program: results do not change, and
# what may be missing is a gap.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/supervisors.sh"
needs gcc busybox setsid
here=$top/tests/supervise
gcc -O1 -static -o "$work/opener" "$here/opener.c" || die "cannot compile opener.c"
gcc -O1 -o "$work/waits" "$here/waits.c" || die "cannot compile waits.c"
gcc -O1 -static -o "$work/opens" "$here/opens.c" || die "cannot compile opens.c"
cd "$work" || exit 1
echo content >file

gap_of_the_killed() {
	[ "$(facts '[.gaps[].detail] | any(contains("supervisor was killed"))' 2>/dev/null)" = true ]
}

# kill_one_after_the_other: the worker and then the guardian, each when the other has been replaced
kill_one_after_the_other() {
	local first

	kill -KILL "$(worker)"
	wait_for paired
	first=$(guardian)
	kill -KILL "$first"
	wait_for gone "$first"
	wait_for paired
}

# ---- starts and ends: the program notices nothing
aggregator_start
for how in fork vfork spawn; do
	"${watched[@]}" ./waits $how ./opener 1 file >output 2>errors
	assert_equal "status of a static program by $how" 0 $?
	assert_equal "what $how left behind" good "$(cat output)"
done
"${watched[@]}" ./waits fork /bin/busybox sh -c 'exit 7' >output 2>&1
assert_equal "status of busybox" 7 $?
"${watched[@]}" sh -c 'busybox env; busybox ls -l /proc/self/fd | busybox wc -l' >output 2>/dev/null
"${watched[@]}" FOOTPRINT_SUPERVISE=0 sh -c 'busybox env; busybox ls -l /proc/self/fd | busybox wc -l' 2>/dev/null |
	grep -v FOOTPRINT_SUPERVISE >expected
assert_same_text "environment and descriptors" expected output
wait_for no_supervisors

# ---- the worker, the guardian, and again
start './opener 0 file 3'
for _ in 1 2 3; do
	kill_one_after_the_other
done
end_opener
assert_equal "status after six kills" 0 $?
assert_equal "output after six kills" good "$(cat output)"
wait_for no_guardians

# ---- below a process that ignores SIGCHLD, which is inherited by what it executes
wait_for no_supervisors
BELOW=--ignore-signal=CHLD start './opener 0 file'
kill -KILL "$(worker)"
wait_for paired
end_opener
assert_equal "status where SIGCHLD is ignored" 0 $?
assert_equal "output where SIGCHLD is ignored" good "$(cat output)"
wait_for no_supervisors

# ---- kills while a program is in the express lane, which needs no supervisor
EXPRESS=1 start './opener 0 file 3'
kill_one_after_the_other
end_opener
assert_equal "status after two kills in the express lane" 0 $?
assert_equal "output after two kills in the express lane" good "$(cat output)"
wait_for no_guardians

# ---- the watched program is killed in the middle of a call
for _ in 1 2 3; do
	start './opener 0 file 2'
	# Then its second process is an orphan.
	kill -KILL $(pgrep -P "$(pgrep -P "$program")") $(pgrep -P "$program")
	wait $program 2>/dev/null
	wait_for no_guardians
done

# ---- as many processes as a user may have
"${watched[@]}" bash -c 'ulimit -u 4096; for i in {1..60}; do ./opener 20 file 2 & done; wait' >output 2>errors
assert_equal "all of many at once" 60 "$(grep -c good output)"
wait_for no_supervisors
aggregator_stop
assert_fact "the opener was supervised" \
	'[.executables[] | select(.path | endswith("/opener")) | .watched] == ["supervised"]'
assert_fact "its file is there" \
	'[.files[] | select(.path | endswith("/file")) | .access] == [["read"]]'
# A process that is killed in the middle of a call has no working directory any more.
assert_equal "gaps but for the kills" "" "$(facts '.gaps[] | "\(.kind) \(.path) \(.detail)"' |
	grep -vE '^(lost-records|still-running|static-program) |relative to an unknown directory$')"

# ---- the first program after its first worker was killed
rm -rf "$manifests" "$work/run"
aggregator_start
echo content >later
start './opens 8 file later'
kill -KILL "$(worker)"
wait_for paired
wait $program
aggregator_stop
assert_files "what was opened after the worker's death" "$work/later"

# ---- guardian and worker at once: this breaks the program, and the manifest says so
rm -rf "$manifests" "$work/run"
aggregator_start --interval 1
start './opens 30 file'
# They are stopped first, because the one that sees the other die takes its place at once.
both=("$(guardian)" "$(worker)")
kill -STOP "${both[0]}" && kill -STOP "${both[1]}"
kill -KILL "${both[@]}"
wait_for no_guardians
wait_for gap_of_the_killed
assert_equal "it lives on" yes "$(pgrep -P "$program" >/dev/null && echo yes)"
pkill -KILL -P "$program"
wait $program 2>/dev/null
aggregator_stop
assert_fact "a supervisor that was killed is a gap of its program" \
	'[.gaps[] | select(.kind == "lost-records") | .path | endswith("/opens")] == [true]'

# ---- the aggregator
rm -rf "$manifests" "$work/run"
aggregator_start
start './opener 0 file; busybox cat /etc/hostname >/dev/null'
aggregator_kill
end_opener
assert_equal "status without aggregator" 0 $?
assert_equal "output without aggregator" good "$(cat output)"
wait_for no_guardians
aggregator_start
wait_for settled
aggregator_stop
wait_for no_supervisors
assert_fact "nothing is lost with it" \
	'([.files[].path] | index("/etc/hostname")) != null and ([.gaps[].kind] - ["still-running"]) == []'
finish
