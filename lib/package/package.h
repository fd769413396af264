/*
 * Which package a file belongs to, from the container's own database: dpkg (also distroless'
 * status.d), apk, rpm (sqlite). Read through the container's root; hostile input.
 */
#ifndef FOOTPRINT_PACKAGE_PACKAGE_H
#define FOOTPRINT_PACKAGE_PACKAGE_H

#include <stdint.h>

#include "lib/base/error.h"
#include "lib/root/resolver.h"

#define PACKAGE_DATABASE_SIZE_MAX (512u << 20) /* bytes read from one container's databases */

struct package {
	const char *manager; /* "dpkg", "apk", "rpm" */
	const char *name, *version, *architecture;
};

struct package_database;

/* Reads the database at once. No database there: an empty one, and success. A damaged one: what
 * could be read, and err->code set, with success. The resolver is used during the call only. */
int package_database_open(struct resolver *r, struct package_database **ret, struct error *err);

/* A number that changes when the files of the databases do: by inode, size and modification time. A
 * few lookups; reads nothing. 0 or -ENOMEM. */
int package_database_stamp(struct resolver *r, uint64_t *ret);
void package_database_free(struct package_database *db);

/* *ret: the owner of a canonical path, or NULL; valid until the database is freed. Knows of merged
 * /usr: a list that says /lib/x owns /usr/lib/x where /lib is a symlink, which is looked at now.
 * The resolver is of the same root. 0 or -ENOMEM. */
int package_database_find(struct package_database *db, struct resolver *resolver,
	const char *canonical, const struct package **ret);

#endif
