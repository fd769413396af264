#!/bin/bash
# Which program `footprint run` takes a name for: the one that execvp(3) does, by way of env(1), and
# that one is watched: dynamic, static, or a script.
. "$(dirname "$0")/../lib.sh"
needs gcc
cd "$work" || exit 1
here=$(realpath .)
env=$(command -v env)
export FOOTPRINT_SUPERVISE=1 # not root only

compile named
mv named dynamic
compile named -static 2>/dev/null || skip "needs a static libc"
mv named static

# place KIND FOLDER...: a program of that kind, as "hi" in each folder
place() {
	local kind=$1 folder
	shift

	for folder; do
		mkdir -p "$folder"
		case $kind in
		directory) mkdir "$folder/hi" ;;
		loop) ln -s hi "$folder/hi" ;;
		plain) install -m 644 static "$folder/hi" ;;
		uninterpreted) printf '#!/nonexistent\n' | install -m 755 /dev/stdin "$folder/hi" ;;
		script) printf '#!%s/%s\n' "$here" static | install -m 755 /dev/stdin "$folder/hi" ;;
		chain) printf '#!%s/script/hi\n' "$here" | install -m 755 /dev/stdin "$folder/hi" ;;
		*) install -m 755 "$kind" "$folder/hi" ;;
		esac
	done
}
place directory directory
printf 'readlink /proc/$$/exe\n' | install -m 755 /dev/stdin shell-script
printf '#!%s/shell-script\nreadlink /proc/$$/exe\n' "$here" | install -m 755 /dev/stdin shell-chain
place loop loop
place plain plain
place uninterpreted uninterpreted
place script script
place chain chain
place static static-one with:colon .
place dynamic dynamic-one
mkdir empty

# assert_as_execvp NAME [OPTION...]: with these options of env, it is the same that runs
assert_as_execvp() {
	local name=$1 status path
	shift

	"$env" "$@" "$name" >expected 2>/dev/null
	status=$?
	rm -f out.footprint
	"$env" "$@" "$footprint" run -o out.footprint "$name" >output 2>errors
	assert_equal "status of $name with $*" $status $?
	assert_same_text "output of $name with $*" expected output
	if [ $status -ne 0 ]; then
		[ ! -e out.footprint ] || fail "$name with $*: a manifest, and nothing ran"
		return
	fi
	path=$(sed 's/ as .*//' expected)
	assert_fact "$name with $*: it was watched" \
		".complete and any(.executables[]; .path == \"$path\" and .watched != \"no\")" out.footprint
}

for one in static-one dynamic-one script chain; do
	for path in $one directory:$one plain:$one loop:$one uninterpreted:$one none:$one static:$one \
		empty:$one $one:directory directory:plain:none:$one none/none:$one; do
		assert_as_execvp hi "PATH=$path"
	done
	assert_as_execvp "$one/hi" PATH=none
	assert_as_execvp "./$one/hi" PATH=
	assert_as_execvp "$here/$one/hi"
done
# Where the current folder is meant.
for path in "" : /usr/bin: :/usr/bin /usr/bin::/bin directory: directory::dynamic-one ::; do
	assert_as_execvp hi "PATH=$path"
done
# Nothing at all.
for path in directory plain loop uninterpreted none directory:none empty; do
	assert_as_execvp hi "PATH=$path"
	assert_as_execvp "$path/hi"
done
assert_as_execvp with:colon/hi

# ---- a script that nobody watched has started: how the kernel found its interpreter
mkdir real folders
ln -s "$(realpath /bin/sh)" real/shell
ln -s ../real folders/link
ln -s real/shell argument
printf '#!%s/folders/link/shell\nexit 0\n' "$here" | install -m 755 /dev/stdin by-links
"$footprint" run -o out.footprint ./by-links 2>errors
jq -rn --arg here "$here" '$here + ("/by-links", "/folders/link", "/real/shell")' >expected
assert_files_in "a script and the links to its interpreter" expected out.footprint
# A program that is found by links: by PATH, or relative to the working directory.
ln -s "$here/static" real/hi
mkdir real-dynamic
ln -s "$here/dynamic" real-dynamic/hi
ln -s ../real-dynamic folders/dynamic
for one in link:real:static dynamic:real-dynamic:dynamic; do
	IFS=: read -r folder target program <<<"$one"
	jq -rn --arg here "$here" '$here + ($ARGS.positional | sort[])' \
		--args "/$program" "/folders/$folder" "/$target/hi" >expected
	PATH=$here/folders/$folder:$PATH "$footprint" run -o out.footprint hi >output 2>errors
	assert_files_in "links to a $program program in PATH" expected out.footprint
	"$footprint" run -o out.footprint "./folders/$folder/hi" >output 2>errors
	assert_files_in "links to a $program program relative to a folder" expected out.footprint
done
# That is what its argv[0] says, which programs may choose.
"$footprint" run -o out.footprint bash -c 'exec -a "$0" cat /dev/null' "$here/argument" 2>errors
assert_fact "another argv[0] is no access" \
	"all(.files[], .missing[]; .path | startswith(\"$here/\") | not)" out.footprint

# ---- files that the shell reads, for the kernel does not know them
for one in shell-script shell-chain; do
	mkdir $one-one
	cp $one $one-one/hi
	for path in $one-one none:$one-one directory:$one-one; do
		assert_as_execvp hi "PATH=$path:/bin"
	done
	assert_as_execvp ./$one
	assert_fact "$one is read by the shell, and no program" \
		"(.executables | length == 2) and any(.files[]; .path == \"$here/$one\")" out.footprint
done
shell=$(realpath /bin/sh)
if unshare --mount mount --bind static "$shell" 2>/dev/null; then
	unshare --mount bash -c 'mount --bind static "$1" && exec "$2" run -o out.footprint ./shell-script' \
		bash "$shell" "$footprint" >output 2>errors
	assert_equal "a static shell runs" "$shell as /bin/sh" "$(cat output)"
	assert_fact "a static shell is a gap" \
		".gaps | map([.kind, .path]) == [[\"static-program\", \"$shell\"]]" out.footprint
fi

# ---- what cannot be executed leaves the manifest that is there
# assert_not_started STATUS WHY PROGRAM
assert_not_started() {
	cp complete.footprint out.footprint
	assert_status "$1" "$footprint" run -o out.footprint "$3" 2>errors
	assert_contains "why $3 does not start" "^footprint: $3: $2\$" errors
	assert_equal "lines about $3" 1 "$(wc -l <errors)"
	cmp complete.footprint out.footprint || fail "$3 did not start, and the manifest is another"
}
"$footprint" run -o complete.footprint true 2>errors
assert_fact "a first run" .complete complete.footprint
for one in dynamic-one static-one script chain; do
	chmod -x $one/hi
	assert_not_started 126 'Permission denied' ./$one/hi
	chmod +x $one/hi
done
chmod -x static
assert_not_started 126 'Permission denied' ./script/hi
assert_not_started 126 'Permission denied' ./chain/hi
chmod +x static
assert_not_started 127 'No such file or directory' ./uninterpreted/hi
assert_not_started 127 'command not found' no-such-hi
# Only the kernel knows this: a machine that there is not.
for one in static-one script; do
	printf '\xff\xff' | dd of=static-one/hi bs=1 seek=18 conv=notrunc 2>/dev/null
	printf '#!%s\n' "$here/static-one/hi" >script/hi
	assert_not_started 126 'Exec format error' ./$one/hi
done

"$env" -u PATH "$footprint" run -o out.footprint true 2>errors
assert_equal "status without PATH" 0 $?
assert_fact "without PATH" .complete out.footprint
finish
