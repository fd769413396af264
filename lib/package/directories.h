/*
 * The directories that a package database names, and where they really are: one that is a symlink
 * in this root (/lib on a merged /usr) is walked, when somebody asks for it.
 */
#ifndef FOOTPRINT_PACKAGE_DIRECTORIES_H
#define FOOTPRINT_PACKAGE_DIRECTORIES_H

#include "lib/base/strings.h"
#include "lib/root/resolver.h"

#define PACKAGE_DIRECTORIES_MAX (64u << 20) /* bytes of all directories' paths */

/* A field's bytes in some text; not NUL-terminated. */
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

/* Finds out where the few below the root are (/lib on a merged /usr), while they are there: what is
 * asked for may be gone with its root by then. 0 or -ENOMEM. */
int package_directories_begin(struct package_directories *directories, struct resolver *resolver);

/* Where it really is; as it stands where that cannot be told, "" for the root. NULL: no memory. */
const char *package_directory_canonical(
	struct package_directories *directories, struct resolver *resolver, uint32_t number);

#endif
