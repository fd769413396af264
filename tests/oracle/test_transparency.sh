#!/bin/bash
# CPython's own regression tests and a script of redirections: the same outcomes bare and watched.
# The redirections alone in the short form; FOOTPRINT_ORACLE_ALL=1: with the modules that take long.
# time-limit: 1800
set -eu
cd "$(dirname "$0")/../.."
export BUILD="${BUILD:-build}"
if ! python3 -c 'import json, tomllib' 2>/dev/null; then
	echo "python3 (3.11 or later) is missing"
	exit 77
fi
if [ "${FOOTPRINT_TEST_LONG:-}" != 1 ]; then
	exec tests/oracle/transparency bash-redirections
fi
if ! /usr/bin/python3 -c 'import test.test_os' 2>/dev/null; then
	[ "$(id -u)" -eq 0 ] || { echo "the test suite of python3 is missing"; exit 77; }
	version=$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
	apt-get install -y -qq --no-install-recommends "libpython$version-testsuite"
fi
if [ "${FOOTPRINT_ORACLE_ALL:-}" = 1 ]; then
	exec tests/oracle/transparency
fi
exec tests/oracle/transparency bash-redirections test_os test_posix test_subprocess test_socket \
	test_signal test_threading test_mmap test_shutil test_tempfile test_ssl
