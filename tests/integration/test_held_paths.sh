#!/bin/bash
# Paths through what a process holds itself (/proc/self/fd and their like) are told as where they lead.
. "$(dirname "$0")/../lib.sh"
compile held_paths
mkdir -p "$work/data/sub"
echo content >"$work/data/file"
data=$(realpath "$work/data")

aggregator_start
(cd "$data" && "${watched[@]}" "$work/held_paths") || die "held_paths failed"
aggregator_stop

assert_fact "nothing is amiss" '.gaps == []'
access_of() {
	facts ".files[] | select(.path == \"$data/$1\") | .access | join(\" \")"
}
assert_equal "a file opened anew" "read write check" "$(access_of file)"
assert_equal "a file made below a descriptor" "write create" "$(access_of sub/made)"
assert_equal "a folder made below a descriptor" "create" "$(access_of sub/folder)"
assert_equal "a socket's addresses" "unix:$data/sub/socket" "$(facts '.endpoints[].address' | sort -u)"
assert_equal "operations on it" "bind connect" "$(facts '.endpoints[].operation' | sort | xargs)"
printf '%s\n' "$data"/{after-return,by-descriptor,by-pid,by-self,sub/after-chdir,sub/by-received} /by-root | sort >"$work/expected"
facts '.missing[].path' | grep -E "^$data|by-root" | sort >"$work/found"
assert_same_text "what was looked for and not there" "$work/expected" "$work/found"
finish
