#!/bin/sh
# Every workload under three locales, and those that exist there on other Debian releases and musl.
# It takes minutes, and root to install packages: only with FOOTPRINT_TEST_LONG=1.
# time-limit: 1500
set -eu
cd "$(dirname "$0")/../.."
export BUILD="${BUILD:-build}"
if [ "${FOOTPRINT_TEST_LONG:-}" != 1 ] || [ "$(id -u)" -ne 0 ]; then
	echo "takes minutes and root: FOOTPRINT_TEST_LONG=1"
	exit 77
fi
failed=0
judge() {
	echo "== $*"
	tests/oracle/run "$@" || failed=1
}
judge --locale C.UTF-8 --json "$BUILD/oracle-host.json"
judge --locale C
judge --locale de_DE.UTF-8
judge --suite bullseye --json "$BUILD/oracle-bullseye.json"
judge --suite trixie --json "$BUILD/oracle-trixie.json"
judge --suite musl
exit $failed
