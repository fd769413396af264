#!/bin/bash
# time-limit: 300
# Under `footprint run`, as a user would: a Go server, and a shell that runs a static tool thousands of
# times. (Static busybox, musl, static-PIE and a Go program with dynamic children are judged by strace in
# test_oracle.py.)
. "$(dirname "$0")/../lib.sh"
needs go busybox curl jq musl-gcc
cd "$work" || exit 1
here=$(realpath "$work")
times=1000
[ -z "$long" ] || times=5000

# ---- a server
CGO_ENABLED=0 GOFLAGS=-mod=mod GOTOOLCHAIN=local GOPROXY=off GOCACHE=$work/cache HOME=$work \
	go build -o server "$top/bench/fileserver.go" || die "cannot build fileserver.go"
mkdir site
for i in {1..200}; do
	echo "page $i" >"site/page$i"
done
echo secret >site/unused
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
url=http://127.0.0.1:$port
"$footprint" run -o server.footprint -- ./server "127.0.0.1:$port" "$here/site" >output 2>errors &
run=$!
started $run
answers() {
	curl -sf "$url/page1" >/dev/null
}
wait_for answers
seq -f "$url/page%g" 200 | xargs -P 8 -n 20 curl -sf | sort >output
seq -f 'page %g' 200 | sort >expected
assert_same_text "what it served" expected output
assert_equal "a page that is not there" 404 "$(curl -s -o /dev/null -w '%{http_code}' "$url/nosuch")"
kill -TERM "$run"
wait "$run"
assert_equal "its status" 143 $?
# Go's server was ended by a signal, which is an end like any other.
assert_fact "complete" '.complete and .gaps == []' server.footprint
assert_fact "supervised" '[.executables[] | .watched] == ["supervised"]' server.footprint
assert_fact "its address" \
	"[.endpoints[] | [.operation, .address]] | index([[\"bind\", \"127.0.0.1:$port\"]]) != null" server.footprint
assert_fact "what it missed" "any(.missing[]; .path == \"$here/site/nosuch\")" server.footprint
(cd site && printf "$here/site/%s\n" page*) | LC_ALL=C sort >expected
"$footprint" show --json server.footprint | jq -r --arg at "$here/site/" '.files[]
	| select((.path | startswith($at)) and (.access | index("read"))) | .path' | LC_ALL=C sort >output
assert_same_text "pages in the manifest" expected output

# ---- a tool, over and over
echo content >file
# shellcheck disable=SC2016 # the watched shell's own
script='i=0; while [ $i -lt '$times' ]; do i=$((i+1)); busybox cat file || exit 9; done'
"$footprint" run -o tool.footprint -- sh -c "$script" >output 2>errors
assert_equal "its status" 0 $?
assert_equal "what it printed" $times "$(grep -cx content output)"
# On a machine so busy that a supervisor comes too late, that is a gap.
late='.gaps | length > 0 and all(.kind == "static-program" and (.detail | test("in time")))'
assert_fact "watched as it should be" \
	'[.executables[] | select(.path | endswith("/busybox")) | .watched] == ["supervised"]' tool.footprint
assert_fact "every one of them was supervised, or is a gap" "($late) or (.complete and
	[.executables[] | select(.path | endswith(\"/busybox\")) | .runs] == [$times])" tool.footprint

# ---- many at once, below one static program: each is one process image
gcc -O1 -static -o opener-static "$top/tests/supervise/opener.c" || die "cannot compile opener.c"
# shellcheck disable=SC2016 # the watched shell's own
script='i=0; while [ $i -lt 100 ]; do i=$((i+1)); ./opener-static 300 file & done; wait'
FOOTPRINT_SITES=0 "$footprint" run -o many.footprint -- busybox sh -c "$script" >output 2>errors
assert_equal "what they printed" 100 "$(grep -cx good output)"
assert_fact "each is counted once" "($late) or (.gaps == [] and
	[.executables[] | select(.path | endswith(\"/opener-static\")) | .runs] == [100])" many.footprint

# ---- a daemon, whose first process is gone, while others begin
cat >daemon.c <<'END'
#include <fcntl.h>
#include <unistd.h>
int main(void)
{
	if (fork())
		return 0;
	while (access("stop", F_OK) < 0) {
		close(open("file", O_RDONLY));
		usleep(1000);
	}
	return 0;
}
END
gcc -O1 -static -o daemon daemon.c || die "cannot compile daemon.c"
# shellcheck disable=SC2016 # the watched shell's own
script='./daemon; i=0; while [ $i -lt 40 ]; do i=$((i+1)); ./opener-static 1 file; done; touch stop; sleep 0.1'
"$footprint" run -o daemon.footprint -- busybox sh -c "$script" >output 2>errors
assert_fact "a daemon is counted once" "($late) or (.gaps == [] and
	[.executables[] | select(.path | endswith(\"/daemon\")) | .runs] == [1])" daemon.footprint

# ---- executed by a thread: the process that asks and the thread that calls have different ids
gcc -O1 -pthread -o execs "$top/tests/supervise/execs.c" || die "cannot compile execs.c"
for how in main thread; do
	echo content >"by-$how"
	"$footprint" run -o $how.footprint -- ./execs $how "$(command -v busybox)" cat "by-$how" >output 2>errors
	assert_equal "status of what a $how executes" 0 $?
	assert_fact "what a $how executes is watched" "(.gaps | map(select(.detail | test(\"in time\"))) != []) or
		([.files[].path] | index(\"$here/by-$how\")) != null" $how.footprint
done

# ---- by a thread, while the main thread, whose id the program will have, makes calls. The execution
# takes a while where the environment is large.
gcc -O1 -static -pthread -o execs-static "$top/tests/supervise/execs.c" || die "cannot compile execs.c statically"
large=$(head -c 100000 /dev/zero | tr '\0' x)
for _ in {1..8}; do
	L1=$large L2=$large L3=$large L4=$large L5=$large "$footprint" run -o busy.footprint -- \
		sh -c "exec ./execs-static busy $(command -v busybox) cat by-thread" >output 2>errors
	assert_equal "status of what a thread of a busy program executes" 0 $?
	assert_fact "whose it is" "($late) or [.files[] | select(.path == \"$here/by-thread\") | .by[] | sub(\".*/\"; \"\")] ==
		[\"busybox\"]" busy.footprint
done

# ---- by calls that no site inside libc sees
musl-gcc -static -O1 -o opener "$top/tests/supervise/opener.c" || die "cannot compile opener.c"
musl-gcc -O1 -idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu -o execs-musl \
	"$top/tests/supervise/execs.c" || die "cannot compile execs.c for musl"
ln -s opener link
# executes LIBC HOW [NAME=VALUE]...: executes a static program; the result is in executes.footprint
executes() {
	echo content >"by-$1-$2"
	env "${@:3}" "$footprint" run -o executes.footprint -- "./execs$1" "$2" ./opener 10 "by-$1-$2" >output 2>errors
	assert_equal "status of what is executed by $1 $2" 0 $?
	assert_equal "what it said" good "$(cat output)"
}
for libc in "" -musl; do
	for how in at at-folder at-itself at-empty number descriptor; do
		executes "$libc" $how
		assert_fact "what $how executes is watched" "($late) or (.gaps == [] and
			([.files[].path] | index(\"$here/by-$libc-$how\")) != null)" executes.footprint
	done
	for off in FOOTPRINT_SUPERVISE=0 FOOTPRINT_SITES=0; do
		executes "$libc" descriptor $off
		assert_fact "what is not supervised for $off is a gap" "[.gaps[] | select(.kind != \"sites\") |
			[.kind, .path]] == [[\"static-program\", \"$here/opener\"]]" executes.footprint
	done
	# An exec that must fail leaves no filter.
	for how in at-itself at-nothing; do
		"$footprint" run -o executes.footprint -- "./execs$libc" $how ./link >output 2>errors
		assert_equal "status of what cannot be executed by $how" 99 $?
		assert_contains "no filter is left" ', filter 0$' output
		assert_fact "nothing is amiss" '.gaps == []' executes.footprint
	done
done

# ---- openat2: what is outside was not looked at, and a link that may not be followed was found
gcc -O1 -static -o ways "$top/tests/supervise/ways.c" || die "cannot compile ways.c"
mkdir ways.data
(cd ways.data && "$footprint" run -o ../ways.footprint -- sh -c '../ways; exit' >../output 2>../errors)
outside='"/etc/shells", "/etc/subuid", "'$here/ways.data'/way-up"'
assert_fact "what lay outside" "($late) or ([.files[].path, .missing[].path] as \$told |
	[$outside] | all(. as \$one | \$told | index(\$one) == null))" ways.footprint
assert_fact "what lay inside" "($late) or ([.files[] | select(.path | test(\"ways.data/way/(inside|way-made)\$\")) |
	.access] == [[\"read\", \"write\", \"create\", \"check\"], [\"write\", \"create\"]])" ways.footprint
assert_fact "what was not there" "($late) or ([.missing[].path] | index(\"$here/ways.data/way/way-missing\")) != null" \
	ways.footprint
finish
