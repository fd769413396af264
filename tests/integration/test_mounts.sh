#!/bin/bash
# Mounts in a namespace that ends with its last process, like a container's volumes: files are those that the
# process saw, by the names that they have outside, and nothing is kept mounted for long. The same holds with no more
# rights than the systemd unit gives.
. "$(dirname "$0")/../lib.sh"
needs unshare mount setpriv
{ [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; } || skip "takes root and namespaces of mounts"

mkdir "$work/volume" "$work/place"
echo "what the application reads" >"$work/volume/file"
echo underneath >"$work/place/file"
read_mounted() {
	"${watched[@]}" unshare -m sh -c "mount --bind '$work/volume' '$work/place' && exec cat '$work/place/file'"
}
holds_no_mounts() {
	! find "/proc/$aggregator/fd" \( -lname 'mnt:*' -o -lname '*/mountinfo' \) | grep -q .
}
finds_what_was_mounted() {
	aggregator_start
	for _ in 1 2 3; do
		assert_equal "the file, as the application sees it" "what the application reads" "$(read_mounted)"
	done
	wait_for holds_no_mounts
	aggregator_stop
	assert_fact "nothing is amiss" '.gaps == []'
	assert_equal "digest of the file" "$(sha256sum <"$work/volume/file" | cut -d ' ' -f 1)" \
		"$(facts '.files[] | select(.path | endswith("/volume/file")) | .sha256')"
	assert_fact "the file underneath was not read" '[.files[].path | select(endswith("/place/file"))] == []'
}
# What a process has read before it mounts something over it: looks come later.
finds_what_was_hidden() {
	aggregator_start
	assert_equal "the file, before it is hidden" underneath "$("${watched[@]}" python3 -c '
import ctypes, sys
libc = ctypes.CDLL(None)
NEWNS, PRIVATE, BIND = 0x20000, 0x44000, 0x1000
volume, place = (name.encode() for name in sys.argv[1:])
assert libc.unshare(NEWNS) == 0 and libc.mount(b"none", b"/", None, PRIVATE, None) == 0
text = open(place + b"/file").read()
assert libc.mount(volume, place, None, BIND, None) == 0
print(text, end="")' "$work/volume" "$work/place")"
	aggregator_stop
	assert_fact "nothing is amiss where something was hidden" '.gaps == []'
	assert_equal "digest of the file that was hidden" "$(sha256sum <"$work/place/file" | cut -d ' ' -f 1)" \
		"$(facts '.files[] | select(.path | endswith("/place/file")) | .sha256')"
}
# with_the_rights_of_the_unit: from now on, footprintd has the capabilities that its unit gives it.
with_the_rights_of_the_unit() {
	local rights

	rights=$(sed -n 's/^CapabilityBoundingSet=//p' "$top/deploy/footprintd.service")
	rights=${rights//CAP_/+}
	printf '#!/bin/sh\nexec setpriv --no-new-privs --bounding-set=-all,%s %q "$@"\n' \
		"$(tr 'A-Z ' 'a-z,' <<<"$rights")" "$footprintd" >"$work/footprintd"
	chmod +x "$work/footprintd"
	footprintd=$work/footprintd
}

finds_what_was_mounted
rm -rf "${manifests:?}"
finds_what_was_hidden
rm -rf "${manifests:?}"
with_the_rights_of_the_unit
finds_what_was_mounted
finish
