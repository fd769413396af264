#!/bin/bash
# Closures and packages in roots of other Debian releases (glibc 2.31 with its own /lib, glibc 2.41),
# judged by their own dynamic linker and their own dpkg under chroot. The long form.
# time-limit: 600
set -eu

[ -n "${FOOTPRINT_TEST_LONG:-}" ] || { echo "the long form only"; exit 77; }
[ "$(id -u)" = 0 ] || { echo "chroot needs root"; exit 77; }
command -v mmdebstrap >/dev/null || { echo "mmdebstrap is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# make_root SUITE: kept in the build folder, for it takes a minute to make.
make_root() {
	local root=$BUILD/rootfs-elf/$1

	[ -e "$root/etc/os-release" ] || {
		rm -rf "$root" "$root.new"
		mkdir -p "$BUILD/rootfs-elf"
		mmdebstrap --quiet --variant=minbase --include=python3-minimal,python3,curl,perl,git \
			"$1" "$root.new" || return
		mv "$root.new" "$root"
	}
}

# judge_packages ROOT: dpkg -S of 500 files that are there, one owner each.
judge_packages() {
	local root=$1

	(cd "$root" && find usr bin lib etc -xdev -type f ! -name '*[][*?\\]*' -printf '/%p\n') |
		sort | awk 'NR % 20 == 0' | head -500 >"$work/files"
	chroot "$root" xargs -d '\n' dpkg -S <"$work/files" 2>/dev/null |
		grep -v -e , -e '^diversion by' | sed 's/^\([^:]*\):[^ ]*: /\1: /' | sort >"$work/judge"
	sed 's/^[^ ]* //' "$work/judge" | "$BUILD/tests/test_package" "$root" |
		awk '{ print $3 ": " $1 }' | sort >"$work/ours"
	[ "$(wc -l <"$work/judge")" -ge 100 ] || { echo "$root: the judge knows too few files"; return 1; }
	diff -u "$work/judge" "$work/ours"
	echo "$root: $(wc -l <"$work/judge") files belong to whom dpkg says"
}

for suite in bullseye trixie; do
	make_root "$suite" || { echo "cannot make a $suite root"; exit 77; }
	"$BUILD/tests/test_closure" "$BUILD/rootfs-elf/$suite"
	judge_packages "$BUILD/rootfs-elf/$suite"
done
