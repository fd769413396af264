#!/bin/bash
# `footprint run`: the program's status, signals, output and the manifest's place.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 1
mkdir data
echo hello >data/file

# run WORD...: quietly, as its summary is not the point
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

# ---- what the user did wrong
assert_status 2 "$footprint" run 2>errors
assert_status 2 "$footprint" run --none-such-option -- true 2>errors
assert_contains "an unknown option" '^footprint( run)?: .*none-such-option' errors
assert_status 0 "$footprint" run --help >output
assert_contains "help" '--app-version' output

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

run --app shop --app-version 1.4 -- cat data/file >output
assert_fact "names as told" '.app == "shop" and .version == "1.4"' out.footprint
assert_equal "a failing program still has its manifest" 3 \
	"$(run -- sh -c 'cat data/file; exit 3' >/dev/null; echo $?)"
assert_fact "the shell and cat" \
	'[.executables[].path] | any(endswith("/cat")) and any(endswith("sh"))' out.footprint

mkdir -p 'with space'
run_there() {
	"$footprint" run -o 'with space/a b.footprint' -- true 2>errors
}
assert_status 0 run_there
[ -s 'with space/a b.footprint' ] || fail "no manifest in a folder with a space"

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

# ---- nothing stays behind
# One of them is the library's own.
assert_at_most "descriptors the program has" $(($(sh -c 'ls /proc/self/fd' | wc -l) + 1)) \
	"$(run -- sh -c 'ls /proc/self/fd' | wc -l)"
finish
