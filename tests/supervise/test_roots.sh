#!/bin/bash
# Programs below a supervised one that have another root directory than the supervisor, or other mounts: their
# files are those that they see. Where no path of ours leads there, they are a gap.
. "$(dirname "$0")/../lib.sh"
needs gcc busybox unshare
[ "$(id -u)" -eq 0 ] || skip "needs root for chroot and mounts"
cd "$work" || exit 1
here=$(realpath "$work")

# The same names inside and outside, so that a path that is looked up from the wrong root is found, too.
mkdir -p jail/bin jail/etc jail/proc etc
cp "$(command -v busybox)" jail/bin
ln -s busybox jail/bin/sh
echo inside >jail/etc/hostname
echo inside >jail/etc/only
ln -s /etc/only jail/etc/link

# run SCRIPT: below a static shell
run() {
	"$footprint" run -o out.footprint -- busybox sh -c "$1; exit" >output 2>errors
	assert_equal "status of $1" 0 $?
}

# used_by PROGRAM: the files that it has read, and those that it has missed
used_by() {
	facts ".files[] | select(any(.uses[]; .by == \"$1\" and .access == [\"read\"])) | .path" out.footprint
	facts ".missing[] | select(any(.by[]; . == \"$1\")) | \"missing \" + .path" out.footprint
}

# ---- executed behind a chroot, as another image than the one that has changed its root
printf '%s\n' "$here/jail/etc/"{hostname,link,only} "missing $here/jail/etc/none" >expected
for script in 'busybox chroot jail /bin/busybox cat /etc/hostname /etc/link /etc/none || true' \
	'busybox chroot jail /bin/sh -c "cd /etc && /bin/busybox cat hostname link none || true"'; do
	run "$script"
	assert_equal "what it read" "inside inside" "$(paste -sd' ' output)"
	assert_fact "complete" '.complete and .gaps == []' out.footprint
	# A libc asks for its own program, and a shell whether PWD is right.
	used_by "$here/jail/bin/busybox" | grep -vxF -e "missing $here/jail/proc/self/exe" -e "missing $here/jail$here" >used
	assert_same_text "files behind a chroot" expected used
done

# ---- in a mount namespace of its own: what no path of ours leads to is a gap, and not missing
mkdir one other
echo mounted >one/file
for script in 'busybox unshare -m sh -c "busybox mount --bind one other; busybox cat other/file; busybox cat '$here'/other/file"' \
	'busybox unshare -m busybox chroot jail /bin/busybox cat /etc/hostname'; do
	run "$script"
	assert_contains "what it read" 'mounted|inside' output
	assert_fact "a gap" '(.complete | not) and ([.gaps[].kind] | unique) == ["unresolved"]' out.footprint
	assert_fact "nothing is called missing that was there" \
		'[.missing[].path | select(test("/other/file|/etc/hostname"))] == []' out.footprint
done

# ---- by a process that shares its program with others that have stayed
cat >apart.c <<'END'
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* apart unshare|clone: bind-mounts one/ on other/ in a mount namespace of its own, and reads there. */
int main(int argc, char **argv)
{
	long pid = argc > 1 && !strcmp(argv[1], "clone")
			   ? syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0)
			   : fork();
	int status = 1;

	if (pid == 0) {
		if (argc > 1 && !strcmp(argv[1], "unshare") && unshare(CLONE_NEWNS))
			_exit(2);
		if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
			mount("one", "other", NULL, MS_BIND, NULL))
			_exit(3);
		_exit(open("other/file", O_RDONLY) < 0);
	}
	waitpid((int)pid, &status, 0);
	if (open("one/file", O_RDONLY) < 0)
		return 4;
	return WEXITSTATUS(status);
}
END
gcc -static -o apart apart.c || die "cannot compile apart.c"
for how in unshare clone; do
	run "./apart $how"
	assert_fact "a gap ($how)" '(.complete | not) and ([.gaps[].kind] | unique) == ["unresolved"]' out.footprint
	used_by "$here/apart" >used
	assert_equal "what stays known ($how)" "$here/one/file" "$(cat used)"
done
finish
