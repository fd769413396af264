#!/bin/bash
# Every allocation of the resolver, the closures, the looks and the package databases fails once.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wraps=()
for name in malloc calloc realloc reallocarray strdup strndup open_memstream asprintf __asprintf_chk; do
	wraps+=("-Wl,--wrap=$name")
done
looks=()
for name in log roots/look roots/look_chroot roots/look_outside roots/entered_look roots/entered_names \
	roots/entered_tables roots/digests roots/id_map roots/lexical; do
	looks+=("$BUILD/obj/aggregator/$name.o")
done
# shellcheck disable=SC2046 # words are wanted
"${CC:-gcc}" -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -O1 -g -U_FORTIFY_SOURCE -I. -I"$BUILD" -fsanitize=leak "${wraps[@]}" \
	-o "$work/out_of_memory" tests/elf/out_of_memory.c "${looks[@]}" "$BUILD/libfootprint-common.a" \
	$(pkg-config --libs sqlite3 libcrypto libprotobuf-c)
"$work/out_of_memory" / "$(realpath /bin/ls)" 1500
