#!/bin/bash
# `footprint run`: the program's status, signals, output and the manifest's place.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 1
mkdir data
echo hello >data/file

# run WORD...: without the summary, which does not matter here
run() {
	"$footprint" run -o out.footprint "$@" 2>errors
}

# ---- exit status
assert_status 0 run -- true
assert_status 1 run -- false
assert_status 7 run -- sh -c 'exit 7'
assert_status 255 run -- sh -c 'exit 255'
for signal in TERM KILL SEGV INT HUP; do
	assert_status $((128 + $(kill -l $signal))) run -- sh -c "kill -$signal \$\$"
done
assert_status 127 run -- "$work/none"
assert_contains "a program that is not there" '^footprint( run)?: .*none: .' errors
assert_status 127 run -- none-such-program
touch not-executable
assert_status 126 run -- ./not-executable
assert_contains "a program that cannot be executed" '^footprint( run)?: .*not-executable: .' errors
assert_status 126 run -- ./data

# ---- wrong usage
assert_status 2 "$footprint" run 2>errors
assert_status 2 "$footprint" run --none-such-option -- true 2>errors
assert_contains "an unknown option" '^footprint( run)?: .*none-such-option' errors
assert_status 0 "$footprint" run --help >output
assert_contains "help" '--app-version' output

# ---- a manifest that cannot be written is reported before the program runs
ln -s none/out.footprint dangling
for output in none/out.footprint dangling . data/; do
	rm -f ran
	assert_status 2 "$footprint" run -o "$output" -- touch ran 2>errors
	assert_contains "output '$output'" '^footprint: .*: (No such file|Is a directory)' errors
	[ ! -e ran ] || fail "the program ran, though '$output' takes no manifest"
done
# assert_refused OUTPUT WHY [WORD...]: footprint, started by these words, refuses OUTPUT before it runs the
# program.
assert_refused() {
	local output=$1 why=$2
	shift 2
	: >ran && chmod 666 ran
	assert_status 2 "$@" "$footprint" run -o "$output" -- sh -c 'echo yes >>ran' 2>errors
	assert_contains "output '$output'" "^footprint: .*$why" errors
	[ ! -s ran ] || fail "the program ran, though '$output' takes no manifest"
	rm ran
}
# assert_written OUTPUT [WORD...]
assert_written() {
	local output=$1
	shift
	assert_status 0 "$@" "$footprint" run -o "$output" -- true 2>errors
	[ -s "$output" ] || fail "no manifest at '$output'"
	assert_lacks "errors of output '$output'" '^footprint:' errors
}
assert_written "$(printf 'x%.0s' {1..252})"
assert_written "$(printf 'x%.0s' {1..255})"
assert_refused "$(printf 'x%.0s' {1..256})" 'File name too long'
mkdir .taken.footprint.tmp
assert_refused taken.footprint 'taken.footprint: \.taken.footprint.tmp: Is a directory'
rmdir .taken.footprint.tmp
python3 -I -c 'import socket; socket.socket(socket.AF_UNIX).bind("listens")'
assert_refused listens 'No such device or address'
other=()
[ "$(id -u)" -ne 0 ] || other=(setpriv --reuid=65534 --regid=65534 --clear-groups)
chmod 711 .
mkdir -m 1777 others
mkdir -m 333 others/blind
assert_written others/blind/out.footprint "${other[@]}"
mkdir -m 555 others/closed
if [ "$(id -u)" -eq 0 ]; then
	assert_refused others/closed/out.footprint 'Permission denied' "${other[@]}"
	touch others/ours.footprint
	assert_refused others/ours.footprint 'Operation not permitted' "${other[@]}"
	assert_written others/theirs.footprint "${other[@]}"
	assert_written others/theirs.footprint "${other[@]}"
	assert_written others/theirs.footprint
else
	assert_refused others/closed/out.footprint 'Permission denied'
fi
# A file that a mount holds in its place, as container engines hand in single files.
touch held.footprint
if unshare --mount mount --bind held.footprint held.footprint 2>/dev/null; then
	assert_refused held.footprint 'Device or resource busy' unshare --mount \
		sh -c 'mount --bind held.footprint held.footprint; exec "$@"' sh
fi
chmod 700 others/*
# A library that is none of ours is told before the program runs.
ln -s "$BUILD/libfootprint.so" library
printf '\x7fELF' >damaged
for named in "$work/none:No such file" "/etc/passwd:is not a libfootprint.so" "$work:Is a directory" \
	"$(realpath "$(command -v cat)"):is not a libfootprint.so" "$work/damaged:."; do
	rm -f ran
	FOOTPRINT_LIBRARY=${named%:*} assert_status 2 "$footprint" run -o out.footprint -- touch ran 2>errors
	assert_contains "library '$named'" "^footprint: FOOTPRINT_LIBRARY=${named%:*}: .*${named##*:}" errors
	[ ! -e ran ] || fail "the program ran, though '$named' is no library of ours"
done
FOOTPRINT_LIBRARY=library assert_status 0 "$footprint" run -o out.footprint -- touch ran 2>errors
# A folder that goes while the program runs.
mkdir gone
assert_status 2 "$footprint" run -o gone/out.footprint -- rmdir gone 2>errors
assert_contains "the folder went" '^footprint: gone/out.footprint: No such file' errors
mkdir gone
assert_status 3 "$footprint" run -o gone/out.footprint -- sh -c 'rmdir gone; exit 3' 2>errors

# ---- where the manifest goes, and what stands in it
"$footprint" run -- cat data/file >output 2>errors
assert_equal "output" hello "$(cat output)"
[ -s cat.footprint ] || fail "no cat.footprint in the working directory"
assert_contains "the summary names the manifest" 'cat\.footprint' errors
assert_fact "default names" '.app == "cat" and .version == "unversioned"' cat.footprint
assert_fact "the file is there" \
	"[.files[] | select(.path == \"$work/data/file\" and .access == [\"read\"])] | length == 1" cat.footprint
assert_fact "a run to its end is complete" '.complete and .gaps == []' cat.footprint
assert_fact "one process" '.runs | length == 1 and .[0].processes == 1' cat.footprint
assert_equal "digest" "$(sha256sum <data/file | cut -d ' ' -f 1)" \
	"$(facts ".files[] | select(.path == \"$work/data/file\") | .sha256" cat.footprint)"

run --app '' --app-version '' -- cat data/file >output
assert_fact "empty names are none" '.app == "cat" and .version == "unversioned" and .complete' out.footprint

run --app shop --app-version 1.4 -- cat data/file >output
assert_fact "names as told" '.app == "shop" and .version == "1.4"' out.footprint
assert_equal "a failing program still has its manifest" 3 \
	"$(run -- sh -c 'cat data/file; exit 3' >/dev/null; echo $?)"
assert_fact "the shell and cat" \
	'[.executables[].path] | any(endswith("/cat")) and any(endswith("sh"))' out.footprint

run -- sh -c 'FOOTPRINT_APP=other FOOTPRINT_VERSION=2 cat data/file; :' >output
assert_fact "of children under another name" \
	".app == \"sh\" and any(.files[]; .path == \"$work/data/file\")" out.footprint

mkdir -p 'with space'
run_there() {
	"$footprint" run -o 'with space/a b.footprint' -- true 2>errors
}
assert_status 0 run_there
[ -s 'with space/a b.footprint' ] || fail "no manifest in a folder with a space"

mkfifo into
cat into >from &
run_there() {
	"$footprint" run -o into -- true 2>errors
}
assert_status 0 run_there
wait $!
[ -p into ] || fail "a manifest took the place of a pipe"
assert_fact "a manifest through a pipe" '.app == "true"' from

# ---- what the program inherits is as without us
cat >show_state.py <<-'END'
	import os
	def is_closed(fd):
	    try:
	        os.fstat(fd)
	    except OSError:
	        return True
	    return False
	closed = [fd for fd in range(3) if is_closed(fd)]
	ignored = [line for line in open("/proc/self/status") if line.startswith("SigIgn")]
	with open("state", "w") as state:
	    print(closed, *ignored, file=state)
END
for closed in '' '<&-' '>&-' '<&- >&-' '<&- >&- 2>&-'; do
	eval "python3 -I show_state.py $closed"
	mv state state.bare
	eval "2>errors \"$footprint\" run -o out.footprint -- python3 -I show_state.py $closed"
	assert_same_text "descriptors and signals with '$closed'" state.bare state
done
# ignoring_children WORD...: runs it with SIGCHLD ignored, which a shell would not pass on
ignoring_children() {
	python3 -I -c 'import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execvp(sys.argv[1], sys.argv[1:])' "$@"
}
ignoring_children python3 -I show_state.py
cmp -s state state.bare && fail "the test does not tell an ignored SIGCHLD"
mv state state.bare
assert_status 0 ignoring_children "$footprint" run -o out.footprint -- python3 -I show_state.py 2>errors
assert_same_text "an ignored SIGCHLD" state.bare state

# ---- an aggregator that dies is a gap
"$footprint" run -o out.footprint -- sh -c 'pkill -KILL -P $PPID footprintd; cat data/file' >output 2>errors
assert_equal "status when the aggregator died" 0 $?
assert_contains "the aggregator's end is told" '^footprint: footprintd: failed' errors
assert_fact "what was lost is a gap" \
	'(.complete | not) and any(.gaps[]; .kind == "lost-records")' out.footprint

# ---- standard input and signals pass through
assert_equal "standard input" 'from stdin' "$(echo 'from stdin' | run -- cat)"
cat >waits.sh <<-'END'
	trap 'echo got TERM; exit 9' TERM
	echo ready
	while :; do read -rt 1 <>fifo; done
END
mkfifo fifo
"$footprint" run -o out.footprint -- bash waits.sh >output 2>errors &
pid=$!
started $pid
wait_for grep -q ready output
kill -TERM $pid
wait $pid
assert_equal "status after SIGTERM to footprint run" 9 $?
assert_contains "SIGTERM reached the program" '^got TERM$' output

# ---- a process that outlives the program
"$footprint" run -o out.footprint -- sh -c 'setsid sleep 300 </dev/null >/dev/null 2>&1 & echo $!' \
	>output 2>errors
left=$(cat output)
started "$left"
gone "$left" && fail "footprint run ended a process of the application"
assert_fact "a gap names it" \
	'[.gaps[] | select(.kind == "still-running" and (.path | endswith("/sleep")))] | length == 1' out.footprint
end_process "$left" KILL

# ---- a program of root's that becomes another user, as root's XDG_RUNTIME_DIR lets nobody else in
mkdir -m 700 runtime
if [ "$(id -u)" -eq 0 ]; then
	XDG_RUNTIME_DIR=$work/runtime run -- setpriv --reuid=65534 --regid=65534 --clear-groups \
		cat data/file >output
	assert_fact "another user is heard" \
		'.complete and any(.executables[]; (.path | endswith("/cat")) and .watched != "no")' out.footprint
else
	XDG_RUNTIME_DIR=$work/runtime run -- env >output
	assert_contains "where the socket is" "^FOOTPRINT_SOCKET=$work/runtime/footprint-" output
fi
rmdir runtime || fail "something stayed in XDG_RUNTIME_DIR"

# ---- nothing stays behind
# One of them is the library's own, which no list says.
descriptors='for fd in {0..1100}; do [ ! -e /proc/self/fd/$fd ] || echo $fd; done'
assert_at_most "descriptors the program has" $(($(bash -c "$descriptors" | wc -l) + 1)) \
	"$(run -- bash -c "$descriptors" | wc -l)"
finish
