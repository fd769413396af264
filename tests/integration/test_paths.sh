#!/bin/bash
# Files that are named in every way: relative, by descriptor, through links, deep, odd, in a chroot.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 1
mkdir files
python3 "$top/tests/integration/paths.py" files prepare || die "cannot make the files"
"$footprint" run -o out.footprint -- python3 "$top/tests/integration/paths.py" files >expected 2>errors
assert_equal "exit status" 0 $?
[ -s expected ] || die "$(cat errors)"

facts '(.files[] | .path as $path | .access[] | "\(.) \($path)"), (.missing[] | "missing \(.path)")' \
	out.footprint | grep -F "$(realpath files)/" | sort -u >said
sort -u expected | comm -23 - said >absent
[ ! -s absent ] || fail "not in the manifest:
$(cat absent)"
assert_fact "complete" '.complete' out.footprint
# Names that do not fit into a line of text are distinguished nevertheless.
assert_fact "a name with a new line" '[.files[].path | select(endswith("/e/new\nline"))] | length == 1' \
	out.footprint
finish
