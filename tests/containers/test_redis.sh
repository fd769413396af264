#!/bin/bash
# time-limit: 420
# redis on bookworm, as a user who is not root, and on trixie.
. "$(dirname "$0")/container.sh"
needs redis-cli

redis() {
	inside redis-cli -h 127.0.0.1 "$@"
}

answers_ping() {
	[ -d "/proc/$process" ] || die "$container ended: $(podman logs "$container" 2>&1 | tail -n 5)"
	[ "$(redis PING 2>&1)" = PONG ]
}

requests() {
	wait_for answers_ping
	assert_equal "SET" OK "$(redis SET key value)"
	assert_equal "GET" value "$(redis GET key)"
	assert_equal "SAVE" OK "$(redis SAVE)"
	assert_equal "INCR" 1 "$(redis INCR counter)"
}

check redis redis@7.0
check redis-trixie redis@8.0
for version in 7.0 8.0; do
	assert_fact "the database is written under another name and renamed" \
		'[.files[] | select(.path == "/var/lib/redis/dump.rdb") | .access[]] | index("rename") != null' \
		"$manifests/redis@$version.footprint"
done
assert_equal "the user of the watched container" redis \
	"$(podman image inspect --format '{{.Config.User}}' footprint-test-redis)"
finish
