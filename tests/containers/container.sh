# shellcheck shell=bash disable=SC2034 # much of this is for whoever sources it
# What the container tests share. Each container has mount, pid and network namespaces of its own; the
# folder of the aggregator's socket is all it shares. Programs drive a server from within its network.
#
# A test defines `requests`, which waits until the server answers and then uses it, and calls
# `watch IMAGE` and `judge IMAGE`. See test_nginx.sh.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
needs podman runc nsenter strace python3
[ "$(id -u)" -eq 0 ] || skip "needs root to enter the network of a container"

declare -ri IMAGE_LIMIT=300 # seconds to make an image, its base included
examine=$top/tests/containers/examine.py
container=
process= # its first one, as seen from here
declare -a containers=()

remove_containers() {
	[ ${#containers[@]} -eq 0 ] ||
		podman rm --force --time 0 --volumes "${containers[@]}" >/dev/null 2>&1
}
at_end+=(remove_containers)

# images NAME...: makes tests/images/NAME; its name for podman is footprint-test-NAME
images() {
	timeout $IMAGE_LIMIT "$top/tests/images/build" "$@" >/dev/null || die "cannot build images: $*"
}

# container_start NAME IMAGE [PODMAN-OPTION...] [-- COMMAND...]
container_start() {
	local image=footprint-test-$2
	local -a options=()

	container=footprint-test-$$-$1
	shift 2
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	containers+=("$container")
	podman --runtime runc run --detach --name "$container" --network=none \
		--ulimit nofile=10000:10000 --ulimit nproc=10000:10000 \
		--volume "$work/run:/run/footprint" "${options[@]}" "$image" "$@" >/dev/null ||
		die "cannot run $image"
	process=$(podman inspect --format '{{.State.Pid}}' "$container")
}

# container_stop: in an orderly way; says what the server said when it does not end by itself
container_stop() {
	podman stop --time 10 "$container" >/dev/null 2>&1 || die "cannot stop $container"
	[ "$(podman inspect --format '{{.State.ExitCode}}' "$container")" != 137 ] ||
		fail "$container had to be killed: $(podman logs "$container" 2>&1 | tail -n 5)"
}

# inside COMMAND...: a program of this machine in the container's network
inside() {
	nsenter --net --target "$process" -- "$@"
}

# answers URL: an HTTP answer, whatever its status
answers() {
	[ -d "/proc/$process" ] || die "$container ended: $(podman logs "$container" 2>&1 | tail -n 5)"
	inside curl --silent --output /dev/null "$1"
}

# fetch URL: the page, or a failure
fetch() {
	inside curl --silent --show-error --fail "$1" || fail "cannot fetch $1"
}

# watch IMAGE [PODMAN-OPTION...]: the image as it is, under requests, with an aggregator here
watch() {
	local image=$1
	shift

	images "$image"
	[ -n "$aggregator" ] || aggregator_start
	container_start "$image" "$image" "$@"
	requests
	container_stop
}

# command_of IMAGE: its CMD, a word a line
command_of() {
	podman image inspect --format '{{range .Config.Cmd}}{{println .}}{{end}}' "footprint-test-$1" |
		grep .
}

# trace IMAGE [PODMAN-OPTION...]: once more, bare and under the image's own strace, with the same
# requests. The first process is strace here, so the server is told to end by its own pid.
trace() {
	local image=$1 server
	local -a command flags
	shift

	readarray -t command < <(command_of "$image")
	readarray -t flags < <("$examine" flags)
	mkdir -p "$work/trace"
	chmod 777 "$work/trace"
	container_start "$image-traced" "$image" --cap-add SYS_PTRACE --env LD_PRELOAD= \
		--volume "$work/trace:/trace" "$@" -- strace "${flags[@]}" -o "/trace/$image" \
		-E LD_PRELOAD "${command[@]}"
	requests
	read -r server _ <"/proc/$process/task/$process/children"
	kill -TERM "$server"
	wait_for gone "$process"
}

# root_of CONTAINER: its file system, as a folder here
root_of() {
	podman mount "$1"
}

# judge_accesses IMAGE MANIFEST: the manifest against the trace
judge_accesses() {
	local root directory

	root=$(root_of "$container") || die "cannot mount $container"
	directory=$(podman image inspect --format '{{.Config.WorkingDir}}' "footprint-test-$1")
	"$footprint" show --json "$2" >"$work/said.json" || fail "cannot show $2"
	"$examine" accesses "$work/said.json" "$work/trace/$1" "$root" \
		"${directory:-/}" ||
		fail "$1: the manifest is not what strace saw"
}

# judge_attributes IMAGE MANIFEST: digests, modes and owners against the files of the container that
# was watched, packages against the container's own dpkg
judge_attributes() {
	local root

	root=$(root_of "footprint-test-$$-$1") || die "cannot mount the watched container"
	"$footprint" show --json "$2" >"$work/said.json" || fail "cannot show $2"
	"$examine" paths "$work/said.json" |
		podman --runtime runc run --rm --interactive --network=none --user root --env LD_PRELOAD= \
			--ulimit nofile=10000:10000 --ulimit nproc=10000:10000 "footprint-test-$1" \
			xargs -d '\n' dpkg-query --search >"$work/packages" 2>"$work/unpackaged"
	"$examine" attributes "$work/said.json" "$root" "$work/packages" ||
		fail "$1: files are not as the manifest says"
}

# check IMAGE APP@VERSION [PODMAN-OPTION...]: all of it
check() {
	local image=$1 manifest=$manifests/$2.footprint
	shift 2

	watch "$image" "$@"
	aggregator_stop
	aggregator=
	assert_fact "$image: complete" '.complete and .gaps == []' "$manifest"
	judge_attributes "$image" "$manifest"
	trace "$image" "$@"
	judge_accesses "$image" "$manifest"
}
