#!/bin/sh
# Every workload under three locales, those of musl, and the light ones on other Debian releases;
# FOOTPRINT_ORACLE_ALL=1: all of them there too, which installs a hundred packages in each. In continuous
# integration (FOOTPRINT_TEST_LONG=ci) the light ones alone under other locales.
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
judge --locale C.UTF-8 --json "$BUILD/oracle-host.json"
others=
[ "$FOOTPRINT_TEST_LONG" != ci ] || others=--quick
judge --locale C $others
judge --locale de_DE.UTF-8 $others
judge --suite musl
selection=--quick
[ "${FOOTPRINT_ORACLE_ALL:-}" != 1 ] || selection=
judge --suite bullseye $selection --json "$BUILD/oracle-bullseye.json"
judge --suite trixie $selection --json "$BUILD/oracle-trixie.json"
exit $failed
