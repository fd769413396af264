/*
 * A look: everything there is to know about one path of a container, found out in one go on a
 * worker's thread. Where it leads, over which symlinks, what stands there, whose package it is,
 * and - of programs and libraries - what they need.
 *
 * Looks are made by workers and never change afterwards. They are counted references, touched by
 * the loop's thread alone.
 */
#ifndef FOOTPRINT_AGGREGATOR_ROOTS_LOOK_H
#define FOOTPRINT_AGGREGATOR_ROOTS_LOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregator/roots/digests.h"
#include "aggregator/roots/id_map.h"
#include "lib/elf/elf.h"
#include "lib/manifest/manifest.h"
#include "lib/package/package.h"
#include "lib/root/resolver.h"

enum look_depth {
	LOOK_PATH,    /* where it leads and what is there */
	LOOK_CONTENT, /* and the digest of a regular file */
	LOOK_OBJECT,  /* and what the ELF file or script says of itself, and who interprets it */
	LOOK_PROGRAM, /* and the closure of its libraries */
};

struct look_link {
	char *path;   /* canonical path of a symlink walked on the way */
	char *target; /* as it stands in it */
	struct file_state state;
	char *owner; /* what state says of its package points here */
};

struct look {
	unsigned references;
	uint64_t serial;  /* never the same twice */
	uint64_t made_ms; /* when, as uv_now() */
	enum look_depth depth;
	char *path; /* canonical; where the lookup failed: as far as it exists, and the rest */
	int error;  /* 0, or the negative errno of the lookup */
	struct look_link *links;
	size_t n_links;
	bool has_state;
	struct file_state state;
	char *target; /* of a symlink that was not followed: state.target points here */
	char *owner;  /* what state says of its package points here; NULL: nobody's */

	/* LOOK_OBJECT and deeper, where there is a regular file */
	struct elf_info elf;
	struct look *interpreter; /* of a script or a program with PT_INTERP; NULL: none */
	/* LOOK_PROGRAM */
	struct elf_closure closure;
	char *trouble; /* why the closure is not known; NULL: it is */
};

/* What a container's looks are made with; used by one thread at a time. */
struct look_tools {
	struct resolver *resolver;	   /* NULL: no way into that root */
	struct package_database *packages; /* NULL: not read yet */
	uint64_t packages_stamp;	   /* of the files that they were read from */
	bool no_packages;		   /* and they are not to be read */
	unsigned ask;  /* file_state.ask, until they are read; 0: the first look reads them */
	bool reported; /* that the database is damaged */
	struct digests digests;
	struct id_map users, groups;
	struct inner_root
		*inner; /* the directory that the last look in a chroot began in; or NULL */
};

struct look_request {
	const char *raw;  /* an absolute path as a process gave it */
	size_t root_size; /* so many bytes of it are the directory that was "/" then; 0: none is */
	bool follow;	  /* a symlink in the last component too */
	enum look_depth depth;
	bool digest; /* not where the content is a run's rather than the file's own */
};

/*
 * Without a resolver the path is tidied up by its letters alone, and error is -EXDEV.
 * 0 or -ENOMEM: nothing else is a failure, but a part of the answer.
 */
int look_at(struct look_tools *tools, const struct look_request *request, struct look **ret);

/* The same without looking at anything: what the letters of the path tell, as error -EXDEV. */
int look_at_letters(const char *raw, enum look_depth depth, struct look **ret);

/* Whose package the file at a canonical path is: in state->manager and what follows it, whose texts
 * are in *ret_owner, which the caller frees. Reads the packages if need be. 0 or -ENOMEM. */
int look_for_package(
	struct look_tools *tools, const char *path, struct file_state *state, char **ret_owner);

/* Forgets what may have changed since: directories, and packages where their database has. */
void look_tools_refresh(struct look_tools *tools, bool packages);
void look_tools_deinit(struct look_tools *tools);

static inline struct look *look_ref(struct look *look)
{
	look->references++;
	return look;
}
/* NULL is fine. */
void look_unref(struct look *look);

/* The object of the closure with this canonical path, or NULL. */
const struct elf_object *look_closure_find(const struct look *program, const char *path);

#endif
