#!/bin/bash
# A program that cannot be watched is a gap that names it; one that can be watched is no gap.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 1
here=$(realpath "$work")
echo hello >file

# gap WHAT KIND PATH: this is the only gap in out.footprint, which is not complete
gap() {
	assert_fact "$1" "(.complete | not) and [.gaps[] | [.kind, .path]] == [[\"$2\", \"$3\"]]" \
		out.footprint
}

run() {
	"$footprint" run -o out.footprint -- "$@" 2>errors
}

run sh -c 'cat file; ls; python3 -c "import json"' >output
assert_fact "dynamic programs leave no gap" '.complete and .gaps == []' out.footprint

# ---- scripts that are gone before anybody has looked at them: their interpreters know what was executed
mkdir -p sub
cat >removing <<'END'
for name in gone ./sub/gone "$PWD/sub/absolute"; do
	printf '#!/bin/sh\ncat file\n' >"$name"
	chmod +x "$name"
	PATH=.:$PATH "$name" and arguments
	rm "$name"
done
cp "$(command -v sh)" sub/sh
printf '#!%s/sub/sh -e\n. ./lines\n' "$PWD" >inner
printf '#!%s/inner\necho unread\n' "$PWD" >outer
echo 'cat file' >lines
chmod +x inner outer
./outer
rm inner outer
END
run sh removing >output
assert_equal "output of scripts that were removed" "hello hello hello hello" "$(xargs <output)"
assert_fact "scripts that were removed leave no gap" '.complete and .gaps == []' out.footprint
shell=$(realpath /bin/sh)
for name in gone sub/gone sub/absolute; do
	assert_equal "what a script that was removed executed ($name)" "$shell" \
		"$(facts ".executables[] | select(.path == \"$here/$name\") | .executes | join(\" \")" out.footprint)"
done
assert_equal "what an outer script executed" "$here/sub/sh" \
	"$(facts ".executables[] | select(.path == \"$here/outer\") | .executes | join(\" \")" out.footprint)"
printf '#!/bin/sh\nrm "$0"\n' >first
chmod +x first
run ./first
assert_fact "a first program that removes itself" \
	".complete and any(.executables[]; .path == \"$here/first\" and .executes == [\"$shell\"])" out.footprint

# ---- static, when nobody supervises it (tests/supervise does)
export FOOTPRINT_SUPERVISE=0
busybox=$(command -v busybox) || skip "needs busybox-static"
cp "$busybox" busybox
! readelf -lW busybox | grep -q INTERP || die "busybox is not static here"
run sh -c './busybox cat file' >output
assert_equal "output of a static program" hello "$(cat output)"
gap "a static program" static-program "$here/busybox"
run ./busybox cat file >output
gap "a static program at first" static-program "$here/busybox"
printf '#!%s/busybox sh\necho script\n' "$here" >script
chmod +x script
run sh -c './script' >output
gap "a script of a static interpreter" static-program "$here/busybox"
assert_contains "the summary says so" 'not complete, 1 gap' errors

# ---- set-uid: only as root, since the program must belong to somebody else
if [ "$(id -u)" -eq 0 ]; then
	cp "$(command -v cat)" setuid
	chown nobody setuid
	chmod 4755 setuid . file
	run sh -c './setuid file' >output
	assert_equal "output of a set-uid program" hello "$(cat output)"
	assert_lacks "its errors" 'cannot be preloaded' errors
	gap "a set-uid program" setuid-program "$here/setuid"
	# In a user namespace where its owner is not mapped it gives nothing, and is watched.
	if unshare -U true 2>/dev/null; then
		for map in -U -Ur; do
			run setpriv --reuid=1 --regid=1 --clear-groups unshare $map ./setuid file >output
			assert_equal "output of a set-uid program below unshare $map" hello "$(cat output)"
			assert_fact "a set-uid program below unshare $map" \
				".complete and any(.files[]; .path == \"$here/file\" and .by == [\"$here/setuid\"])" out.footprint
		done
	fi
	if command -v setcap >/dev/null; then
		cp "$(command -v cat)" capable
		setcap cap_net_raw+ep capable
		# Root gains nothing by file capabilities, so it keeps its preloads; other users do not.
		run setpriv --reuid=65534 --regid=65534 --clear-groups sh -c './capable file' >output
		gap "a program with file capabilities" setuid-program "$here/capable"
		# Nor under no_new_privs, where it gains none. That root's start is watched is no excuse.
		run sh -c './capable file
			setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs ./capable file' >output
		assert_equal "output under no_new_privs" "hello hello" "$(paste -sd ' ' output)"
		gap "a program with file capabilities under no_new_privs" setuid-program "$here/capable"
		# A static one, which has no dynamic linker to be cautious, is only that.
		mkdir static && cp busybox static/cat
		setcap cap_net_raw+ep static/cat
		run setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs sh -c 'static/cat file; exit' >output
		assert_equal "output of a static one" hello "$(cat output)"
		gap "a static program with file capabilities under no_new_privs" static-program "$here/static/cat"
	fi
fi

# ---- another architecture: exit(0), for i386
cat >foreign.s <<-'END'
	.globl _start
	_start: movl $1, %eax
	xorl %ebx, %ebx
	int $0x80
END
as --32 -o foreign.o foreign.s || die "cannot assemble for i386"
ld -m elf_i386 -o foreign foreign.o || die "cannot link for i386"
if ./foreign 2>/dev/null; then
	run sh -c ./foreign
	gap "a program of another architecture" foreign-program "$here/foreign"
fi
finish
