#!/bin/bash
# time-limit: 420
# nginx on bookworm and on bullseye, as their packages set them up.
. "$(dirname "$0")/container.sh"

requests() {
	wait_for answers http://127.0.0.1/
	fetch http://127.0.0.1/ >"$work/page"
	assert_contains "the page" 'Welcome to nginx' "$work/page"
	inside curl --silent --output /dev/null http://127.0.0.1/none
}

check nginx nginx@1.22
check nginx-bullseye nginx@1.18
assert_fact "the page it served, by nginx" '[.files[] | select(.path | endswith("index.nginx-debian.html")) |
	.by] == [["/usr/sbin/nginx"]]' "$manifests/nginx@1.22.footprint"
assert_fact "the address it listens on" \
	'[.endpoints[] | select(.operation == "bind") | .address] | index("0.0.0.0:80") != null' \
	"$manifests/nginx@1.22.footprint"
finish
