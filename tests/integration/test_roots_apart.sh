#!/bin/bash
# Who goes to another root takes those along who share it, and nobody else: what each looks for then is told
# as where the kernel looked, which strace of the bare run tells by whose root it was, or is a gap.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" -eq 0 ] || skip "takes root"

compile roots_apart -pthread
mkdir -p "$work/root"
root=$(realpath "$work/root")

# watch WAY
watch() {
	rm -rf "$manifests"
	aggregator_start
	"${watched[@]}" sh -c '"$0" "$@" || exit 1' "$program" "$1" "$root" || die "$1: roots_apart failed"
	aggregator_stop
}

# judge WAY WHERE GAP: where they were looked for, and the kind of gap
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

# The supervisor asks the kernel whose root it is, so nothing is unresolved.
mv "$program" "$work/dynamic"
compile roots_apart -pthread -static
for way in fork vfork thread; do
	judge $way "/nowhere-after $root/nowhere-below" ""
done
for way in sharing all; do
	judge $way "$root/nowhere-after $root/nowhere-below" ""
done
finish
