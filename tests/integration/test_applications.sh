#!/bin/bash
# Many applications and versions at once: a manifest each, under a name that stays in its folder.
. "$(dirname "$0")/../lib.sh"
mkdir -p "$work/data"
echo one >"$work/data/one"
data=$(realpath "$work/data")

aggregator_start
for name in shop till; do
	for number in 1 2 3; do
		touch "$data/$name.$number"
		"${watched[@]}" FOOTPRINT_APP=$name FOOTPRINT_VERSION=$number cat "$data/$name.$number" &
	done
done
# shellcheck disable=SC2046 # process ids
wait $(jobs -p | grep -vx "$aggregator")
# Names that are not safe as file names.
for name in '../escaped' '/etc/escaped' '..' 'a b' $'new\nline' 'with@sign' "$(printf 'x%.0s' {1..300})" \
	$'\xff\xfe'; do
	"${watched[@]}" FOOTPRINT_APP="$name" FOOTPRINT_VERSION=1 cat "$data/one" >/dev/null
	assert_equal "status as application '$name'" 0 $?
done
# And processes without a name, for which the aggregator chooses one.
env LD_PRELOAD="$preload" FOOTPRINT_SOCKET="$socket" cat "$data/one" >/dev/null
aggregator_stop

for name in shop till; do
	for number in 1 2 3; do
		one=$manifests/$name@$number.footprint
		assert_fact "$name $number has its name" \
			".app == \"$name\" and .version == \"$number\"" "$one"
		assert_equal "data files of $name $number" "$data/$name.$number" \
			"$(files_used "$one" | grep "^$data/")"
	done
done
assert_fact "names of an unnamed program" '.app == "cat" and .version == "unversioned"' \
	"$manifests/cat@unversioned.footprint"
assert_equal "manifests outside their folder" "" \
	"$(find "$work" -name '*.footprint' -not -path "$manifests/*"; find "$manifests" -mindepth 2)"
assert_equal "odd names in the folder" "" "$(find "$manifests" -name '*[^-A-Za-z0-9._@]*')"
count=$(find "$manifests" -name '*.footprint' | wc -l)
[ "$count" -ge 8 ] || fail "only $count manifests"
for one in "$manifests"/*; do
	"$footprint" show --json "$one" | jq -e .app >/dev/null || fail "not readable: $one"
done
finish
