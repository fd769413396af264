#!/bin/bash
# time-limit: 420
# A static program in an image that has the supervisor beside the library, as the README's Dockerfile.
. "$(dirname "$0")/container.sh"
needs busybox

ended() {
	[ "$(podman inspect --format '{{.State.Status}}' "$container")" = exited ]
}

images nginx
aggregator_start
container_start static nginx --volume "$(command -v busybox):/srv/busybox:ro" -- \
	sh -c '/srv/busybox cat /etc/debian_version; exit 3'
wait_for ended
assert_equal "status of the container" 3 "$(podman inspect --format '{{.State.ExitCode}}' "$container")"
aggregator_stop
manifest=$manifests/nginx@1.22.footprint
assert_fact "complete" '.complete and .gaps == []'
assert_fact "supervised" '[.executables[] | select(.path == "/srv/busybox") | .watched] == ["supervised"]'
assert_fact "what it read" \
	'any(.files[]; .path == "/etc/debian_version" and .by == ["/srv/busybox"] and (.access | index("read")))'
finish
