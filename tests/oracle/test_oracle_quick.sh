#!/bin/sh
# The light workloads, judged by strace: recall and precision of every category reach the bars.
# time-limit: 180
set -eu
cd "$(dirname "$0")/../.."
export BUILD="${BUILD:-build}"
if ! python3 -c 'import json, tomllib' 2>/dev/null; then
	echo "python3 (3.11 or later) is missing"
	exit 77
fi
if [ -n "${FOOTPRINT_TEST_LONG:-}" ] && [ "$(id -u)" -eq 0 ]; then
	echo "test_oracle_full.sh runs them with the others"
	exit 77
fi
tests/oracle/run --quick --no-install --locale C.UTF-8
