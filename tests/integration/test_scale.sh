#!/bin/bash
# time-limit: 300
# 100,000 distinct paths: the size that their manifest may have, and the time that it may take to show it and to
# compare two: one and a half times what protoc takes to decode it, and what it takes to decode both.
. "$(dirname "$0")/../lib.sh"
compile opener
declare -i PATHS=100000 MANIFEST_BYTES=6000000 MEMORY_KIB=200000
mkdir -p "$work/data"
data=$(realpath "$work/data")
# A content of its own for each, as digests of equal files would compress.
python3 - "$data" $PATHS <<-'END' || die "cannot make the files"
	import sys
	for number in range(int(sys.argv[2]) + 1):
	    with open(f"{sys.argv[1]}/{number}", "w") as file:
	        file.write(str(number))
END

# milliseconds COMMAND...: its best of three, in processor time, as the machine is shared
milliseconds() {
	local -i best=1000000 took
	local times
	local TIMEFORMAT='%3U %3S'

	for _ in 1 2 3; do
		times=$({ time "$@" >/dev/null 2>&1; } 2>&1)
		took=$(awk '{ print int(($1 + $2) * 1000) }' <<<"$times")
		[ $took -ge $best ] || best=$took
	done
	echo $best
}

# watch_opener FIRST: 100,000 files from there on, by an aggregator of its own
watch_opener() {
	WAIT_LIMIT=100
	aggregator_start
	"${watched[@]}" FOOTPRINT_VERSION="$1" "$work/opener" "$data" "$1" $PATHS >/dev/null
	assert_equal "status of the program" 0 $?
	peak=$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$aggregator/status")
	aggregator_stop
	assert_at_most "peak memory of footprintd in KiB" $MEMORY_KIB "$peak"
}

watch_opener 0
watch_opener 1
old=$manifests/app@0.footprint new=$manifests/app@1.footprint
assert_equal "paths of $old" $PATHS "$(files_used "$old" | grep -c "^$data/")"
bytes=$(stat -c %s "$old")
show=$(milliseconds "$footprint" show --json "$old")
diff=$(milliseconds "$footprint" diff "$old" "$new")
decode=$(milliseconds sh -c 'zstd -dcq "$0" | protoc --decode=footprint.Manifest -I proto manifest.proto' "$old")
echo "manifest $bytes bytes, show --json $show ms, diff $diff ms, protoc $decode ms, footprintd $peak KiB"
assert_at_most "bytes of a manifest" $MANIFEST_BYTES "$bytes"
assert_at_most "milliseconds of show --json" $((decode * 3 / 2)) "$show"
assert_at_most "milliseconds of diff of two" $((2 * decode)) "$diff"

"$footprint" diff "$old" "$new" >"$work/diff"
assert_equal "status of diff" 1 $?
assert_equal "paths in the diff" "$(printf '%s\n' "$data/0" "$data/$PATHS" | sort)" \
	"$(grep -oE "$data/[0-9]+" "$work/diff" | sort -u)"
finish
