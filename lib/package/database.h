/*
 * Who owns which path: what the readers of dpkg's, apk's and rpm's databases fill.
 *
 * Paths are not kept, only 64-bit keyed hashes of them: 12 bytes a place, 150,000 paths in 3 MB.
 * Two of n paths share a hash with probability n^2 / 2^65, and nobody outside knows the key.
 */
#ifndef FOOTPRINT_PACKAGE_DATABASE_H
#define FOOTPRINT_PACKAGE_DATABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/strings.h"
#include "lib/package/package.h"

#define PACKAGES_MAX		(256u << 10)
#define PACKAGE_PATHS_MAX	(8u << 20)
#define PACKAGE_FIELD_MAX	1024u	    /* bytes of a name, version or architecture */
#define PACKAGE_FIELDS_MAX	(32u << 20) /* bytes of all of them */
#define PACKAGE_PATH_MAX	4096u	    /* bytes of one path in a database */
#define PACKAGE_DIRECTORIES_MAX (64u << 20) /* bytes of all directories' paths */
#define PACKAGE_TEXT_SIZE_MAX	(64u << 20) /* bytes of one text file of a database */

struct package_database {
	uint64_t key[2];
	struct arena arena; /* the packages */
	size_t fields_size;
	struct package **packages;
	uint32_t n_packages, packages_size;
	uint64_t *hashes; /* of paths; 0: free */
	uint32_t *owners; /* number of the package plus one; 0: several own it */
	uint32_t n_paths;
	uint32_t mask; /* places minus one */
};

/*
 * A database while it is filled. Paths come as they stand in some list, and are filed under where
 * they really are: a directory that is a symlink in this root (/lib on a merged /usr) is walked.
 */
struct package_loader {
	struct package_database *db;
	struct resolver *resolver;
	struct error *err;	    /* the first trouble; loading goes on */
	size_t bytes_left;	    /* of PACKAGE_DATABASE_SIZE_MAX */
	struct strings directories; /* as they stand in lists */
	size_t directories_size;
	char **canonical; /* where each really is, by number; NULL: not asked yet */
	size_t canonical_size;
	uint32_t last_directory; /* number; lists go by directory */
	uint32_t package;	 /* the one being loaded: its number plus one */
};

/* A field's bytes in some text; not NUL-terminated. */
struct span {
	const char *bytes;
	size_t size;
};

/* An empty one. 0 or -ENOMEM. */
int package_database_new(struct package_database **ret);

/* Frees what the loader itself holds, not its database. */
void package_loader_deinit(struct package_loader *loader);

/* Begins a package: what loader_add_path() adds from now on is its. 0 or -ENOMEM, -E2BIG. */
int loader_add_package(struct package_loader *loader, const char *manager, struct span name,
	struct span version, struct span architecture);

/* A path of the package, with or without the slash in front. 0 or -ENOMEM, -E2BIG. */
int loader_add_path(struct package_loader *loader, struct span path);
/* The same, in two parts. */
int loader_add_file(struct package_loader *loader, struct span directory, struct span name);

/* Notes that something could not be read, if it is the first. Returns 0. */
int loader_complain(struct package_loader *loader, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Reads a whole text file against what is left of the limit. 1: read. 0: there is no such file, or
 * it could not be read and the complaint is made. -ENOMEM.
 */
int loader_read(struct package_loader *loader, const char *path, char **ret, size_t *ret_size);

/* The next line of *text, without its newline; false at the end. */
bool next_line(struct span *text, struct span *ret_line);
bool span_is(struct span span, const char *text);
/* Whether `line` is "KEY<value>"; ret_value: what follows the key, blanks skipped. */
bool line_value(struct span line, const char *key, struct span *ret_value);

/* The readers. 0, or -ENOMEM or -E2BIG, which end the loading. */
int dpkg_load(struct package_loader *loader);
int apk_load(struct package_loader *loader);
int rpm_load(struct package_loader *loader);

#endif
