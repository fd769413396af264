#!/bin/bash
# Calls that few programs make, and calls that name files and addresses in unusual ways.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" -eq 0 ] || skip "takes root"
compile odd_calls
mkdir -p "$work/data/sub"
data=$(realpath "$work/data")
(cd "$data" && "$work/odd_calls" >/dev/null) || skip "these calls are not to be had here"

aggregator_start
port=$(cd "$data" && "${watched[@]}" "$work/odd_calls") || die "odd_calls failed"
aggregator_stop

assert_fact "nothing is amiss" '.gaps == []'
missing_among() {
	facts '.missing[].path' | grep -E "$1" | sort
}
{
	printf '%s\n' "$data/sub/inside" "$data/"{acct,bound,mark,move,quota,script,swapoff,swapon,tree,umount,umount2}-none
} | sort >"$work/expected"
missing_among "^$data/(sub/inside|.*-none)$|^/inside" >"$work/found"
assert_same_text "what was looked for and not there" "$work/expected" "$work/found"
assert_equal "a script without its interpreter" "write create check" \
	"$(facts ".files[] | select(.path == \"$data/script\") | .access | join(\" \")")"
assert_equal "what was never looked at" "" "$(missing_among refused)$(facts '.files[].path' | grep refused)"
printf '%s\n' "bind 0.0.0.0:0" "connect 127.0.0.1:$port" "connect [::1]:9" \
	"connect [::ffff:127.0.0.1]:$port" | sort >"$work/expected"
facts '.endpoints[] | "\(.operation) \(.address)"' | grep -vE "^bind 127.0.0.1:" | sort >"$work/found"
assert_same_text "addresses" "$work/expected" "$work/found"

# ---- the library's descriptor is closed by raw system calls, and a file of the program gets its number: in a
# program that made the connection, and in one that inherited it with a place in its parent's pool
compile own_number
aggregator_start
assert_status 0 "${watched[@]}" "$work/own_number"
cat >"$work/pool.sh" <<'END'
while [ $((i = i + 1)) -le 50 ]; do
	"$1" || exit 1
	[ -z "$pool" ] || exit 0
	! grep -q footprint-pool /proc/$$/maps || pool=there
	sleep 0.1
done
exit 2
END
assert_status 0 "${watched[@]}" sh "$work/pool.sh" "$work/own_number"
aggregator_stop

# ---- a filter forbids the library to move its descriptor out of the way
compile own_number_filtered
aggregator_start
assert_equal "gaps before it" "" "$(facts '.gaps[].kind')"
assert_status 0 "${watched[@]}" "$work/own_number_filtered" 240
aggregator_stop
assert_equal "what is lost is told" lost-records "$(facts '.gaps[].kind')"
finish
