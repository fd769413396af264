#!/bin/bash
# time-limit: 300
# Supervision at its limits: a worker that stands still, all callers at once, no more processes, an init
# that never waits, and the one fault that no program survives. Results stay the same; gaps say what is
# lost.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/supervisors.sh"
needs gcc busybox setsid prlimit setpriv unshare
[ "$(id -u)" -eq 0 ] || skip "needs root for namespaces and other users"
here=$top/tests/supervise
for name in opener bomb; do
	gcc -O1 -static -o "$work/$name" "$here/$name.c" || die "cannot compile $name.c"
done
for name in neglect kernel; do
	gcc -O1 -o "$work/$name" "$here/$name.c" || die "cannot compile $name.c"
done
cd "$work" || exit 1
chmod 755 "$work"
echo content >file

# ---- the worker is stopped: during a call, and while it is idle
aggregator_start
start './opener 0 file'
for _ in 1 2; do
	stopped=$(worker)
	kill -STOP "$stopped"
	wait_for gone "$stopped"
	wait_for paired
done
end_opener
assert_equal "status after a worker stood still" 0 $?
assert_equal "output after a worker stood still" good "$(cat output)"
wait_for no_guardians

# ---- everybody at once
"${watched[@]}" sh -c './bomb 2000 file' >output 2>errors
assert_equal "two thousand at once" "2000 2000" "$(cat output)"
wait_for no_supervisors
aggregator_stop
assert_fact "what it opened is there" '[.files[] | select(.path | endswith("/file")) | .access] == [["read"]]'
assert_fact "no gaps but for the worker" '[.gaps[].kind] - ["lost-records", "still-running"] == []'

# ---- as many processes as a user may have: a user of its own, so that nobody else counts
rm -rf "$manifests" "$work/run"
aggregator_start
chmod 777 "$work/run"
chmod 666 "$socket"
limited=(setpriv --reuid=54321 --regid=54321 --clear-groups prlimit --nproc=64)
"${limited[@]}" ./bomb 1000 file >expected
read -r bare _ <expected
[ "$bare" -lt 1000 ] || die "processes of that user are not limited here"
"${watched[@]}" FOOTPRINT_SUPERVISE=1 "${limited[@]}" sh -c './bomb 1000 file; exit $?' >output 2>errors
assert_equal "status at the limit of processes" 0 $?
read -r forks good <output
assert_equal "all that could be started ended well" "$forks" "$good"
# The shell, nursery, guardian and worker also count for that user.
assert_at_most "processes that supervision takes from the limit" 4 $((bare - forks))
wait_for no_supervisors
# Without room for a supervisor, the program runs, and is a gap.
"${watched[@]}" FOOTPRINT_SUPERVISE=1 FOOTPRINT_APP=full setpriv --reuid=54322 --regid=54322 \
	--clear-groups prlimit --nproc=2 sh -c './opener 10 file; exit $?' >output 2>errors
assert_equal "status without room for a supervisor" 0 $?
assert_equal "output without room for a supervisor" good "$(cat output)"
aggregator_stop
manifest=$manifests/full@1.footprint
assert_fact "no room is a gap" '[.gaps[] | [.kind, .path]] ==
	[["static-program", "'"$(realpath opener)"'"]]'

# ---- process 1 never waits: supervision leaves one zombie at most
rm -rf "$manifests" "$work/run"
aggregator_start
script='for i in 1 2 3 4 5 6; do ./opener 10 file; sleep 0.3; done'
timeout 100 unshare --pid --fork --mount-proc ./neglect sh -c "$script" >expected 2>/dev/null
"${watched[@]}" timeout 100 unshare --pid --fork --mount-proc ./neglect sh -c "$script" >output 2>/dev/null
assert_equal "openers under a neglectful init" 6 "$(grep -c good output)"
extra=$(($(awk '/zombies/ { print $2 }' output) - $(awk '/zombies/ { print $2 }' expected)))
assert_at_most "zombies more than without us" 1 $extra
wait_for no_supervisors

# ---- process 1 waits for all of its children: the supervisor is none of them
cat >parent.c <<'END'
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
	int children = 0;

	for (int i = 0; i < 3; i++)
		if (!fork())
			return open("file", O_RDONLY) < 0;
	while (wait(NULL) > 0)
		children++;
	printf("%d\n", children);
	return 0;
}
END
gcc -O1 -static -o parent parent.c || die "cannot compile parent.c"
timeout -s KILL 20 unshare --pid --fork --kill-child --mount-proc env "FOOTPRINT_SOCKET=$socket" FOOTPRINT_APP=app \
	FOOTPRINT_VERSION=1 "$supervisor" ./parent >output 2>errors
assert_equal "children of process 1" 3 "$(cat output)"
wait_for no_supervisors

# ---- both at once: calls fail with ENOSYS, and do not hang
start './opener 10000000 file'
both=("$(guardian)" "$(worker)")
kill -STOP "${both[0]}"
kill -KILL "${both[1]}" "${both[0]}"
wait $program
assert_contains "without any supervisor calls fail as documented" 'Function not implemented' output

# ---- except in programs that are in the express lane already
EXPRESS=1 start './opener 0 file'
wait_for in_express_lane "$(pgrep -P "$program")"
both=("$(guardian)" "$(worker)")
kill -STOP "${both[0]}"
kill -KILL "${both[1]}" "${both[0]}"
end_opener
assert_equal "what nobody watched, in the express lane" good "$(cat output)"
aggregator_stop

# ---- a kernel that cannot continue an announced call: nothing waits for ever, and it is a gap
aggregator_start
before=(env "FOOTPRINT_SOCKET=$socket" FOOTPRINT_VERSION=1)
timeout 20 ./kernel 5.4 "${watched[@]}" FOOTPRINT_APP=old sh -c './opener 10 file; exit $?' >output 2>errors
assert_equal "status on Linux 5.4" 0 $?
assert_equal "output on Linux 5.4" good "$(cat output)"
timeout 20 ./kernel 5.4 "${before[@]}" FOOTPRINT_APP=old "$supervisor" ./opener 10 file >output 2>errors
assert_equal "status on Linux 5.4, behind the supervisor" 0 $?
assert_equal "output on Linux 5.4, behind the supervisor" good "$(cat output)"

# ---- one that can, but lacks later features
PATH=$PATH:. timeout 20 ./kernel 5.4+continue "${before[@]}" FOOTPRINT_APP=older "$supervisor" opener 10 file >output
assert_equal "what is found in PATH" good "$(cat output)"
mkdir root
cp "$(command -v busybox)" file root
for script in 'cat file >written' 'chroot root /busybox cat file'; do
	timeout 20 ./kernel 5.4+continue "${watched[@]}" FOOTPRINT_APP=older sh -c "busybox sh -c '$script'; exit \$?" \
		>output 2>errors
	assert_equal "status of $script" 0 $?
done
EXPRESS=1 start "./kernel 5.4+continue sh -c './opener 0 file; exit'"
for pid in $(supervisors); do
	readlink /proc/"$pid"/fd/* 2>/dev/null
done >open
assert_lacks "what supervisors hold open" "^$work/" open
end_opener
wait_for no_supervisors
aggregator_stop
manifest=$manifests/old@1.footprint
assert_fact "who is not watched is a gap" '[.gaps[] | [.kind, .path, (.detail | test("cannot go on"))]] ==
	[["static-program", "'"$(realpath opener)"'", true]]'
manifest=$manifests/older@1.footprint
assert_fact "what was written" '[.files[] | select(.path | endswith("/written")) | .access] == [["write", "create"]]'
assert_fact "what cannot be looked at is a gap" '[.gaps[] | [.kind, (.path | sub(".*/(?=.*/)"; ""))]] ==
	[["unresolved", "root/busybox"], ["unresolved", "bin/busybox"]]'
finish
