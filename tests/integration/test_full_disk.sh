#!/bin/bash
# No space for the spool or for the manifest: the application never notices, what was on disk stays
# whole, and what could not be kept is counted and a gap, or kept until there is space again.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" -eq 0 ] || skip "needs root to mount a small tmpfs"
compile opener
mkdir -p "$work/data" "$work/run" "$manifests"
(cd "$work/data" && seq 0 2999 | xargs touch)
data=$(realpath "$work/data")

small_tmpfs() {
	mount -t tmpfs -o size="$2",mode=755 footprint-test "$1" || skip "cannot mount a tmpfs"
	mounted+=("$1")
}
mounted=()
unmount_all() {
	local folder

	for folder in "${mounted[@]}"; do
		umount -l "$folder" 2>/dev/null
	done
}
at_end+=(unmount_all)

fill() {
	cat /dev/zero >"$1/ballast" 2>/dev/null
}

# opens FIRST COUNT: the application must do its work and end well
opens() {
	"${watched[@]}" "$work/opener" "$data" "$1" "$2" >"$work/out" 2>"$work/err"
	assert_equal "status with $state" 0 $?
	assert_equal "output with $state" "$2" "$(wc -l <"$work/out")"
	assert_equal "errors with $state" "" "$(cat "$work/err")"
}

# ---- a manifest on disk is never damaged; what did not fit is there when there is space
state="a full manifest folder"
small_tmpfs "$manifests" 1m
aggregator_start --interval 1
opens 0 10
wait_for test -s "$manifest"
fill "$manifests"
before=$(facts '.files | length')
opens 10 2000
opens 2010 10
"$footprint" show "$manifest" >/dev/null || fail "the old manifest is damaged"
[ "$(facts '.files | length')" -ge "$before" ] || fail "the old manifest has lost files"
rm "$manifests/ballast"
wait_for eval '[ "$(files_used | grep -c "^$data/")" = 2020 ]'
aggregator_stop
assert_equal "temporary files" "" "$(find "$manifests" -type f ! -name '*.footprint')"

# ---- a full spool, and nobody listening
state="a full spool"
mkdir -p "$spool"
small_tmpfs "$spool" 1m
chmod 1777 "$spool"
fill "$spool"
opens 2020 10
rm -f "$spool/ballast"
opens 2030 10
aggregator_start
wait_for settled
aggregator_stop
assert_files "spooled when there was space again" "$data"/{2030..2039}

# ---- a spool that cannot be written
state="a read-only spool"
mount -o remount,ro "$spool"
opens 2040 10
state="no spool folder and a volume that is read-only"
umount "$spool"
mount --bind "$work/run" "$work/run" && mounted+=("$work/run")
mount -o remount,ro,bind "$work/run"
opens 2050 10
finish
