# shellcheck shell=bash disable=SC2034 # much of this is for whoever sources it
# What the shell tests share: verdicts, waiting, a working folder, an aggregator, leaks.
#
#   . "$(dirname "$0")/../lib.sh"
#
# A test runs with errexit off and ends with `finish`. A failed assertion is reported and counted, so
# that one run shows everything that is wrong; what makes no sense to go on from calls `die`.
# BUILD is the build folder. The working folder $work is empty at first and goes at the end, with
# every process that was handed to `started`.

set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=$(realpath "${BUILD:-$top/build}")
preload=$BUILD/libfootprint.so
footprint=$BUILD/footprint
footprintd=$BUILD/footprintd
long=${FOOTPRINT_TEST_LONG:-}
work=$(mktemp -d) || exit 1

declare -i failures=0
declare -a at_end=() # functions to call at the end, whatever happens
declare -A started_when=() # by the number of a process: its start_time
declare -i WAIT_LIMIT=20 # seconds; what waits longer is broken, not slow

# ---- verdicts

fail() {
	printf 'failed: %s\n' "$*"
	failures+=1
}

die() {
	printf 'failed: %s\n' "$*"
	exit 1
}

skip() {
	printf '%s\n' "$*"
	exit 77
}

finish() {
	[ $failures -eq 0 ] && [ ! -e "$work/no-such-command" ]
	exit
}

# A misspelt assertion must not pass. Bash calls this function in a subshell.
command_not_found_handle() {
	printf 'failed: %s: no such command\n' "$1" | tee -a "$work/no-such-command" >&2
	return 127
}

# needs COMMAND...: skips the test without these commands.
needs() {
	local command

	for command; do
		command -v "$command" >/dev/null || skip "needs $command"
	done
}

# ---- assertions: what is compared, in words; the expected value; the value

assert_equal() {
	[ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"
}

# assert_same_text WHAT EXPECTED-FILE FILE
assert_same_text() {
	diff -u --label "$1, expected" --label "$1" "$2" "$3" || fail "$1 differs"
}

# assert_contains WHAT PATTERN FILE: an extended regular expression
assert_contains() {
	grep -qE -- "$2" "$3" && return
	fail "$1: nothing like '$2' in:"
	sed 's/^/    /' "$3" | head -n 30
}

assert_lacks() {
	grep -E -- "$2" "$3" && fail "$1: must not contain '$2'"
}

# assert_status STATUS COMMAND...
assert_status() {
	local expected=$1 status
	shift
	"$@"
	status=$?
	assert_equal "exit status of '$*'" "$expected" "$status"
}

# assert_at_most WHAT LIMIT VALUE: whole numbers
assert_at_most() {
	[ "$3" -le "$2" ] || fail "$1: $3 is more than $2"
}

# ---- waiting: for a condition, never for a time

# wait_for COMMAND...: waits until it succeeds; dies when that takes more than WAIT_LIMIT seconds.
wait_for() {
	local deadline=$((SECONDS + WAIT_LIMIT))

	until "$@"; do
		[ $SECONDS -le $deadline ] || die "waited $WAIT_LIMIT s in vain: $*"
		sleep 0.02
	done
}

# start_time PID: into $started_at, in ticks since the machine began; empty: there is no such process. A number
# belongs to another process soon after its own has ended: where other tests run, too, within seconds.
start_time() {
	local line
	local -a fields

	started_at=
	{ read -r line <"/proc/$1/stat"; } 2>/dev/null || return 0
	read -ra fields <<<"${line##*) }" # from the state on
	started_at=${fields[19]}
}

# is_started PID: does the number still belong to the process that was handed to `started`?
is_started() {
	start_time "$1"
	[ -n "$started_at" ] && [ "$started_at" = "${started_when[$1]:-}" ]
}

gone() {
	[ ! -d "/proc/$1" ] || grep -qsE '^State:[[:space:]]+Z' "/proc/$1/status" ||
		{ [ -n "${started_when[$1]:-}" ] && ! is_started "$1"; }
}

# listening SOCKET-PATH: flag 10000 in /proc/net/unix is SO_ACCEPTCON.
listening() {
	awk -v path="$1" '$4 == "00010000" && $8 == path { found = 1 } END { exit !found }' /proc/net/unix
}

port_open() {
	(: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# free_port: a TCP port on which nobody listens, below the range from which the kernel takes ports by itself.
free_port() {
	local port

	while :; do
		port=$((20000 + RANDOM % 10000))
		port_open $port || break
	done
	echo $port
}

# ---- processes

# started PID...: kills these processes at the end of the test, whatever happens.
started() {
	local pid

	for pid; do
		start_time "$pid"
		started_when[$pid]=$started_at
	done
}

end_process() {
	kill -"${2:-TERM}" "$1" 2>/dev/null
	wait_for gone "$1"
	wait "$1" 2>/dev/null
}

# descriptors PID: its open files, without the numbers of descriptors, sorted.
descriptors() {
	local fd

	for fd in /proc/"$1"/fd/*; do
		readlink "$fd"
	done | sed 's/\[[0-9]*\]$/[]/' | sort
}

clean_up() {
	local status=$? undo pid

	trap - EXIT
	for undo in "${at_end[@]}"; do
		$undo
	done
	for pid in "${!started_when[@]}"; do
		is_started "$pid" && kill -KILL "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	rm -rf "$work"
	exit $status
}
trap clean_up EXIT
trap 'exit 1' INT TERM

# compile NAME [OPTION...]: tests/integration/NAME.c into $work/NAME
compile() {
	local name=$1
	shift
	"${CC:-gcc}" -std=gnu11 -O2 -Wall -o "$work/$name" "$top/tests/integration/$name.c" "$@" ||
		die "cannot compile $name.c"
}

# ---- the product

socket=$work/run/aggregator.sock
spool=$work/run/spool
manifests=$work/manifests
aggregator=

# aggregator_start [OPTION...]: starts footprintd, which listens on $socket on return; its pid is in
# $aggregator. Descriptors 7 and 8 belong to the tests, for pipes whose end somebody waits for.
aggregator_start() {
	mkdir -p "$work/run" "$manifests"
	"$footprintd" --socket "$socket" --manifests "$manifests" "$@" \
		>>"$work/footprintd.log" 2>&1 7>&- 8>&- &
	aggregator=$!
	started $aggregator
	wait_for aggregator_listens
}

aggregator_listens() {
	! gone "$aggregator" || die "footprintd ended: $(tail -n 5 "$work/footprintd.log")"
	listening "$socket"
}

# aggregator_stop: has it write manifests and end; its status must be 0.
aggregator_stop() {
	local status

	kill -TERM "$aggregator"
	wait_for gone "$aggregator"
	wait "$aggregator"
	status=$?
	assert_equal "exit status of footprintd" 0 $status
}

aggregator_kill() {
	kill -KILL "$aggregator"
	wait "$aggregator" 2>/dev/null
}

# "${watched[@]}" COMMAND...: runs a command in the environment of README.md's Dockerfile lines. Further
# NAME=VALUE may precede the command, and $! is the command's pid.
watched=(env "LD_PRELOAD=$preload" "FOOTPRINT_SOCKET=$socket" FOOTPRINT_APP=app FOOTPRINT_VERSION=1)
manifest=$manifests/app@1.footprint

# facts FILTER [FILE]: jq over the manifest
facts() {
	"$footprint" show --json "${2:-$manifest}" | jq -r "$1"
}

# files_used [FILE]: every path in `files`, one a line, sorted
files_used() {
	facts '.files[].path' "$@" | sort
}

# assert_fact WHAT FILTER [FILE]: the filter must return true for the manifest
assert_fact() {
	[ "$(facts "$2" "${3:-$manifest}")" = true ] || fail "$1: not so in the manifest: $2"
}

# assert_files WHAT PATH...: each must be in `files`
assert_files() {
	local what=$1
	shift
	printf '%s\n' "$@" | sort -u >"$work/files.expected"
	assert_files_in "$what" "$work/files.expected"
}

# assert_files_in WHAT LIST [FILE]: the same for a file of sorted paths, which may not be empty
assert_files_in() {
	[ -s "$2" ] || fail "$1: no files to look for"
	files_used "${3:-$manifest}" | comm -23 "$2" - >"$work/files.absent"
	[ -s "$work/files.absent" ] || return 0
	fail "$1: $(wc -l <"$work/files.absent") of $(wc -l <"$2") files are not in the manifest:"
	head -n 10 "$work/files.absent"
}

# waiting: the files of the spool whose records are in no manifest yet
waiting() {
	find "$spool" -type f -size +0 \( -name 'records.*' -o -name 'taken.*' \) 2>/dev/null
}

settled() {
	[ -z "$(waiting)" ]
}
