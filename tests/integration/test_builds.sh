#!/bin/bash
# Built by the compilers and with the headers of the Debian releases before and after this one, each
# in a root of its own, where it then watches a program. The long form; continuous integration has the
# older ones alone, without the unit tests.
# time-limit: 600
. "$(dirname "$0")/../lib.sh"
[ -n "$long" ] || skip "the long form only"
[ "$(id -u)" -eq 0 ] || skip "chroot needs root"
needs mmdebstrap unshare tar

# packages_of PURPOSE: the list in mk/packages.sh
packages_of() {
	sed -n "/^$1=\"/,/\"/p" "$top/mk/packages.sh" | tr -d '"\n' | sed "s/^$1=//; s/  */,/g"
}

# in_root ROOT COMMAND: in a shell at the copy of the sources, with a /proc of its own
in_root() {
	unshare --mount --pid --fork sh -c "mount -t proc proc '$1/proc' &&
		exec chroot '$1' env -i PATH='$PATH' sh -c 'cd /src && $2'"
}

suites=bullseye what=all
[ "$long" = ci ] || suites="$suites trixie" what="all unit-tests"
for suite in $suites; do
	root=$work/$suite
	mmdebstrap --quiet --variant=minbase --include="$(packages_of build),libcmocka-dev,libjansson-dev" \
		"$suite" "$root" || die "cannot make a root of $suite"
	mkdir "$root/src"
	tar -C "$top" --exclude=./build* --exclude=./.git -c . | tar -C "$root/src" -x
	in_root "$root" "make -j2 $what" >"$work/log" 2>&1 || {
		fail "$suite: it does not build: $(grep -E -m 5 'error|undefined' "$work/log")"
		continue
	}
	in_root "$root" "build/footprint run -o /out.footprint -- cat /etc/debian_version" >"$work/log" 2>&1 ||
		fail "$suite: it does not run: $(tail -n 5 "$work/log")"
	assert_fact "$suite: what is watched there" \
		'.complete and any(.files[]; .path == "/etc/debian_version" and .access == ["read"])' "$root/out.footprint"
done
finish
