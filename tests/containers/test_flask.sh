#!/bin/bash
# time-limit: 420
# A Python web application: a template, a database, a subprocess and a resolved name.
. "$(dirname "$0")/container.sh"
url=http://127.0.0.1:8080

requests() {
	wait_for answers $url/none
	assert_equal "template" '<h1>Hello footprint</h1>' "$(fetch $url/)"
	assert_equal "database" 1 "$(fetch $url/count)"
	fetch $url/sort >"$work/page"
	assert_contains "subprocess" '/bin/sh' "$work/page"
	assert_contains "name" '^(::1|127.0.0.1)$' <(fetch $url/resolve)
}

check flask flask@2.2
manifest=$manifests/flask@2.2.footprint
assert_fact "the subprocess, started by Python" '[.executables[] | select(.path | test("/python3")) |
	.executes[]] | index("/usr/bin/sort") != null' "$manifest"
assert_fact "sqlite came by dlopen" \
	'[.libraries[] | select(.path | test("/_sqlite3.*[.]so")) | .loaded] | index("dlopen") != null' "$manifest"
assert_fact "the template, read by Python" '[.files[] | select(.path == "/srv/app/templates/index.html") |
	.access[]] | index("read") != null' "$manifest"
finish
