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

/* Reads the whole database. If there is none, the result is an empty one, and success. If it is
 * damaged, the result has what could be read, err->code is set, and it is a success, too. The
 * resolver is only used during the call. */
int package_database_open(struct resolver *r, struct package_database **ret, struct error *err);

/* A number that changes when the files of the databases change: by inode, size and modification
 * time. Takes a few lookups, and reads nothing. 0 or -ENOMEM. */
int package_database_stamp(struct resolver *r, uint64_t *ret);
void package_database_free(struct package_database *db);

/* *ret: the owner of a canonical path, or NULL; valid until the database is freed. With a merged
 * /usr, where /lib is a symlink, a list that has /lib/x owns /usr/lib/x; this is looked up now. The
 * resolver must be of the same root. 0 or -ENOMEM. */
int package_database_find(struct package_database *db, struct resolver *resolver,
	const char *canonical, const struct package **ret);

#endif
