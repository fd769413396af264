#!/bin/bash
# Regression tests of CPython, perl and Tcl and a script of redirections: the same outcomes bare and watched.
# The redirections alone in the short form. The long form takes some minutes and needs root: it installs
# the tests of CPython, and fetches those of perl and Tcl with the sources of Debian's packages.
# time-limit: 1800
set -eu
cd "$(dirname "$0")/../.."
export BUILD="${BUILD:-build}"
if ! python3 -c 'import json, tomllib' 2>/dev/null; then
	echo "python3 (3.11 or later) is missing"
	exit 77
fi
if [ "${FOOTPRINT_TEST_LONG:-}" != 1 ] || [ "$(id -u)" -ne 0 ]; then
	exec tests/oracle/transparency bash-redirections
fi
version=$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
for package in "libpython$version-testsuite" perl tcl8.6; do
	dpkg-query -W "$package" >/dev/null 2>&1 ||
		apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=600 "$package"
done
exec tests/oracle/transparency
