#!/bin/bash
# A process that changes its root also changes that of others who share it, and nobody else's. What each looks
# for afterwards is recorded at the place where the kernel looked (strace of the bare run tells, by whose root
# it was), or is a gap.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" -eq 0 ] || skip "takes root"

compile roots_apart -pthread
mkdir -p "$work/root"
root=$(realpath "$work/root")
to=$root

# watch WAY
watch() {
	rm -rf "$manifests"
	aggregator_start
	"${watched[@]}" sh -c '"$0" "$@" || exit 1' "$program" "$1" "$to" || die "$1: roots_apart failed"
	aggregator_stop
}

# judge WAY WHERE GAP: where names were looked for, and the kind of gap
judge() {
	watch "$1"
	assert_equal "$1: what was not there" "$2" "$(facts '.missing[].path' | grep nowhere | sort | xargs)"
	assert_equal "$1: gaps" "$3" "$(facts '.gaps[].kind' | xargs)"
}

program=$work/roots_apart
judge fork "/nowhere-after $root/nowhere-below" ""
for way in vfork thread; do
	judge $way "/nowhere-after" unresolved
done
for way in sharing all; do
	judge $way "" unresolved
done

# The sandboxes of browsers: what is looked for in /proc is in no manifest.
to=/proc/self/fdinfo
for way in fork vfork thread; do
	judge $way "/nowhere-after" ""
done
for way in sharing all; do
	judge $way "" ""
done
to=$root

# Behind a filter, a process with such a root sees what somebody outside opens for it.
compile brokered
echo content >"$work/file"
rm -rf "$manifests"
aggregator_start
"${watched[@]}" "$work/brokered" "$work/file" || die "brokered failed: $?"
aggregator_stop
assert_equal "brokered: gaps" "" "$(facts '.gaps[].kind' | xargs)"
assert_equal "brokered: the file" "read write" \
	"$(facts ".files[] | select(.path == \"$(realpath "$work")/file\") | .access | join(\" \")")"
assert_equal "brokered: what was not there" "" "$(facts '.missing[].path' | grep nowhere | xargs)"

# The supervisor asks the kernel for the root, so nothing is unresolved.
mv "$program" "$work/dynamic"
compile roots_apart -pthread -static
for way in fork vfork thread; do
	judge $way "/nowhere-after $root/nowhere-below" ""
done
for way in sharing all; do
	judge $way "$root/nowhere-after $root/nowhere-below" ""
done
finish
