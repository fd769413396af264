#!/bin/bash
# Whatever becomes of the supervisor, the aggregator and the watched: results do not change, and what
# may be missing is a gap.
. "$(dirname "$0")/../lib.sh"
needs gcc busybox setsid
here=$top/tests/supervise
supervisor=$BUILD/footprint-supervise
gcc -O1 -static -o "$work/opener" "$here/opener.c" || die "cannot compile opener.c"
gcc -O1 -o "$work/waits" "$here/waits.c" || die "cannot compile waits.c"
cd "$work" || exit 1
echo content >file

# supervisors: the pids of those that this test started
supervisors() {
	local exe

	for exe in /proc/[0-9]*/exe; do
		[ "$(readlink "$exe" 2>/dev/null)" = "$supervisor" ] || continue
		exe=${exe%/exe}
		grep -qzxF "FOOTPRINT_SOCKET=$socket" "$exe/environ" 2>/dev/null && echo "${exe#/proc/}"
	done
}

no_supervisors() {
	[ -z "$(supervisors)" ]
}

two_supervisors() {
	[ "$(supervisors | wc -l)" -eq 2 ]
}

parent() {
	awk '/^PPid:/ { print $2 }' "/proc/$1/status" 2>/dev/null
}

# worker, guardian: the one is the other's child
worker() {
	local pid all

	all=$(supervisors)
	for pid in $all; do
		grep -qx "$(parent "$pid")" <<<"$all" && echo "$pid"
	done
}

guardian() {
	parent "$(worker)"
}

# ---- started and ended: nobody notices
aggregator_start
for how in fork vfork spawn; do
	"${watched[@]}" ./waits $how ./opener 1 file >output 2>errors
	assert_equal "status of a static program by $how" 0 $?
	assert_equal "what $how left behind" good "$(cat output)"
done
"${watched[@]}" ./waits fork /bin/busybox sh -c 'exit 7' >output 2>&1
assert_equal "status of busybox" 7 $?
"${watched[@]}" sh -c 'busybox env; busybox ls -l /proc/self/fd | busybox wc -l' >output
"${watched[@]}" FOOTPRINT_SUPERVISE=0 sh -c 'busybox env; busybox ls -l /proc/self/fd | busybox wc -l' |
	grep -v FOOTPRINT_SUPERVISE >expected
assert_same_text "environment and descriptors" expected output
wait_for no_supervisors

# ---- the worker, the guardian, and again
"${watched[@]}" sh -c './opener 300000 file 3' >output 2>errors &
program=$!
started $program
wait_for two_supervisors
for round in 1 2 3; do
	kill -KILL "$(worker)"
	wait_for two_supervisors
	first=$(guardian)
	kill -KILL "$first"
	wait_for gone "$first"
	wait_for two_supervisors
done
wait $program
assert_equal "status after six kills" 0 $?
assert_equal "output after six kills" good "$(cat output)"
wait_for no_supervisors

# ---- the watched, in the middle of a call
for _ in 1 2 3 4 5; do
	"${watched[@]}" sh -c './opener 10000000 file 2' >output 2>errors &
	program=$!
	wait_for two_supervisors
	pkill -KILL -P "$program"
	wait $program 2>/dev/null
	# Its second process is an orphan now.
	pkill -KILL -f "^./opener 10000000 file 2"
	wait_for no_supervisors
done

# ---- as many as one may have
"${watched[@]}" bash -c 'ulimit -u 4096; for i in {1..60}; do ./opener 20 file 2 & done; wait' >output 2>errors
assert_equal "all of many at once" 60 "$(grep -c good output)"
wait_for no_supervisors
aggregator_stop
assert_fact "the opener was supervised" \
	'[.executables[] | select(.path | endswith("/opener")) | .watched] == ["supervised"]'
assert_fact "its file is there" \
	'[.files[] | select(.path | endswith("/file")) | .access] == [["read"]]'
assert_fact "no gaps but for the kills" '[.gaps[].kind] - ["lost-records", "still-running", "static-program"] == []'

# ---- the aggregator
rm -rf "$manifests" "$work/run"
aggregator_start
"${watched[@]}" sh -c './opener 100000 file; busybox cat /etc/hostname >/dev/null' >output 2>errors &
program=$!
wait_for two_supervisors
aggregator_kill
wait $program
assert_equal "status without aggregator" 0 $?
assert_equal "output without aggregator" good "$(cat output)"
wait_for no_supervisors
aggregator_start
wait_for settled
aggregator_stop
assert_fact "nothing is lost with it" \
	'([.files[].path] | index("/etc/hostname")) != null and ([.gaps[].kind] - ["still-running"]) == []'
finish
