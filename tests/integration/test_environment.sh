#!/bin/bash
# However a program makes the environment of its children, they are watched, and find the environment that
# they would find without us, except for our own variables.
. "$(dirname "$0")/../lib.sh"
compile opener
mkdir -p "$work/data"
touch "$work"/data/{0..19}
data=$(realpath "$work/data")

# Each way ends in: opener DATA N 1
ways=(
	'env -i "$@"'
	'env -u LD_PRELOAD -u FOOTPRINT_SOCKET "$@"'
	'unset LD_PRELOAD FOOTPRINT_SOCKET FOOTPRINT_APP FOOTPRINT_VERSION; "$@"'
	'LD_PRELOAD= exec "$@"'
	'exec env -i PATH=/bin sh -c "$(printf "%q " "$@")"'
	'exec -c "$@"'
	'python3 -c "import os,sys; os.execve(sys.argv[1], sys.argv[1:], {})" "$@"'
	'python3 -c "import os,sys; os.posix_spawn(sys.argv[1], sys.argv[1:], {}); os.wait()" "$@"'
	'python3 -c "import subprocess,sys; subprocess.run(sys.argv[1:], env={})" "$@"'
	'python3 -c "import os,sys; os.environ.clear(); os.system(\" \".join(sys.argv[1:]))" "$@"'
	'perl -e "%ENV = (); exec @ARGV" "$@"'
	'perl -e "%ENV = (); system @ARGV" "$@"'
	'setsid --wait env -i "$@"'
	'echo "$*" | env -i xargs -I COMMAND env -i sh -c COMMAND'
)

aggregator_start
for i in "${!ways[@]}"; do
	"${watched[@]}" bash -c "${ways[i]}" bash "$work/opener" "$data" "$i" 1 >"$work/out"
	assert_equal "output of: ${ways[i]}" "$i" "$(cat "$work/out")"
done

# The environment only differs in our variables.
own_variables='^(LD_PRELOAD|FOOTPRINT_[A-Z_]*|_)='
for way in 'env' 'env -i env' 'env -i A=1 B=2 env' 'python3 -c "
import subprocess; subprocess.run([\"env\"], env={\"A\": \"1\", \"PATH\": \"/bin\"})"'; do
	env bash -c "$way" >"$work/env.bare"
	"${watched[@]}" bash -c "$way" | grep -vE "$own_variables" >"$work/env.watched"
	grep -vE "$own_variables" "$work/env.bare" >"$work/env.expected"
	assert_same_text "environment of: $way" "$work/env.expected" "$work/env.watched"
done

# The application's own preload stays, and stays first.
cat >"$work/other.c" <<-'END'
	int other_was_here = 1;
END
gcc -shared -fPIC -o "$work/other.so" "$work/other.c" || die "cannot compile other.so"
"${watched[@]}" LD_PRELOAD="$work/other.so:$preload" bash -c \
	"$work/opener $data 19 1 >/dev/null; grep -c 'other.so' /proc/self/maps >/dev/null && echo kept" \
	>"$work/out"
assert_equal "another preloaded library" kept "$(cat "$work/out")"
"${watched[@]}" LD_PRELOAD="$work/other.so:$preload" bash -c 'exec env' |
	grep '^LD_PRELOAD=' >"$work/out"
assert_equal "LD_PRELOAD with two libraries" "LD_PRELOAD=$work/other.so:$preload" "$(cat "$work/out")"

# Processes below one that has turned the watching off inherit nothing of it.
"${watched[@]}" bash -c 'FOOTPRINT_SOCKET= bash -c "ls -l /proc/self/fd; true"; true' | grep -c socket: >"$work/out"
assert_equal "sockets of a program that is not watched" 0 "$(cat "$work/out")"

# If Landlock makes the library inaccessible, no program is told to load it.
compile sandbox
# shellcheck disable=SC2016 # the shell's own
command='cat /etc/passwd && cat /etc/group && echo "${LD_PRELOAD-none}" "$(sh -c "echo below")"'
"$work/sandbox" "$command" >"$work/expected"
status=$?
if [ $status -eq 77 ]; then
	echo "this kernel has no Landlock, left out"
else
	assert_equal "exit status in a sandbox" 0 $status
	assert_status 0 "${watched[@]}" FOOTPRINT_APP=boxed "$work/sandbox" "$command" >"$work/out" 2>&1
	assert_same_text "what programs in a sandbox say" "$work/expected" "$work/out"
fi

aggregator_stop
if [ $status -ne 77 ]; then
	assert_fact "a program in a sandbox is a gap" \
		'[.gaps[] | .kind] | unique == ["no-hello"]' "$manifests/boxed@1.footprint"
	rm "$manifests/boxed@1.footprint"
fi
opened=()
for i in "${!ways[@]}"; do
	opened+=("$data/$i")
done
assert_files "opened by children with an environment of their own" "${opened[@]}" "$data/19"
assert_fact "all of them in one application" '.app == "app" and .version == "1"'
assert_equal "manifests" 1 "$(find "$manifests" -name '*.footprint' | wc -l)"
finish
