#!/bin/bash
# The end of a test kills what it has started, and nobody else who has got the number of one that has ended: beside
# other tests, numbers come again within seconds.
. "$(dirname "$0")/../lib.sh"
if [ "$(id -u)" -ne 0 ] || ! unshare -p -f --mount-proc true 2>/dev/null; then
	skip "needs a pid namespace"
fi

cat >"$work/test" <<'END'
. "$1/tests/lib.sh"
sleep 0.01 &
ended=$!
started $ended
wait $ended
sleep 100 &
living=$!
started $living
echo $((ended - 1)) >/proc/sys/kernel/ns_last_pid
setsid sleep 100 &
disown
echo "$ended $! $living" >"$2"
finish
END
# shellcheck disable=SC2016 # the inner shell's own
unshare -p -f --mount-proc bash -c 'bash "$1/test" "$2" "$1/numbers"
	read -r ended other living <"$1/numbers"
	[ "$ended" = "$other" ] || exit 77
	[ -d "/proc/$other" ] || echo "the other one was killed"
	[ ! -d "/proc/$living" ] || echo "what it has started lives on"' bash "$work" "$top" >"$work/said"
[ $? -ne 77 ] || skip "the number was not given again"
assert_equal "what is wrong after a test" "" "$(cat "$work/said")"
finish
