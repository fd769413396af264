#!/bin/bash
# footprint-supervise from the command line. It has no libc, but answers like programs that have one.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 1
supervise=$BUILD/footprint-supervise

for option in --help -h; do
	"$supervise" $option >output 2>errors
	assert_equal "status of $option" 0 $?
	assert_equal "its first word" Usage: "$(head -c 6 output)"
	assert_equal "on stderr" "" "$(cat errors)"
done
version=$("$footprint" --version | cut -d ' ' -f 2)
for option in --version -V; do
	assert_equal "$option" "footprint-supervise $version" "$("$supervise" $option)"
done
"$supervise" --help >/dev/full
assert_equal "status when nobody can read it" 1 $?

# ---- wrong command lines
refused() {
	local why=$1

	shift
	"$supervise" "$@" >output 2>errors
	assert_equal "status of: $*" 2 $?
	assert_equal "complaint" "footprint-supervise: $why; see 'footprint-supervise --help'" "$(cat errors)"
	assert_equal "output" "" "$(cat output)"
}
refused "no program given"
refused "no program given" --
refused "--bogus: no such option" --bogus

# ---- programs
assert_equal "what it executes" "a b" "$("$supervise" echo a b)"
assert_equal "options behind --" "-V" "$("$supervise" -- echo -V)"
"$supervise" -- sh -c 'exit 7'
assert_equal "the program's status" 7 $?
"$supervise" nosuch-program 2>errors
assert_equal "status of a program that is not there" 127 $?
"$supervise" /etc/passwd 2>errors
assert_equal "status of what is no program" 126 $?
# Folders are no programs, and an empty name in PATH means the current folder.
mkdir -p folder/program found
cp "$(type -P true)" found/program
PATH=folder:found assert_status 0 "$supervise" program
cd found || exit 1
for path in none: :none none::none ""; do
	PATH=$path assert_status 0 "$supervise" program
done
PATH=.. assert_status 127 "$supervise" program 2>errors
finish
