#!/bin/sh
# Twenty runs of each repeatable workload give the same manifest but for times and host; three in the
# short form.
# time-limit: 600
. "$(dirname "$0")/begin.sh"
if [ "${FOOTPRINT_TEST_LONG:-}" = 1 ]; then
	exec tests/oracle/determinism --install 20
fi
exec tests/oracle/determinism 3
