#!/bin/bash
# Programs with the library of which it does not see everything: they run as without it, what it sees is in
# the manifest, and the rest is a gap.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 1
here=$(realpath "$work")
echo hello >file

# gaps WHAT KIND [PATH]...: all gaps of out.footprint have this kind, and these paths
gaps() {
	local what=$1 kind=$2 wanted found
	shift 2
	wanted=$(printf '%s\n' "$@" | sort)
	found=$("$footprint" show --json out.footprint |
		jq -r '.gaps[] | if .kind == "'"$kind"'" then .path // "" else . end' | sort)
	assert_equal "gaps ($kind) of $what" "$wanted" "$found"
	assert_fact "$what" '.complete | not' out.footprint
}

run() {
	"$footprint" run -o out.footprint -- "$@" 2>errors
}

# ---- an auditor of ld.so's, which has a libc of its own
echo 'unsigned la_version(unsigned version) { return version; }' >auditor.c
gcc -shared -fPIC -o auditor.so auditor.c || die "cannot compile auditor.c"
run env LD_AUDIT="$here/auditor.so" cat file >watched
assert_same_text "output under an auditor" file watched
gaps "an auditor" sites "$(realpath "$(command -v cat)")"

# ---- a plugin in a namespace of its own, which has a libc of its own, and one that needs none
cat >space.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
int main(int argc, char **argv)
{
	void *plugin = dlmopen(LM_ID_NEWLM, argv[1], RTLD_NOW);
	void (*use)(const char *) = plugin ? (void (*)(const char *))dlsym(plugin, "use") : NULL;
	return !use || (use(argv[2]), 0);
}
END
echo '#include <stdio.h>
void use(const char *path) { puts(fopen(path, "r") ? "read" : "not there"); fflush(NULL); }' >plugin.c
echo 'void use(const char *path) { (void)path; }' >idle.c
gcc -o space space.c || die "cannot compile space.c"
gcc -shared -fPIC -o plugin.so plugin.c || die "cannot compile plugin.c"
gcc -shared -fPIC -nostdlib -o idle.so idle.c || die "cannot compile idle.c"
run ./space "$here/plugin.so" file >watched
assert_equal "output of a plugin" read "$(cat watched)"
gaps "a plugin in a namespace of its own" sites "$here/plugin.so"
run ./space "$here/idle.so" file
assert_fact "nothing is amiss with a plugin without a libc" '.complete and any(.libraries[]; .path == "'"$here/idle.so"'")' out.footprint

# ---- code that may not be written: the hooks go on
gcc -o refuse "$top/tests/integration/refuse.c" || die "cannot compile refuse.c"
linker=$(readelf -lW refuse | sed -n 's/.*interpreter: \(.*\)].*/\1/p')
program='exec 2>&1; cat file none; ls -l | wc -l; getent passwd root; python3 -c "import ctypes, ssl; print(1)"'
touch bare watched errors out.footprint
bash -c "$program" >bare
run true # libc's code is mapped from here on, ld.so's is written
unwritten=$(realpath "$linker")
# Since glibc 2.41, cancellable calls go through one function, and no mapped page redirects its callers.
libc=$(ldd refuse | sed -n 's/.* => \(.*libc\.so\.6\) .*/\1/p')
version=$(getconf GNU_LIBC_VERSION)
[ "$(printf '%s\n' 2.41 "${version#glibc }" | sort -V | head -n 1)" != 2.41 ] ||
	unwritten+=$'\n'$(realpath "$libc")
for way in mdwe systemd selinux; do
	./refuse $way true
	[ $? -ne 77 ] || { echo "this kernel cannot refuse like $way, left out"; continue; }
	run ./refuse $way bash -c "$program" >watched
	assert_same_text "output where code may not be written ($way)" bare watched
	gaps "code that may not be written ($way)" sites "$unwritten"
	assert_fact "the hooks go on ($way)" \
		"any(.files[]; .path == \"$here/file\" and (.access | index(\"read\")))" out.footprint
	assert_fact "and what is not there ($way)" "any(.missing[]; .path == \"$here/none\")" out.footprint
done

# ---- a filter that kills for one of the calls that our start makes: then nothing of ours starts below it.
# strace says which calls these are.
needs strace
# calls_of TRACE: the numbers of the calls in it
calls_of() {
	sed -n 's/^\(\[pid *[0-9]*\] \)\?[0-9 ]*\[ *\([0-9]*\)\] .*/\2/p' "$1" | sort -u
}
strace -f -n -o bare.trace cat file >said
"$footprint" run -o out.footprint -- strace -f -n -o watched.trace cat file >said 2>errors
calls_of bare.trace >bare.calls
calls_of watched.trace | comm -13 bare.calls - >our.calls
[ -s our.calls ] || die "no calls of ours in the trace"
readarray -t calls <our.calls
for number in "${calls[@]}"; do
	run ./refuse "kill-$number" cat file >said
	assert_equal "exit status where call $number kills" 0 $?
	assert_equal "output where call $number kills" hello "$(cat said)"
	gaps "a program below a filter that kills for call $number" no-hello "$(realpath "$(command -v cat)")" "$here/refuse"
done
# The program is known from a watched start. That must not hide the starts that are not watched.
run sh -c "cat file; ./refuse kill-${calls[0]} cat file" >said
gaps "a known program below a filter that kills" no-hello "$here/refuse"
run ./refuse "kill-${calls[0]}" spawn cat file >said
assert_equal "exit status of what posix_spawnp starts there" 0 $?
assert_equal "output of what posix_spawnp starts there" hello "$(cat said)"
run ./refuse kill-1000 cat file >said # of no meaning: it is watched
assert_fact "below a filter that leaves us alone" '.complete' out.footprint

# ---- below a filter that leaves us alone: what another start has told does not cover a program that is not watched
gcc -static -o opener "$top/tests/supervise/opener.c" || die "cannot compile opener.c"
for way in exec spawn fexecve; do
	run sh -c "./opener 1 file; ./refuse kill-1000 $way ./opener 1 file" >said
	assert_equal "output of a static program below a filter ($way)" "good good" "$(paste -sd ' ' said)"
	gaps "a known static program below a filter ($way)" static-program "$here/opener"
done
run ./refuse kill-1000 fexecve "$(command -v cat)" file >said
assert_equal "output of what fexecve starts there" hello "$(cat said)"
assert_fact "what fexecve starts there is told" ".complete and any(.executables[]; .path == \"$here/refuse\" and
	.executes == [\"$(realpath "$(command -v cat)")\"])" out.footprint
if [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
	# A sandbox whose mounts hide the library: ld.so does not complain of that, either.
	for way in exec spawn fexecve; do
		run env -C / sh -c "cat '$here/file'; HIDDEN='$BUILD' '$here/refuse' kill-1000 $way '$(command -v cat)' '$here/file'" >said
		assert_equal "exit status where the library is hidden ($way)" 0 $?
		assert_equal "output where the library is hidden ($way)" "hello hello" "$(paste -sd ' ' said)"
		assert_equal "complaints where the library is hidden ($way)" "" "$(grep ERROR errors)"
		gaps "a known program where the library is hidden ($way)" no-hello "$(realpath "$(command -v cat)")"
	done
	run env HIDDEN="$here" ./refuse kill-1000 exec true
	assert_fact "nothing is amiss where something else is hidden" '.complete' out.footprint
fi

# ---- a kernel that lacks one of them, or getrandom, which cat calls too: several programs at once tell what they do, or it is a gap
for i in {1..4}; do
	echo "$i" >"several-$i"
	echo "$here/several-$i"
done >several
# shellcheck disable=SC2016 # the watched shell's own
program='for i in 1 2 3 4; do (cat several-$i >/dev/null; exec sleep 0.2) & done; wait; for i in 1 2 3 4; do cat several-$i; done'
getrandom=318
for number in "${calls[@]}" $getrandom; do
	run ./refuse "lack-$number" sh -c "$program" >said
	assert_equal "exit status without call $number" 0 $?
	assert_equal "output without call $number" "1 2 3 4" "$(paste -sd ' ' said)"
	"$footprint" show --json out.footprint | jq -r '.files[].path' | grep several | sort >found
	cmp -s several found || assert_fact "what is not told without call $number is a gap" '.complete | not' out.footprint
done
assert_same_text "without random numbers" several found
assert_fact "nothing is amiss then" '.complete' out.footprint

# ---- no /proc: a program that was executed by a relative path, and a script, are still recorded by their
# names
if [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
	cp "$(command -v cat)" own-cat
	printf '#!/bin/sh\nread line <by-script; echo $line\n' >script
	chmod +x script
	for name in script own-cat; do
		echo "$name" >"by-$name"
	done
	program='mount -t tmpfs none /proc || exit; ./own-cat by-own-cat; ./script; ./own-cat by-own-cat; ./script; exit'
	run unshare -m sh -c "$program" >said
	assert_equal "output without /proc" "own-cat script own-cat script" "$(paste -sd ' ' said)"
	assert_fact "nothing is amiss without /proc" '.complete' out.footprint
	assert_equal "who used what without /proc" "$here/own-cat $(realpath /bin/sh)" "$(facts '.files[] |
		select(.path | test("/by-")) | .by[]' out.footprint | paste -sd ' ')"
fi

# ---- the library is out of reach, for a program that is known from a watched start
if [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
	# shellcheck disable=SC2016 # the watched shell's own
	run sh -c 'cat file; unshare -m sh -c "mount -t tmpfs none \"${LD_PRELOAD%/*}\" && cat file"' >said
	assert_equal "output without the library" "hello hello" "$(paste -sd ' ' said)"
	assert_equal "a word of ld.so's" "" "$(grep ld.so errors)"
	gaps "a known program without the library" no-hello "$(realpath "$(command -v cat)")"
fi

# ---- sites turned off
FOOTPRINT_SITES=0 run cat file >said
assert_equal "output without sites" hello "$(cat said)"
gaps "a program without sites" sites "$(realpath "$(command -v cat)")"
assert_fact "the hooks go on without sites" "any(.files[]; .path == \"$here/file\")" out.footprint

# ---- an io_uring of the program's own: what is submitted is seen, unless it is a static program
compile rings
mv rings ring
compile rings -static
if ./ring nop; then
	direct=
	! ./ring direct || direct="direct nop"
	for what in "" "nop" "nop nop nop nop nop" "nop anew nop" "nop fork nop" ${direct:+"$direct $direct"}; do
		# shellcheck disable=SC2086 # several words
		run ./ring $what
		assert_fact "io_uring, nothing with a name: $what" '.complete and .gaps == []' out.footprint
	done
	for what in open "nop open" "nop anew open" "nop fork open" "copy open" polled ${direct:+"$direct open"}; do
		# shellcheck disable=SC2086 # several words
		run ./ring $what
		gaps "io_uring: $what" io-uring "$here/ring"
	done
	run ./rings nop
	gaps "io_uring of a static program" io-uring "$here/rings"
fi

# ---- files that are opened without a name, also in a static program
cat >handle.c <<'END'
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
int main(void)
{
	struct file_handle *handle = malloc(sizeof(*handle) + MAX_HANDLE_SZ);
	int mount, folder = open(".", O_RDONLY | O_DIRECTORY);

	handle->handle_bytes = MAX_HANDLE_SZ;
	if (name_to_handle_at(AT_FDCWD, "file", handle, &mount, 0) < 0)
		return 77;
	return open_by_handle_at(folder, handle, O_RDONLY) < 0 ? 77 : 0;
}
END
for linked in "" -static; do
	gcc $linked -o handle$linked handle.c || die "cannot compile handle.c"
	if ./handle$linked; then
		run ./handle$linked
		gaps "a file handle" unresolved "$here/handle$linked"
	fi
done

# ---- Go, which makes system calls past libc even where it is linked with it: they are redirected, or a gap
if command -v go >/dev/null; then
	cat >main.go <<'END'
package main

// int answer(void) { return 42; }
import "C"
import "os"

func main() {
	if _, err := os.ReadFile("file"); err != nil || C.answer() != 42 {
		os.Exit(1)
	}
}
END
	GOCACHE=$here/cache GO111MODULE=off go build -o cgo main.go || die "cannot build a Go program"
	readelf -lW cgo | grep -q INTERP || die "the Go program is static here"
	for how in "" "$linker"; do
		# shellcheck disable=SC2086 # nothing, or the dynamic linker
		run $how ./cgo
		assert_equal "exit status of a Go program" 0 $?
		assert_fact "a Go program's own calls are seen" \
			'.complete and any(.files[]; .path == "'"$here/file"'" and .access == ["read"])' out.footprint
	done
	FOOTPRINT_SITES=0 run ./cgo
	assert_equal "exit status of a Go program" 0 $?
	assert_fact "a Go program's own calls, where they are not redirected" \
		'[.gaps[] | select(.kind == "raw-syscall").path] == ["'"$here/cgo"'"]' out.footprint
fi

# ---- a Go library in another program, by the note that Go's linker leaves (a real one takes half a minute to build)
cat >library.c <<'END'
__asm__(".section .note.go.buildid, \"a\", @note\n.long 4, 4, 4\n.ascii \"Go\\0\\0\"\n.ascii \"a/b/\"\n.text");
void look(void) {}
END
echo 'extern void look(void); int main(void) { look(); }' >user.c
gcc -shared -fPIC -o libgo.so library.c || die "cannot build a library"
gcc -o user user.c ./libgo.so || die "cannot build its user"
readelf -n libgo.so | grep -q '^ *Go ' || die "the library has no note of Go's"
run ./user
gaps "a Go library" raw-syscall "$here/libgo.so"

# ---- nobody said hello: ld.so lists the libraries and never starts the program
run sh -c 'LD_TRACE_LOADED_OBJECTS=1 /usr/bin/true' >said
assert_contains "ld.so's list" libc.so said
gaps "a program that never starts" no-hello /usr/bin/true

# ---- ld.so PROGRAM: the program is what says hello
cat=$(realpath "$(command -v cat)")
run sh -c "$linker $cat file; exit" >said
assert_equal "output of what ld.so was given" hello "$(cat said)"
assert_fact "what ld.so was given is no gap" '.complete' out.footprint
assert_equal "the way to it" \
	"began $(realpath /bin/sh) executed $(realpath "$linker") executed $cat used $here/file" \
	"$("$footprint" why -j out.footprint "$here/file" | jq -r '[.chain[] | "\(.step) \(.path)"] | join(" ")')"
run "$linker" "$cat" file >said
assert_fact "ld.so as the program of a run" '.complete' out.footprint
assert_equal "the first program" "$(realpath "$linker")" "$(facts '.executables[] | select(.first) | .path' out.footprint)"
finish
