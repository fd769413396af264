#!/bin/bash
# A library that was loaded with RTLD_DEEPBIND, and a caller of dlsym with a handle, find libc's functions
# before our hooks. What they do is recorded as usual.
. "$(dirname "$0")/../lib.sh"
needs gcc
source=$top/tests/integration/past_scope.c
mkdir -p "$work/data"
data=$(realpath "$work/data")
gcc -o "$work/past_scope" "$source" || die "cannot compile"
for linked in now lazy norelro; do
	gcc -shared -fPIC -DPLUGIN "-Wl,-z,${linked/norelro/norelro,-z,lazy}" -o "$work/$linked.so" "$source" ||
		die "cannot compile"
done
gcc -shared -fPIC -DWRAPPER -o "$work/wrapper.so" "$source" || die "cannot compile"

now=2 lazy=1 deep=8
aggregator_start
cd "$data" || exit 1
for linked in now lazy norelro; do
	"${watched[@]}" "$work/past_scope" $((now | deep)) "$work/$linked.so" "$linked-now" || fail "$linked, now"
	"${watched[@]}" "$work/past_scope" $((lazy | deep)) "$work/$linked.so" "$linked-lazy" || fail "$linked, lazy"
done
"${watched[@]}" "$work/past_scope" handle handle || fail "by a handle"
"${watched[@]}" env FOOTPRINT_APP=filtered "$work/past_scope" filter "$data/none" || fail "behind a filter: exit status $?"
ways=({now,lazy,norelro}-{now,lazy})
if command -v python3 >/dev/null; then
	"${watched[@]}" python3 -c 'import ctypes; libc = ctypes.CDLL("libc.so.6")
libc.mkfifo(b"python-first", 0o644); libc.rename(b"python-first", b"python-second")' || fail "python"
fi

# Wrappers between a program and libc stay in place, before us and after us, and find the function that they
# wrap.
for order in "$BUILD/libfootprint.so:$work/wrapper.so" "$work/wrapper.so:$BUILD/libfootprint.so"; do
	LD_PRELOAD=$work/wrapper.so "$work/past_scope" >"$work/bare"
	"${watched[@]}" env LD_PRELOAD="$order" "$work/past_scope" >"$work/wrapped" || fail "$order: exit status $?"
	assert_same_text "with another library: $order" "$work/bare" "$work/wrapped"
done
cd "$work" || exit 1
aggregator_stop

assert_equal "a wrapper that wraps" "wrapped 1, default 1, next 1, none 0, moved -1" "$(cat "$work/bare")"
for way in "${ways[@]}"; do
	printf '%s\n' "$way-fifo create metadata" "$way-first create delete rename" \
		"$way-second create delete rename"
done | sort >"$work/expected"
facts '.files[] | select(.path | test("-(first|second|fifo)$")) | (.path | split("/")[-1]) + " " + (.access | sort | join(" "))' |
	grep -vE "^(handle|python)" | sort >"$work/found"
assert_same_text "what the plugins did" "$work/expected" "$work/found"
for way in handle python; do
	[ "$way" = handle ] || command -v python3 >/dev/null || continue
	assert_equal "$way" "create rename" \
		"$(facts ".files[] | select(.path == \"$data/$way-second\") | .access | sort | join(\" \")")"
done
assert_equal "the first name behind a filter" "$data/none-0" \
	"$(facts '.missing[].path' "$manifests"/filtered@*.footprint | grep -x "$data/none-0")"
assert_equal "where they sent to" "send 127.0.0.1:9" "$(facts '.endpoints[] | "\(.operation) \(.address)"')"
assert_fact "nothing is amiss" '.gaps == []'
finish
