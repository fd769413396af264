#!/bin/sh
# Dependencies run one way: supervise -> preload -> proto; aggregator, tools -> lib -> proto.
set -eu
cd "$(dirname "$0")/../.."
status=0

# allow FOLDER PATTERN...: the project's own includes in FOLDER must begin with one of these.
allow() {
    folder=$1
    shift
    [ -d "$folder" ] || return 0
    allowed=$(printf '|%s' "$@")
    wrong=$(grep -rnE '^[[:space:]]*#[[:space:]]*include "' "$folder" --include='*.[chS]' --include='*.def' |
        grep -vE "include \"(${allowed#|})" || true)
    if [ -n "$wrong" ]; then
        echo "$folder includes what it must not:"
        echo "$wrong"
        status=1
    fi
}

allow preload preload/ proto/
allow proto proto/
allow lib lib/ proto/
allow aggregator aggregator/ lib/ proto/
allow tools tools/ lib/ proto/
allow supervise supervise/ preload/ proto/

# An include without a folder would not be checked by the patterns above.
grep -rnE '#[[:space:]]*include "[^/"]+"' preload proto lib aggregator tools supervise \
    --include='*.[chS]' && { echo "includes name their folder: \"lib/base/error.h\""; status=1; }
exit $status
