/*
 * Directories that are built into a dynamic linker, and files that add to them.
 *
 * Every distribution compiles its own list into ld.so (Debian: /lib/x86_64-linux-gnu/,
 * /usr/lib/x86_64-linux-gnu/, /lib/, /usr/lib/; Fedora: /lib64/, /usr/lib64/; Nix: a store path).
 * It stands there as one run of strings (system_dirs in elf/dl-load.c), so it is read from the very
 * ld.so that the program names rather than guessed.
 */
#ifndef FOOTPRINT_ELF_DEFAULTS_H
#define FOOTPRINT_ELF_DEFAULTS_H

#include "lib/root/resolver.h"

#define LINKER_SIZE_MAX	   (8u << 20) /* of an ld.so that is looked through */
#define MUSL_PATH_SIZE_MAX (64u << 10)

/* The list in glibc's ld.so, colon-separated, without slashes at the ends; a common one when it
 * is not there. Negative errno: content_failure()'s. */
int defaults_of_glibc(struct resolver *r, const char *interpreter, char **ret);

/* musl's: /etc/ld-musl-ARCH.path beside the linker's own root, or what is built in. Separated by
 * colons and newlines. */
int defaults_of_musl(struct resolver *r, const char *interpreter, char **ret);

#endif
