/*
 * A look: all that there is to know about one path of a container, found out in one go on a
 * worker's thread: where the path leads, over which symlinks, what is there, whose package that is,
 * and, for programs and libraries, what these need.
 *
 * A look does not change any more once a worker has made it. References are counted, by the loop's
 * thread alone.
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
	LOOK_CONTENT, /* also the digest of a regular file */
	LOOK_OBJECT,  /* also what an ELF file or script says of itself, and its interpreter */
	LOOK_PROGRAM, /* also all libraries that it needs (its closure) */
};

struct look_link {
	char *path;   /* canonical path of a symlink on the way */
	char *target; /* as it stands in the symlink */
	struct file_state state;
	char *owner; /* what state says of its package points here */
};

struct look {
	unsigned references;
	uint64_t serial;  /* never the same twice */
	uint64_t made_ms; /* when, as uv_now() */
	enum look_depth depth;
	char *path; /* canonical; if the lookup failed: as far as it exists, and then the rest */
	int error;  /* of the lookup: 0 or a negative errno */
	struct look_link *links;
	size_t n_links;
	size_t own_link; /* links[own_link - 1] is what the path itself names; 0: no symlink */
	bool has_state;
	struct file_state state;
	char *target; /* of a symlink that was not followed: state.target points here */
	char *owner;  /* what state says of its package points here; NULL: nobody's */
	/* Why it is the path as text, and no file was looked at; NULL: it is not. */
	const char *guess;
	/* In an entered root: it is on a mount that is not there any more, and was not found where
	 * that came from. */
	bool unmounted;
	/* There, too: what was at the path before something was mounted over it, in the container's
	 * root; NULL: nothing. The process that has entered that root may have used either. */
	struct look *hidden;
	/* There, too: the path before it got the name that the container has. NULL: it is the
	 * container's root. */
	char *inside;

	/* LOOK_OBJECT and deeper, where there is a regular file */
	struct elf_info elf;
	struct look *interpreter; /* of a script or a program with PT_INTERP; NULL: none */
	/* LOOK_PROGRAM */
	struct elf_closure closure;
	char *trouble; /* why what it needs is not known; NULL: it is */
};

/* What looks in a container are made with. Only one thread uses them at a time. */
struct look_tools {
	struct resolver *resolver;	   /* NULL: there is no descriptor of that root */
	struct package_database *packages; /* NULL: not read yet */
	uint64_t packages_stamp; /* identifies the state of the files that they were read from */
	bool no_packages;	 /* they are not to be read at all */
	/* For file_state.ask, until the packages are read; 0: the first look reads them. */
	unsigned ask;
	bool reported; /* it was reported that the database is damaged */
	struct digests digests;
	struct id_map users, groups;
	struct inner_root *inner; /* where the last look in a chroot began; NULL: nowhere yet */
	unsigned refreshed;	  /* how often they were refreshed */
};

struct look_request {
	const char *raw;  /* an absolute path as a process gave it */
	size_t root_size; /* its first bytes that name what was "/" then (chroot); 0: none do */
	struct entered *entered; /* the root that `raw` begins in; NULL: the container's */
	bool follow;		 /* a symlink in the last component, too */
	enum look_depth depth;
	/* False if the application writes the file: its content is not the version's. */
	bool digest;
};

/*
 * Looks at a path. Without a resolver, it is only tidied up as text, and the look's error is
 * -EXDEV. 0 or -ENOMEM: any other failure is part of the look.
 */
int look_at(struct look_tools *tools, const struct look_request *request, struct look **ret);

/* Makes a look without asking any file system: the path is tidied up as text, and the error is
 * -EXDEV. why: in the words of a gap; must stay. */
int look_at_letters(const char *raw, enum look_depth depth, const char *why, struct look **ret);

/* Finds whose package the file at a canonical path is, and fills in state->manager and the fields
 * after it. Their texts are in *ret_owner, which the caller frees. Reads the packages if necessary.
 * 0 or -ENOMEM. */
int look_for_package(
	struct look_tools *tools, const char *path, struct file_state *state, char **ret_owner);

/* Forgets what may have changed: opened directories, and with `packages` also the packages, if
 * their database has changed. */
void look_tools_refresh(struct look_tools *tools, bool packages);
void look_tools_deinit(struct look_tools *tools);

static inline struct look *look_ref(struct look *look)
{
	look->references++;
	return look;
}
/* NULL is allowed. */
void look_unref(struct look *look);

/* The object of the closure with this canonical path, or NULL. */
const struct elf_object *look_closure_find(const struct look *program, const char *path);

#endif
