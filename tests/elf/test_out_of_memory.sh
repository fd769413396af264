#!/bin/bash
# Every allocation of the resolver, the closures and the package databases fails once.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wraps=()
for name in malloc calloc realloc reallocarray strdup strndup open_memstream asprintf __asprintf_chk; do
	wraps+=("-Wl,--wrap=$name")
done
# shellcheck disable=SC2046 # words are wanted
"${CC:-gcc}" -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -O1 -g -U_FORTIFY_SOURCE -I. -fsanitize=leak "${wraps[@]}" \
	-o "$work/out_of_memory" tests/elf/out_of_memory.c "$BUILD/libfootprint-common.a" \
	$(pkg-config --libs sqlite3 libcrypto)
"$work/out_of_memory" / "$(realpath /bin/ls)" 1500
