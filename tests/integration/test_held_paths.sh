#!/bin/bash
# Paths through a process's own descriptors (/proc/self/fd and the like) are recorded as where they lead, also
# for a static program, whose supervisor has other descriptors.
. "$(dirname "$0")/../lib.sh"
access_of() {
	facts ".files[] | select(.path == \"$data/$1\") | .access | join(\" \")"
}

# judge WHAT NAME...: these names below $data were looked for in vain
judge() {
	local what=$1
	shift
	assert_fact "$what: nothing is amiss" '.gaps == []'
	assert_equal "$what: a file opened anew" "read write check" "$(access_of file)"
	assert_equal "$what: a file made below a descriptor" "write create" "$(access_of sub/made)"
	assert_equal "$what: a folder made below a descriptor" create "$(access_of sub/folder)"
	assert_equal "$what: a socket's addresses" "unix:$data/sub/socket" "$(facts '.endpoints[].address' | sort -u)"
	assert_equal "$what: operations on it" "bind connect" "$(facts '.endpoints[].operation' | sort | xargs)"
	{ printf "$data/%s\n" "$@" && echo /by-root; } | sort >"$work/expected"
	facts '.missing[].path' | grep -E "^$data|by-root" | sort >"$work/found"
	assert_same_text "$what: what was not there" "$work/expected" "$work/found"
}

# watch PROGRAM: in a folder of its own
watch() {
	rm -rf "$manifests" "$work/$1.data"
	mkdir -p "$work/$1.data/sub"
	data=$(realpath "$work/$1.data")
	echo content >"$data/file"
	aggregator_start
	(cd "$data" && "${watched[@]}" sh -c "'$work/$1' || echo failed" >"$work/out" 2>&1)
	aggregator_stop
	assert_equal "output of $1" "" "$(cat "$work/out")"
}

names=(after-return by-descriptor by-self etc/passwd sub/after-chdir sub/by-received sub/by-received-too)
compile held_paths
watch held_paths
judge dynamic "${names[@]}" by-pid

mv "$work/held_paths" "$work/dynamic"
compile held_paths -static
watch held_paths
judge static "${names[@]}"

if [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
	for program in dynamic held_paths; do
		rm -rf "$manifests" "$work/top"
		mkdir -p "$work/top/root/proc"
		echo content >"$work/top/root/file"
		mkdir -p "$work/top/root/full/of"
		for name in absolute relative; do
			echo "$name" >"$work/top/root/of-$name"
			ln -s "/of-$name" "$work/top/root/$name"
		done
		aggregator_start
		(cd "$work/top" && "${watched[@]}" unshare -m sh -c \
			"mount --bind /proc root/proc && '$work/$program' root; exit") || die "behind a chroot: $program failed"
		aggregator_stop
		assert_equal "a file opened anew behind a chroot ($program)" "write check" \
			"$(facts ".files[] | select(.path == \"$(realpath "$work/top/root/file")\") | .access | join(\" \")")"
		assert_fact "a folder that is not empty stays ($program)" \
			'all(.files[]; .access | index("delete") | not)'
		assert_equal "where links lead behind a chroot ($program)" "/of-absolute /of-relative" \
			"$(facts '.files[].path' | sed -n "s|^$(realpath "$work")/top/root\(/of-.*\)|\1|p" | sort | xargs)"
		assert_fact "nothing is amiss behind a chroot" '.gaps == []'

		rm -rf "$manifests" "$work/top"
		mkdir -p "$work/top/bare/sub"
		aggregator_start
		(cd "$work/top" && "${watched[@]}" sh -c "'$work/$program' bare; exit") || die "in a bare root: $program failed"
		aggregator_stop
		assert_fact "nothing is amiss in a bare root" '.gaps == []'
		assert_equal "what was not there in a bare root ($program)" \
			"by-dot by-root no-socket sub/after-fchdir sub/by-dot sub/by-dot-and-name sub/by-root-and-name" \
			"$(facts '.missing[].path' | sed -n "s|^$(realpath "$work")/top/bare/||p" | sort | xargs)"
		assert_equal "a socket in a bare root ($program)" \
			"bind unix:$(realpath "$work")/top/bare/sub/socket connect unix:$(realpath "$work")/top/bare/sub/socket" \
			"$(facts '.endpoints[] | .operation + " " + .address' | sort | xargs)"
	done
fi
finish
