#!/bin/bash
# Programs that were deleted, or never had a name, are executed by their descriptors. Whoever starts them and
# they themselves give them the same name, and there is no gap.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 1
here=$(realpath "$work")
cp "$(command -v cat)" program
cp program "program (deleted)"
echo content >file
printf '#!/bin/sh\nread -r line <"$1"\necho "$line"\n' >script

# run CALLER HOW WAY PROGRAM [MODE]: the program prints the content of the file
run() {
	rm -f out.footprint "$4.copy"
	"$footprint" run -o out.footprint -- "./$1" "$2" "$3" "$4" "${5:-755}" file >output 2>errors ||
		fail "$*: $(cat errors)"
	[ $# -gt 4 ] || assert_equal "output of $*" content "$(cat output)"
}

# programs: those that were executed, and which they executed, by names relative to this folder
programs() {
	facts '.executables[] | [.path, (.executes // [] | join(" "))] | join(":")' out.footprint |
		sed "s|$here/||g" | sort | xargs
}

# name_of NAME: what the manifest has for it
name_of() {
	[ "${1#/}" != "$1" ] && echo "$1" || echo "$here/$1"
}

# judge WHAT NAME [ACCESS-OF-ITS-FILE]: the caller executed a program with this name, which said hello
judge() {
	assert_fact "$1: nothing is amiss" '.complete and .gaps == []' out.footprint
	assert_equal "$1: programs" "$(printf '%s\n' "$2:" "$caller:$2" | sort | xargs)" "$(programs)"
	assert_equal "$1: its file" "${3-}" \
		"$(facts ".files[] | select(.path == \"$(name_of "$2")\") | .access | join(\" \")" out.footprint)"
	assert_fact "$1: no other file is called so" \
		'[.files[].path | select(test("memfd|deleted"))] == []' out.footprint
}

compile nameless
mv nameless dynamic
compile nameless -static
mv nameless static
for caller in dynamic static; do
	for way in fexecve held; do
		run $caller deleted $way program
		judge "$caller, a deleted file by $way" program.copy "read write create delete exec"
		run $caller memfd $way program
		judge "$caller, a memfd by $way" /memfd:program

		# A file whose name really ends in " (deleted)" was not deleted.
		run $caller named $way "program (deleted)"
		assert_equal "$caller, a name by $way" \
			"$(printf '%s\n' "program (deleted):" "$caller:program (deleted)" | sort | xargs)" \
			"$(programs)"

		run $caller deleted $way script
		judge "$caller, a deleted script by $way" "$(realpath /bin/sh)" exec

		run $caller memfd $way program 644
		assert_fact "$caller, no program by $way: nothing is amiss" '.complete and .gaps == []' out.footprint
		assert_equal "$caller, no program by $way" "$caller:" "$(programs)"
		assert_fact "$caller, no program by $way: no file" \
			'[(.files[], .missing[]).path | select(test("memfd|deleted"))] == []' out.footprint
	done
done

# A name that is too long for the space that there is on the stack
long=$(printf 'long%.0s' {1..50})
mkdir -p "$long/$long/$long"
cp program "$long/$long/$long"
run dynamic named fexecve "$long/$long/$long/program"
assert_equal "a long name" "unresolved $here/dynamic" "$(facts '.gaps[] | [.kind, .path] | join(" ")' out.footprint)"

# There is the same gap as for any other static program, and no other.
echo 'int main(void) { return 0; }' | "${CC:-gcc}" -static -o alone -xc - || die "cannot compile"
for how in deleted memfd; do
	FOOTPRINT_SUPERVISE=0 run dynamic $how held alone 755
	assert_equal "a static program that is $how" "static-program $([ $how = memfd ] && echo /memfd:program || echo "$here/alone.copy")" \
		"$(facts '.gaps[] | [.kind, .path] | join(" ")' out.footprint)"
done
finish
