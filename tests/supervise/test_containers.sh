#!/bin/bash
# time-limit: 300
# In unprivileged containers under the default seccomp profile: an image that holds nothing but a
# static program, and one with a shell that runs it; as root, as nobody, without any capability.
. "$(dirname "$0")/../lib.sh"
needs podman runc go tar
[ "$(id -u)" -eq 0 ] || skip "needs root to run containers here"
here=$top/tests/supervise
image=footprint-test-$$-static

remove_image() {
	podman rmi --force "$image" >/dev/null 2>&1
}
at_end+=(remove_image)

# A root directory with the program, our two files, and nothing else.
root=$work/root
mkdir -p "$root/opt/footprint" "$root/etc/apt" "$root/bin" "$root/tmp" "$root/run/footprint"
chmod 1777 "$root/tmp"
echo scratch >"$root/etc/hostname"
printf 'root:x:0:0::/:\nnobody:x:65534:65534::/:\n' >"$root/etc/passwd"
cp "$BUILD/libfootprint.so" "$BUILD/footprint-supervise" "$root/opt/footprint"
cp "$(command -v busybox)" "$root/bin/busybox"
ln -s busybox "$root/bin/sh"
mkdir -p "$root/lib64" "$root/lib/x86_64-linux-gnu"
cp /bin/dash "$root/bin/dash"
cp /lib64/ld-linux-x86-64.so.2 "$root/lib64"
cp /lib/x86_64-linux-gnu/libc.so.6 "$root/lib/x86_64-linux-gnu"
CGO_ENABLED=0 GOFLAGS=-mod=mod GOTOOLCHAIN=local GOPROXY=off GOCACHE=$work/cache HOME=$work \
	go build -o "$root/bin/program" "$here/program.go" "$here/files.go" || die "cannot build program.go"
tar -C "$root" -c . | podman import --quiet - "$image" >/dev/null || die "cannot import an image"

# in_container NAME OPTION... -- COMMAND...: the output goes to $work/output
in_container() {
	local name=$1
	local -a options=()

	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	podman --runtime runc run --rm --network=none --ulimit nofile=10000:10000 \
		--ulimit nproc=10000:10000 --volume "$work/run:/run/footprint" \
		--env LD_PRELOAD=/opt/footprint/libfootprint.so \
		--env FOOTPRINT_SOCKET=/run/footprint/aggregator.sock \
		--env FOOTPRINT_APP="$name" --env FOOTPRINT_VERSION=1 \
		"${options[@]}" "$image" "$@" >"$work/output" 2>&1
}

# watched_as NAME OPTION...: the program is started by footprint-supervise, as by an ENTRYPOINT
watched_as() {
	local name=$1
	shift

	in_container "$name" "$@" -- /opt/footprint/footprint-supervise -- /bin/program /tmp
	assert_equal "$name: status" 0 $?
	assert_contains "$name: output" '^done$' "$work/output"
	names+=("$name")
}

names=()
aggregator_start
watched_as root
watched_as nobody --user 65534:65534
watched_as without-capabilities --user 65534:65534 --cap-drop all --security-opt no-new-privileges
for user in 0 65534; do
	name=shell-$user
	in_container "$name" --user "$user" -- /bin/dash -c \
		'/bin/program /tmp && /bin/busybox cat /etc/passwd'
	assert_equal "$name: status" 0 $?
	assert_contains "$name: output" '^nobody' "$work/output"
	names+=("$name")
done
in_container turned-off --env FOOTPRINT_SUPERVISE=0 -- /opt/footprint/footprint-supervise \
	/bin/program /tmp
assert_equal "turned off: status" 0 $?
aggregator_stop
for name in "${names[@]}"; do
	manifest=$manifests/$name@1.footprint
	assert_fact "$name: complete" '.complete and .gaps == []'
	assert_fact "$name: supervised" \
		'[.executables[] | select(.path == "/bin/program") | .watched] == ["supervised"]'
	assert_files "$name" /etc/hostname /etc/apt /etc/passwd /tmp/a/renamed /tmp/link
	assert_fact "$name: its addresses" \
		'[.endpoints[].address] | index("127.0.0.1:1") != null and index("unix:/tmp/socket") != null'
	assert_fact "$name: what it started, and its own" \
		'[.executables[].path] - ["/bin/program", "/bin/busybox", "/bin/dash"] == []'
done
manifest=$manifests/turned-off@1.footprint
assert_fact "turned off: a gap" \
	'[.gaps[] | [.kind, .path]] == [["static-program", "/bin/program"]] and (.complete | not)'
assert_fact "turned off: not watched" '[.executables[].watched] == ["none"]'
finish
