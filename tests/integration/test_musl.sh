#!/bin/bash
# A program with another libc under the same library: musl's own opens, and the glibc program that it starts.
. "$(dirname "$0")/../lib.sh"
needs musl-gcc readelf
CC=musl-gcc compile musl_opener
cd "$work" || exit 1
interpreter=$(readelf -lW musl_opener | sed -n 's/.*interpreter: \(.*\)]/\1/p')
[ -n "$interpreter" ] || die "musl_opener is static"
echo one >one
echo two >two

"$footprint" run -o out.footprint -- ./musl_opener "$PWD/one" "$PWD/two" >output 2>errors
assert_equal "exit status" 0 $?
assert_equal "output" two "$(cat output)"
strace -f -qq -e trace=open,openat -o trace ./musl_opener "$PWD/one" "$PWD/two" >/dev/null
assert_contains "musl opens the password file itself" '/etc/passwd' trace

for path in "$PWD/one" "$PWD/two" /etc/passwd; do
	assert_fact "$path by the musl program" "[.files[] | select(.path == \"$path\") | .by[]] |
		index(\"$(realpath musl_opener)\") != null" out.footprint
done
assert_fact "its dynamic linker" "[.executables[] | select(.path == \"$(realpath musl_opener)\") |
	.interpreter] == [\"$interpreter\"]" out.footprint
assert_fact "the program it executed" "[.executables[] | select(.path == \"$(realpath musl_opener)\") |
	.executes[]] == [\"$(realpath /bin/cat)\"]" out.footprint
assert_fact "complete" '.complete' out.footprint
finish
