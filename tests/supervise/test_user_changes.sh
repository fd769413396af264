#!/bin/bash
# A static program that changes its user, with CAP_SYS_PTRACE and without, as in most containers. There nobody
# may look at it any more: what the supervisor cannot find out is a gap, and what such a program executes, as
# gosu does, is watched as ever.
. "$(dirname "$0")/../lib.sh"
needs gcc setpriv
[ "$(id -u)" -eq 0 ] || skip "needs root to change users"
cd "$work" || exit 1
here=$(realpath "$work")
chmod 755 "$work"
echo content | tee absolute relative below-descriptor by-link >/dev/null

# Like Go's, libc's threads change their users one after another, each by a call of its own.
cat >steps-down.c <<'END'
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>
static void *stay(void *unused)
{
	for (;;)
		pause();
	return unused;
}
int main(int argc, char **argv)
{
	pthread_t thread;
	int directory = open(".", O_PATH | O_DIRECTORY);
	if (pthread_create(&thread, NULL, stay, NULL) || setgid(65534) || setuid(65534))
		return 1;
	if (argc > 2)
		return execv(argv[2], argv + 2);
	return open("relative", O_RDONLY) < 0 || openat(directory, "below-descriptor", O_RDONLY) < 0 ||
	       open("/proc/self/cwd/by-link", O_RDONLY) < 0 || open(argv[1], O_RDONLY) < 0;
}
END
gcc -static -pthread -o steps-down steps-down.c 2>errors || die "cannot compile steps-down.c: $(cat errors)"
# On a machine so busy that a supervisor comes too late, that is a gap.
late='.gaps | length > 0 and all(.kind == "static-program" and (.detail | test("in time")))'
# reads NAME BY: a condition
reads() {
	echo "any(.files[]; .path == \"$here/$1\" and any(.by[]; endswith(\"/$2\")))"
}
# watch CAPABILITIES ARGUMENT...: with these missing; the result is in watched.footprint
watch() {
	"$footprint" run -o watched.footprint -- setpriv --bounding-set="$1" \
		sh -c './steps-down "$@"; exit $?' sh "${@:2}" >output 2>errors
	assert_equal "status of steps-down ${*:2}, without $1" 0 $?
}

watch -sys_admin "$here/absolute"
assert_fact "all is seen with CAP_SYS_PTRACE" "($late) or (.gaps == [] and $(reads absolute steps-down) and
	$(reads relative steps-down) and $(reads below-descriptor steps-down) and $(reads by-link steps-down))" \
	watched.footprint
watch -sys_admin,-sys_ptrace "$here/absolute"
assert_fact "without it, there is a gap" "($late) or ([.gaps[] | [.kind, .path]] ==
	[[\"static-program\", \"$here/steps-down\"]] and $(reads absolute steps-down))" watched.footprint
for missing in -sys_admin -sys_admin,-sys_ptrace; do
	watch $missing "" /bin/sh -c 'cat relative && sleep 1.2 && cat below-descriptor'
	assert_fact "what it executes is watched, without $missing" "($late) or (.gaps == [] and
		$(reads relative cat) and $(reads below-descriptor cat))" watched.footprint
done
finish
