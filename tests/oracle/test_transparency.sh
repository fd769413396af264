#!/bin/bash
# Regression tests of CPython, perl and Tcl and a script of redirections: the same outcomes bare and watched.
# The redirections alone in the short form, with the modules of CPython about processes and descriptors in
# continuous integration. The long form takes a quarter of an hour and needs root: it installs
# the tests of CPython, and fetches those of perl and Tcl with the sources of Debian's packages.
# time-limit: 1800
. "$(dirname "$0")/begin.sh"
if [ -z "${FOOTPRINT_TEST_LONG:-}" ] || [ "$(id -u)" -ne 0 ]; then
	exec tests/oracle/transparency bash-redirections
fi
version=$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
packages="libpython$version-testsuite"
suites="bash-redirections test_os test_posix test_subprocess test_signal"
if [ "$FOOTPRINT_TEST_LONG" = 1 ]; then
	packages="$packages perl tcl8.6"
	suites= # all
fi
for package in $packages; do
	dpkg-query -W "$package" >/dev/null 2>&1 || {
		apt-get update -qq
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			-o DPkg::Lock::Timeout=600 "$package"
	}
done
# shellcheck disable=SC2086 # a list of names
exec tests/oracle/transparency $suites
