#!/bin/sh
# Twenty runs of each repeatable workload give the same manifest but for times and host; three in the
# short form.
# time-limit: 600
set -eu
cd "$(dirname "$0")/../.."
export BUILD="${BUILD:-build}"
if ! python3 -c 'import json, tomllib' 2>/dev/null; then
	echo "python3 (3.11 or later) is missing"
	exit 77
fi
if [ "${FOOTPRINT_TEST_LONG:-}" = 1 ]; then
	exec tests/oracle/determinism --install 20
fi
exec tests/oracle/determinism 3
