/*
 * Which package owns which path: filled by the readers of dpkg's, apk's and rpm's databases.
 *
 * Paths are as they stand in some list, and a directory there may be a symlink in this root.
 * Resolving all of them would take ten times as long as reading the lists, and few files are ever
 * asked for. So a path waits ("listed") under its last component, with the number of its directory.
 * Only when a file of that name is asked for is the path resolved, and entered under where it
 * really is ("owned").
 *
 * Neither names nor paths are kept, only hashes of them, with a key that nobody outside knows. Of n
 * paths, one has by chance the 48 bits of a name that is asked for with a probability of n / 2^48.
 * A path takes 16 bytes: page faults for memory are most of the cost of reading a database.
 */
#ifndef FOOTPRINT_PACKAGE_DATABASE_H
#define FOOTPRINT_PACKAGE_DATABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/table.h"
#include "lib/package/directories.h"
#include "lib/package/package.h"

#define PACKAGES_MAX	      (256u << 10)
#define PACKAGE_PATHS_MAX     (8u << 20)
#define PACKAGE_FIELD_MAX     1024u	  /* bytes of a name, version or architecture */
#define PACKAGE_FIELDS_MAX    (32u << 20) /* bytes of all of them */
#define PACKAGE_PATH_MAX      4096u	  /* bytes of one path in a database */
#define PACKAGE_TEXT_SIZE_MAX (64u << 20) /* bytes of one text file of a database */

#define PACKAGE_NAMES (1u << 16) /* chains of names */

/* A path from a list, which waits. */
struct listed {
	uint32_t next;	    /* next in its chain, counted from 1; 0: none */
	uint32_t name;	    /* hash of the last part; together with the chain's number 48 bits */
	uint32_t directory; /* number of the rest */
	uint32_t owner; /* number of the package, counted from 1; 0: it does not wait any more */
};

/* A path whose real place is known. */
struct owned {
	uint64_t path;	/* its hash */
	uint32_t owner; /* number of the package, counted from 1; 0: several own it */
	uint32_t reserved;
};

struct package_database {
	uint64_t key[2];
	struct arena arena; /* the packages */
	size_t fields_size;
	struct package **packages;
	uint32_t n_packages, packages_size;
	struct package_directories directories;
	struct listed *listed;
	uint32_t n_listed, listed_size;
	uint32_t *names;    /* first of each chain, counted from 1; 0: none */
	struct table owned; /* of struct owned */
};

/* A database while it is filled. */
struct package_loader {
	struct package_database *db;
	struct resolver *resolver;
	struct error *err; /* the first thing that went wrong; loading goes on */
	size_t bytes_left; /* of PACKAGE_DATABASE_SIZE_MAX */
	uint32_t package;  /* the package that is being loaded, counted from 1 */
};

/* Makes an empty database. 0 or -ENOMEM. */
int package_database_new(struct package_database **ret);

/* Begins a package, to which the following paths belong. 0 or -ENOMEM, -E2BIG. */
int loader_add_package(struct package_loader *loader, const char *manager, struct span name,
	struct span version, struct span architecture);

/* Adds a path to the package, with or without a slash at its beginning. 0 or -ENOMEM, -E2BIG. */
int loader_add_path(struct package_loader *loader, struct span path);
/* The same, with directory and name apart. */
int loader_add_file(struct package_loader *loader, struct span directory, struct span name);

/* Notes that something could not be read; only the first time counts. Returns 0. */
int loader_complain(struct package_loader *loader, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Reads a whole text file, which counts for the limit. 1: read. 0: there is no such file, or it
 * could not be read, which was noted. -ENOMEM.
 */
int loader_read(struct package_loader *loader, const char *path, char **ret, size_t *ret_size);
/* Opens it instead. 1: *ret_fd is open. */
int loader_open(struct package_loader *loader, const char *path, int *ret_fd, uint64_t *ret_size);

/* The next line of *text, without its newline; false at the end. */
bool next_line(struct span *text, struct span *ret_line);
bool span_is(struct span span, const char *text);
/* Is `line` "KEY<value>"? ret_value: what follows the key, without blanks before it. */
bool line_value(struct span line, const char *key, struct span *ret_value);

/* The readers. 0, or -ENOMEM or -E2BIG, which end the loading. */
int dpkg_load(struct package_loader *loader);
int apk_load(struct package_loader *loader);
int rpm_load(struct package_loader *loader);

#endif
