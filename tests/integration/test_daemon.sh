#!/bin/bash
# A daemon that forks twice, leaves its session and closes every descriptor three times: it works as it would
# without us, and everything that it opens afterwards is in the manifest, whether it is killed or not.
. "$(dirname "$0")/../lib.sh"
compile daemon
mkdir -p "$work/data"
touch "$work"/data/{0..39}
data=$(realpath "$work/data")

# run_daemon SIGNAL COUNT WRAPPER...
run_daemon() {
	local signal=$1 count=$2 pid
	shift 2

	rm -f "$work/pid"
	"$@" "$work/daemon" "$work/pid" "$data" "$count"
	assert_equal "status of the daemon's first process" 0 $?
	wait_for test -e "$work/pid"
	pid=$(cat "$work/pid")
	started "$pid"
	[ "$(find "/proc/$pid/fd" -mindepth 1 | wc -l)" -le 1 ] ||
		fail "the daemon has open files: $(descriptors "$pid")"
	kill -"$signal" "$pid"
	wait_for gone "$pid"
}

run_daemon TERM 10 env
aggregator_start
run_daemon TERM 20 "${watched[@]}"
run_daemon KILL 40 "${watched[@]}"
aggregator_stop
assert_files "opened after every descriptor was closed" "$data"/{0..39}
assert_files "the pid file, made under another name" "$(realpath "$work/pid")"
assert_fact "the rename is known" "[.files[] | select(.path == \"$(realpath "$work")/pid\") |
	.access[]] | index(\"rename\") != null"
finish
