#!/bin/sh
# The light workloads, judged by strace: recall and precision of every category reach the bars.
# time-limit: 180
. "$(dirname "$0")/begin.sh"
if [ -n "${FOOTPRINT_TEST_LONG:-}" ] && [ "$(id -u)" -eq 0 ]; then
	echo "test_oracle_full.sh runs them with the others"
	exit 77
fi
tests/oracle/run --quick --no-install --locale C.UTF-8
