#!/bin/sh
# Twenty runs of each repeatable workload give the same manifest but for times and host; eight in
# continuous integration, three in the short form.
# time-limit: 600
. "$(dirname "$0")/begin.sh"
case "${FOOTPRINT_TEST_LONG:-}" in
1) exec tests/oracle/determinism --install 20 ;;
ci) exec tests/oracle/determinism --install 8 ;;
*) exec tests/oracle/determinism 3 ;;
esac
