#!/bin/bash
# The same facts give the same bytes: sessions that arrive in any order, or twice, and manifests
# merged in any order.
. "$(dirname "$0")/../lib.sh"
needs protoc zstd
declare -i ORDERS=6
mkdir -p "$work/run" "$work/data"
touch "$work"/data/{0..9}
compile opener

# The records of several programs, in the spool because nobody listens.
for i in {0..9}; do
	"${watched[@]}" "$work/opener" "$work/data" "$i" 1 >/dev/null
done
"${watched[@]}" sh -c 'ls /etc | sort | head -n 1; cat /etc/passwd /etc/none; exec getent group root' \
	>/dev/null 2>&1
"${watched[@]}" python3 -c 'import json, subprocess; subprocess.run(["id"])' >/dev/null
file=$spool/records.$(id -u)
[ -s "$file" ] || die "no spool file"
cp "$file" "$work/spooled"
rm "$file"

# deliver FILE NAME: gives the spool file to a new aggregator; its manifest becomes $work/NAME.footprint
deliver() {
	rm -rf "$manifests"
	cp "$1" "$file"
	chmod 600 "$file"
	aggregator_start
	wait_for settled
	aggregator_stop
	mv "$manifest" "$work/$2.footprint" || die "no manifest of $2"
}

# same NAME: has the same bytes as the first manifest
same() {
	cmp "$work/$1.footprint" "$work/first.footprint" || fail "$1 gives other bytes"
}

shuffle() {
	python3 "$top/tests/integration/shuffle_spool.py" "$@" || die "cannot shuffle"
}

deliver "$work/spooled" first
assert_equal "files in the manifest" 10 "$(files_used "$work/first.footprint" | grep -c /data/)"
for ((seed = 1; seed <= ORDERS; seed++)); do
	shuffle "$work/spooled" "$work/shuffled" $seed
	deliver "$work/shuffled" "order$seed"
	same order$seed
done
cat "$work/shuffled" "$work/spooled" >"$work/twice"
deliver "$work/twice" twice
same twice

# ---- merge, of manifests of different programs
cd "$work" || exit 1
for program in 'cat /etc/passwd' 'ls /etc' 'id'; do
	# shellcheck disable=SC2086 # words
	"$footprint" run --app app --app-version 1 -o "${program%% *}.footprint" -- $program >/dev/null 2>&1
done
merge() {
	"$footprint" merge -o "$@" || fail "merge of $*"
}
merge abc.footprint cat.footprint ls.footprint id.footprint
merge cba.footprint id.footprint ls.footprint cat.footprint
merge bc.footprint ls.footprint id.footprint
merge a-bc.footprint cat.footprint bc.footprint
merge again.footprint abc.footprint abc.footprint cat.footprint
for other in cba a-bc again; do
	cmp abc.footprint $other.footprint || fail "merged as $other, the bytes differ"
done
assert_equal "files of the merged" \
	"$(for one in cat ls id; do files_used $one.footprint; done | sort -u)" "$(files_used abc.footprint)"
finish
