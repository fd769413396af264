#!/bin/bash
# time-limit: 300
# The express lane: programs that repeat themselves get into it, and behave as usual. Where there can be
# none, everything is as without it. (test_oracle.py compares the facts with strace.)
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/supervisors.sh"
needs gcc musl-gcc go busybox jq
here=$top/tests/supervise
cd "$work" || exit 1
work=$(realpath "$work")
options=(-w -O1 -idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu "$here/express.c")
gcc -static -o glibc "${options[@]}" || die "cannot compile express.c"
gcc -static-pie -o pie "${options[@]}" || die "cannot compile express.c"
musl-gcc -static -o musl "${options[@]}" || die "cannot compile express.c"
gcc -O1 -o refuse "$here/refuse.c" || die "cannot compile refuse.c"
CGO_ENABLED=0 GOFLAGS=-mod=mod GOTOOLCHAIN=local GOPROXY=off GOCACHE=$work/cache HOME=$work \
	go build -o go "$here/express.go" || die "cannot build express.go"

# run NAME [WAY...]: in an empty folder, started by WAY; what it prints, and whether it was in the lane
run() {
	local name=$1 status
	shift
	rm -rf "$work/site"
	mkdir "$work/site"
	# shellcheck disable=SC2016 # the watched shell's own
	"$@" sh -c 'exec $last "$0" "$@" 3>where' "./$name" "$work/site" >output 2>errors
	status=$?
	echo "status $status" >>output
}

# ---- as usual, and in the lane
aggregator_start
for name in glibc pie musl go; do
	run $name env
	mv output expected
	assert_equal "$name by itself" plain "$(cat where)"
	run $name "${watched[@]}"
	assert_same_text "$name in the express lane" expected output
	assert_equal "where $name was" express "$(cat where)"
	# Only the last program has no sites: without its own, the shell would start no supervisor.
	run $name "${watched[@]}" last='env FOOTPRINT_SITES=0'
	assert_same_text "$name with FOOTPRINT_SITES=0" expected output
	assert_equal "where $name was with FOOTPRINT_SITES=0" plain "$(cat where)"
done
run glibc "${watched[@]}" FOOTPRINT_SUPERVISE=0
assert_equal "where a program was that is not supervised" plain "$(cat where)"

# ---- a Go program in it is sent signals: its own, and one that has it say where it is
start_go() {
	rm -rf site
	mkdir site
	"${watched[@]}" GOTRACEBACK=all sh -c 'exec ./go "$0" 50 stay' "$work/site" >output 2>errors 3>where &
	program=$!
	started $program
}
says_ready() {
	grep -q ready output
}
start_go
wait_for says_ready
for _ in {1..200}; do
	kill -URG $program
done
assert_equal "where it is" express "$(cat where)"
kill -QUIT $program
wait $program
assert_equal "status after SIGQUIT" 2 $?
assert_contains "a goroutine that is dumped" 'goroutine 1 ' errors
assert_contains "where it was" 'main.crowd' errors
assert_lacks "a runtime that is at a loss" 'fatal error' errors

# ---- below a filter that kills for what only the lane does, also one that was installed before the execution
musl-gcc -static "${options[@]:0:6}" -o filtered "$here/filtered.c" || die "cannot compile filtered.c"
for way in "./filtered self" "./filtered exec" "busybox sh -c './filtered exec && ./filtered self'"; do
	"$footprint" run -o filtered.footprint -- sh -c "$way" >output 2>errors
	assert_equal "status of $way" 0 $?
	assert_equal "output of $way" good "$(sort -u output)"
	assert_fact "what $way used" '.gaps == [] and any(.files[]; .path == "/etc/passwd")' filtered.footprint
done

# ---- a report that a signal interrupts is made again
musl-gcc -static -O1 -o interrupted "$here/interrupted.c" || die "cannot compile interrupted.c"
"$footprint" run -o interrupted.footprint -- ./interrupted >output 2>errors
assert_equal "calls that were interrupted" 0 "$(cat output)"
assert_fact "every one was recorded" \
	'.complete and ([.missing[] | select(.path | startswith("/nosuch/"))] | length) == 4000' interrupted.footprint

# ---- a kernel where nobody may write to another process's memory
wait_for no_supervisors
run glibc ./refuse env
mv output expected
run glibc ./refuse "${watched[@]}"
assert_same_text "where memory cannot be written" expected output
assert_equal "where it was then" plain "$(cat where)"
wait_for no_supervisors
aggregator_stop
assert_fact "no gap but that of a setting" \
	'[.gaps[] | [.kind, .detail]] == [["static-program", "turned off by FOOTPRINT_SUPERVISE=0"]]'

# ---- another root
if [ "$(id -u)" -eq 0 ]; then
	rm -rf "$manifests" "$work/run" site
	mkdir site
	aggregator_start
	"${watched[@]}" sh -c 'exec ./glibc "$0" chroot' "$work/site" >output 2>errors
	assert_equal "status after chroot" 0 $?
	wait_for no_supervisors
	aggregator_stop
	assert_fact "a file in another root" "[.files[] | select(.path == \"$work/site/d1/eight678\")
		| .access | index(\"read\") != null] == [true]"
	assert_fact "one that was relative to it" "[.files[] | select(.path == \"$work/site/d1/f\")
		| .access | index(\"read\") != null] == [true]"
	assert_fact "what was missing before" 'any(.missing[]; .path == "/eight678")'
fi
finish
