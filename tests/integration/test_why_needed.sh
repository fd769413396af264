#!/bin/bash
# Which library needs which, where only the process knows where these are: by LD_LIBRARY_PATH, or by the
# RPATH of the program for what its plugins need. The dynamic linker (LD_DEBUG) is the judge.
. "$(dirname "$0")/../lib.sh"
needs gcc
cd "$work" || exit 1

mkdir lib
echo 'int f;' >library.c
cat >program.c <<'END'
#include <dlfcn.h>
int main(int argc, char **argv)
{
	return argc > 1 && !dlopen(argv[1], RTLD_NOW);
}
END
build() {
	gcc -shared -o lib/libdeep.so.1 library.c -Wl,-soname,libdeep.so.1 &&
		gcc -shared -o lib/libmiddle.so library.c -Wl,--no-as-needed lib/libdeep.so.1 &&
		gcc -shared -o lib/plugin.so library.c -Wl,--no-as-needed -Llib -lmiddle -Wl,-rpath-link,lib &&
		gcc -o plain program.c -ldl &&
		gcc -o with_rpath program.c -ldl -Wl,--disable-new-dtags,-rpath,"$PWD/lib" &&
		gcc -o linked program.c -ldl -Wl,--no-as-needed -Llib -lmiddle -Wl,-rpath-link,lib
}
build || die "cannot build"

# needs_judged COMMAND...: "NEEDER NEEDED" for each of our libraries, as the dynamic linker says
needs_judged() {
	LD_DEBUG=files "$@" 2>&1 |
		sed -n 's/.*file=\([^ ]*\) \[0\];  needed by \([^ ]*\) .*/\2 \1/p' | sed 's,[^ ]*/,,g' |
		grep -e libmiddle -e libdeep | sort
}

# needs_explained FILE: the same from `footprint why`
needs_explained() {
	local name

	for name in libmiddle.so libdeep.so.1; do
		"$footprint" why "$1" $name | tail -n 2 | sed 's,.*/,,' | paste -sd ' '
	done | sort
}

# assert_explained LIBRARY_PATH COMMAND...
assert_explained() {
	local path=$1
	shift

	LD_LIBRARY_PATH=$path needs_judged "$@" >judged
	assert_equal "what the judge knows of $*" 2 "$(wc -l <judged)"
	LD_LIBRARY_PATH=$path "$footprint" run -o out.footprint -- "$@" >/dev/null 2>&1
	needs_explained out.footprint >explained
	assert_same_text "what needs the libraries of $*" judged explained
}

assert_explained lib ./linked
assert_explained lib ./plain lib/plugin.so
assert_explained '' ./with_rpath lib/plugin.so

# A preloaded library is needed by nobody.
LD_PRELOAD=$PWD/lib/libdeep.so.1 "$footprint" run -o out.footprint -- ./plain >/dev/null 2>&1
"$footprint" why out.footprint libdeep.so.1 | tail -n 1 >explained
assert_equal "how a preloaded library is explained" "which loaded" "$(sed 's/^ *//;s/  .*//' explained)"
finish
