#!/bin/bash
# Libraries of a program that nobody can watch (set-uid, or with file capabilities) are in the manifest as not
# observed, as ldd lists them. If somebody saw them loaded, that counts.
. "$(dirname "$0")/../lib.sh"
needs ldd setcap setpriv
[ "$(id -u)" -eq 0 ] || skip "needs root to give a program away"
cd "$work" || exit 1
here=$(realpath "$work")
chmod 755 "$work"
echo hello >file

# libraries PROGRAM: canonical paths of everything that would be mapped according to ldd
libraries() {
	ldd "$1" | awk '/=> \// { print $3; next } $1 ~ /^\// { print $1 }' |
		xargs -r realpath | LC_ALL=C sort -u
}

# unobserved MANIFEST PROGRAM: its libraries that are listed as not observed
unobserved() {
	"$footprint" show --json "$1" | jq -r --arg by "$2" '.libraries[]
		| select(any(.loaders[]; .by == $by and .loaded == "unobserved")) | .path' | LC_ALL=C sort -u
}

# expect WHAT MANIFEST PROGRAM: the libraries that ldd lists, each also as a file with a digest
expect() {
	libraries "$3" >expected
	[ -s expected ] || die "ldd names nothing for $3"
	unobserved "$2" "$3" >output
	assert_same_text "$1: its libraries" expected output
	"$footprint" show --json "$2" | jq -r --arg by "$3" '.files[]
		| select(any(.uses[]; .by == $by and .access == ["unobserved"]) and .sha256) | .path' |
		LC_ALL=C sort -u >output
	assert_same_text "$1: their files" expected output
}

as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
cp "$(command -v ls)" setuid
chown daemon setuid
chmod 4755 setuid
cp "$(command -v ls)" capable
setcap cap_net_raw+ep capable
"$footprint" run -o setuid.footprint -- "${as_nobody[@]}" sh -c './setuid -d /' >/dev/null 2>errors
expect "a set-uid program" setuid.footprint "$here/setuid"
assert_fact "and the gap names it" \
	'[.gaps[] | [.kind, .path]] == [["setuid-program", "'"$here"'/setuid"]]' setuid.footprint
"$footprint" run -o capable.footprint -- "${as_nobody[@]}" sh -c './capable -d /' >/dev/null 2>errors
expect "a program with capabilities" capable.footprint "$here/capable"

# Below a supervised program, whose filter needs no_new_privs here, they give nothing to a user: that
# is told. A program of gosu's kind has been root at first.
cat >as_user.c <<'END'
#include <unistd.h>
int main(int argc, char **argv)
{
	(void)argc;
	return setgid(65534) || setuid(65534) || execv(argv[1], argv + 1);
}
END
gcc -static -o as_user as_user.c 2>errors || die "cannot compile as_user.c: $(cat errors)"
cp "$(command -v busybox)" busybox
cp "$(command -v ls)" as_root
chmod 4755 as_root
cp "$(command -v ls)" setgid
chgrp daemon setgid
chmod 2755 setgid
# below_supervised WAY PROGRAM COMMAND... On a machine so busy that a supervisor comes too late, that is a gap, and
# here another attempt.
below_supervised() {
	local attempt

	for attempt in {1..6}; do
		"$footprint" run -o below.footprint -- "${@:3}" >/dev/null 2>errors
		"$footprint" show --json below.footprint | jq -e 'all(.gaps[]; .detail | test("in time") | not)' \
			>/dev/null && break
	done
	[ "$attempt" -eq 1 ] || echo "$1, $2: attempt $attempt"
	assert_equal "gaps of $2, below a supervised program ($1)" "setuid-program $here/$2" \
		"$("$footprint" show --json below.footprint | jq -r '.gaps[] | [.kind, .path] | join(" ")')"
}
for program in as_root setuid setgid capable; do
	below_supervised "never root" $program "${as_nobody[@]}" --bounding-set=-sys_admin \
		sh -c "./busybox env ./$program -d /; exit"
	below_supervised "root at first" $program setpriv --bounding-set=-sys_admin \
		sh -c "./as_user ./$program -d /; exit"
done

# Libraries that other programs load are not affected.
assert_fact "the shell's libraries were observed" '[.libraries[].loaders[]
	| select(.by | endswith("sh")) | .loaded] | length > 0 and all(. == "needed")' setuid.footprint

# ---- shown
library=$(libraries "$here/setuid" | grep selinux)
[ -n "$library" ] || die "ls needs no libselinux here: another library is needed to ask about"
"$footprint" show -l setuid.footprint >output
assert_contains "show" "$library.*not observed, needed by setuid" output
"$footprint" why setuid.footprint "$library" >output
assert_contains "why" "which needs.*$library \\(not observed\\)" output

# ---- observed wins: the same program without its bit
chmod 755 setuid
"$footprint" run -o seen.footprint -- "${as_nobody[@]}" sh -c './setuid -d /' >/dev/null 2>errors
unobserved seen.footprint "$here/setuid" >output
assert_equal "no libraries are assumed of what is watched" 0 "$(wc -l <output)"
"$footprint" diff seen.footprint setuid.footprint >output
assert_contains "diff" "$library.*setuid: needed -> unobserved" output
"$footprint" merge -o one.footprint setuid.footprint seen.footprint
"$footprint" merge -o other.footprint seen.footprint setuid.footprint
cmp one.footprint other.footprint || fail "the order of merging matters"
unobserved one.footprint "$here/setuid" >output
assert_equal "nothing is assumed beside what was seen" 0 "$(wc -l <output)"
assert_fact "nor of their files" '[.files[].uses[] | select(.access | index("unobserved"))] == []' \
	one.footprint
"$footprint" merge -o again.footprint one.footprint setuid.footprint
cmp one.footprint again.footprint || fail "merging again changes something"
finish
