#!/bin/bash
# The installed systemd units are correct, and a footprintd that is started by the first connection serves it:
# nothing that the process recorded meanwhile is lost. systemd's own tools are the judges.
. "$(dirname "$0")/../lib.sh"
needs systemd-analyze systemd-socket-activate make

# ---- the units
prefix=$work/prefix
make -s -C "$top" BUILD="$BUILD" PREFIX="$prefix" install >/dev/null || die "make install failed"
units=$prefix/lib/systemd/system
systemd-analyze verify --man=no \
	"$units/footprintd.service" "$units/footprintd.socket" >"$work/verdict" 2>&1 || fail "systemd-analyze verify failed"
[ ! -s "$work/verdict" ] || fail "systemd-analyze verify: $(cat "$work/verdict")"
assert_contains "the service" "^ExecStart=$prefix/sbin/footprintd " "$units/footprintd.service"
assert_equal "the socket of both units" \
	"$(sed -n 's/^ExecStart=.* --socket \([^ ]*\) .*/\1/p' "$units/footprintd.service")" \
	"$(sed -n 's/^ListenSequentialPacket=//p' "$units/footprintd.socket")"

# ---- activation
mkdir -p "$work/run" "$manifests"
systemd-socket-activate --seqpacket --listen="$socket" \
	"$footprintd" --manifests "$manifests" --interval 0.1 >"$work/footprintd.log" 2>&1 &
aggregator=$!
started $aggregator
wait_for listening "$socket"
assert_equal "what waits for the first connection" systemd-socket- "$(cat "/proc/$aggregator/comm")"
echo content >"$work/file"
"${watched[@]}" cat "$work/file" >/dev/null
wait_for test -s "$manifest"
"${watched[@]}" head -c 1 "$work/file" >/dev/null
aggregator_stop
[ -S "$socket" ] || fail "footprintd removed a socket that is not its own"
assert_files "of the process that activated it" "$(realpath "$work/file")"
assert_fact "both processes" '[.executables[].path | split("/")[-1]] | sort == ["cat", "head"]'
assert_fact "nothing is lost" '.complete'
finish
