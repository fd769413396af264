/*
 * The directories that a package database names, and where they really are. A directory that is a
 * symlink in this root (/lib with a merged /usr) is resolved when somebody asks for it.
 */
#ifndef FOOTPRINT_PACKAGE_DIRECTORIES_H
#define FOOTPRINT_PACKAGE_DIRECTORIES_H

#include "lib/base/strings.h"
#include "lib/root/resolver.h"

#define PACKAGE_DIRECTORIES_MAX (64u << 20) /* bytes of all directories' paths */

/* A part of some text; not terminated. */
struct span {
	const char *bytes;
	size_t size;
};

/* Zero-initialised: none. */
struct package_directories {
	struct strings names; /* as they stand in lists, without slashes at their ends */
	uint32_t last;	      /* number; lists go by directory */
	char **canonical;     /* where each really is, by number; NULL: not asked yet */
	size_t size;	      /* of canonical */
};

void package_directories_deinit(struct package_directories *directories);

/* 0, -ENOMEM or -E2BIG. */
int package_directory_add(
	struct package_directories *directories, struct span text, uint32_t *ret_number);

/* Resolves the few directories below the root (/lib with a merged /usr) while they are there: when
 * a file is asked for, its root may be gone. 0 or -ENOMEM. */
int package_directories_begin(struct package_directories *directories, struct resolver *resolver);

/* Where the directory really is; its own path if that cannot be found out; "" for the root. NULL:
 * no memory. */
const char *package_directory_canonical(
	struct package_directories *directories, struct resolver *resolver, uint32_t number);

#endif
