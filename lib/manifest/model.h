/*
 * How a manifest is kept in memory: one table for each kind of fact (lib/base/table.h), with
 * interned strings, and 32-bit numbers for all references. Private to lib/manifest: manifest.c adds
 * facts, merge.c adds those of another manifest, and view.c makes the sorted, canonical lists.
 *
 * A distinct path that one program uses costs at most 170 bytes besides its own: 35 as an interned
 * string, 96 + 11 in `files`, 18 + 11 in `uses`. That is with the most slack that the tables may
 * have; 130 are usual.
 */
#ifndef FOOTPRINT_MANIFEST_MODEL_H
#define FOOTPRINT_MANIFEST_MODEL_H

#include "lib/base/strings.h"
#include "lib/base/table.h"
#include "lib/manifest/manifest.h"

/* Numbers of interned strings: 0 is the empty one, and stands for "none". */
typedef uint32_t string_number;

/* The entries of the tables. Each begins with its key, which has no padding. */
struct executable_entry {
	string_number path;
	string_number interpreter;
	uint64_t runs;
	uint32_t watched;
	bool first;
};

struct package_key {
	string_number manager, name, version, architecture;
};
struct package_entry {
	struct package_key key;
};

struct file_entry {
	string_number path;
	string_number target;
	uint64_t size;
	uint32_t uid, gid;
	uint32_t package; /* place in `packages`, counted from 1; 0: none */
	uint16_t mode;
	uint8_t type;
	bool present : 1;
	bool has_sha256 : 1;
	uint8_t ask : 6; /* not 0: its package is to be asked for under this number */
	uint8_t sha256[32];
};

/* An owner (file, endpoint, missing path, executable) and the executable that it is tied to. */
struct pair_key {
	uint32_t owner;
	uint32_t by;
};
struct pair_entry {
	struct pair_key key;
};
struct use_entry {
	struct pair_key key;
	uint32_t access;
};

struct library_entry {
	string_number path;
	string_number soname;
	string_number build_id;
	string_number needed; /* all names in one string, each followed by a NUL */
};

struct loader_key {
	uint32_t library;
	uint32_t by;
	uint32_t loaded;
	string_number requester;
};
struct loader_entry {
	struct loader_key key;
};

struct endpoint_key {
	uint32_t operation;
	string_number address;
};
struct endpoint_entry {
	struct endpoint_key key;
};

struct missing_entry {
	string_number path;
};

struct gap_key {
	string_number kind, path, detail;
};
struct gap_entry {
	struct gap_key key;
	uint64_t count;
};

struct run_key {
	uint64_t started_ns;
	string_number host;
	uint32_t zero;
};
struct run_entry {
	struct run_key key;
	uint64_t ended_ns;
	uint64_t processes;
	uint64_t records;
};

struct manifest {
	char application[MANIFEST_NAME_SIZE];
	char version[MANIFEST_NAME_SIZE];
	struct strings strings;
	struct table executables;
	struct table packages;
	struct table files;
	struct table libraries;
	struct table endpoints;
	struct table missing;
	struct table gaps;
	struct table runs;
	struct table executes;	/* pair: an executable, one that it started */
	struct table uses;	/* use: a file, an executable */
	struct table loaders;	/* loader: a library, an executable */
	struct table connected; /* pair: an endpoint, an executable */
	struct table looked;	/* pair: a missing path, an executable that looked for it */
	uint32_t n_unasked;	/* files whose package is not known yet */
	uint32_t first_unasked; /* the first of them, if there are any */

	struct arena view_arena;
	Footprint__Manifest *view; /* NULL: to be built */
};

/* Throws away the view, which every change makes stale. */
void manifest_forget_view(struct manifest *m);

/* Intern a string, and give its number; NULL is "". In a text, bytes that are not UTF-8 are
 * escaped. 0 or -ENOMEM. */
int manifest_intern_bytes(struct manifest *m, const char *bytes, string_number *ret);
int manifest_intern_text(struct manifest *m, const char *text, string_number *ret);
/* The place of this path's entry in a table whose entries begin with their path. Makes the entry if
 * there is none. 0, -EINVAL: not canonical, or -ENOMEM. */
int manifest_add_path(struct manifest *m, struct table *table, const char *path, uint32_t *ret);

/* Takes the description if it is greater than the one that is there. */
void manifest_join_library(struct manifest *m, uint32_t library, const struct library_entry *info);

#endif
