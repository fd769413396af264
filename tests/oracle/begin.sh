# shellcheck shell=sh
# How the oracle's tests begin: in the top folder, with BUILD, and only if python3 is new enough.
set -eu
cd "$(dirname "$0")/../.."
export BUILD="${BUILD:-build}"
if ! python3 -c 'import json, tomllib' 2>/dev/null; then
	echo "python3 (3.11 or later) is missing"
	exit 77
fi
