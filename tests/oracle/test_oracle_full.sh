#!/bin/sh
# Every workload under three locales, those of musl, and the light ones on other Debian releases;
# FOOTPRINT_ORACLE_ALL=1: all of them there too, which installs a hundred packages in each. In continuous
# integration (FOOTPRINT_TEST_LONG=ci) all but the heavy ones, and the light ones alone under one other locale.
# It takes minutes, and root to install packages. Only what misses a bar is named, so that the end
# of the output, which is what a failed test shows, says all of it.
# time-limit: 1500
set -eu
cd "$(dirname "$0")/../.."
export BUILD="${BUILD:-build}"
if [ -z "${FOOTPRINT_TEST_LONG:-}" ] || [ "$(id -u)" -ne 0 ]; then
	echo "takes minutes and root: FOOTPRINT_TEST_LONG=1"
	exit 77
fi
failed=0
judge() {
	echo "== $*"
	tests/oracle/run --brief "$@" || failed=1
}
if [ "$FOOTPRINT_TEST_LONG" = ci ]; then
	judge --locale C.UTF-8 --no-heavy --json "$BUILD/oracle-host.json"
	judge --locale de_DE.UTF-8 --quick
else
	judge --locale C.UTF-8 --json "$BUILD/oracle-host.json"
	judge --locale C
	judge --locale de_DE.UTF-8
fi
judge --suite musl
selection=--quick
[ "${FOOTPRINT_ORACLE_ALL:-}" != 1 ] || selection=
judge --suite bullseye $selection --json "$BUILD/oracle-bullseye.json"
judge --suite trixie $selection --json "$BUILD/oracle-trixie.json"
exit $failed
