#!/bin/sh
# Twenty runs of each repeatable workload give the same manifest but for times and host; three in the
# short form.
# time-limit: 300
set -eu
cd "$(dirname "$0")/../.."
export BUILD="${BUILD:-build}"
if ! python3 -c 'import json, tomllib' 2>/dev/null; then
	echo "python3 (3.11 or later) is missing"
	exit 77
fi
runs=3
[ "${FOOTPRINT_TEST_LONG:-}" != 1 ] || runs=20
tests/oracle/determinism $runs
