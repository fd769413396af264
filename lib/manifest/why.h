/*
 * Why something is in a manifest: the shortest chain from a run to it.
 *
 * Start here: why_find() takes what a person types: a path (symlinks that the manifest knows are
 * followed), a soname, or an endpoint's address; as it is, or escaped as commands print it. The
 * first step of a chain is a program with which a run began. Each further step says how it follows
 * from the one before.
 */
#ifndef FOOTPRINT_MANIFEST_WHY_H
#define FOOTPRINT_MANIFEST_WHY_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "proto/manifest.pb-c.h"

enum why_kind {
	WHY_BEGAN,	 /* `path`: a run began with this program */
	WHY_APPEARED,	 /* `path`: a program that ran, and nobody knows who started it */
	WHY_EXECUTED,	 /* which executed the program `path` */
	WHY_INTERPRETED, /* which is a script, interpreted by `path` */
	WHY_NEEDS,	 /* which needs the library `path` */
	WHY_UNOBSERVED,	 /* which needs it too, but nobody saw it loaded */
	WHY_LOADED,	 /* which dlopened the library `path` */
	WHY_HAD,	 /* which loaded the library `path`, and nobody knows what asked for it */
	WHY_USED,	 /* which used the file `path`, as `access` says */
	WHY_MISSED,	 /* which looked for `path`, and it was not there */
	WHY_CONNECTED,	 /* which did `operation` to the address `text` */
};

struct why_step {
	enum why_kind kind;
	ProtobufCBinaryData path;
	uint32_t access;
	Footprint__EndpointOperation operation;
	const char *text;
};

/* One answer. */
struct why_chain {
	ProtobufCBinaryData path; /* of what is explained, or an address */
	struct why_step *steps;
	size_t n_steps;
};

struct why_link {
	ProtobufCBinaryData path, target;
};

#define WHY_LINKS_MAX	    40 /* as many symlinks as the kernel follows */
#define WHY_SUGGESTIONS_MAX 5

struct why {
	/* What was asked for, under the name that the manifest has for it: the first chain's. */
	ProtobufCBinaryData path;
	/* The symlinks that led from what was asked for to `path`. */
	struct why_link links[WHY_LINKS_MAX];
	size_t n_links;
	/* The number of links up to the last one that is a whole path, not a directory on the way;
	 * 0: none is. */
	size_t final_link;
	/* One for a path; one for each library of that name, or each operation on an address. */
	struct why_chain *chains;
	size_t n_chains;
	/* With -ENOENT: paths in the manifest whose last component is the same, or begins the
	 * same, and addresses that begin the same or have that port. */
	ProtobufCBinaryData suggestions[WHY_SUGGESTIONS_MAX];
	size_t n_suggestions;
	struct arena arena; /* steps and paths that are not the manifest's own */
};

/* 0; -ENOENT: the manifest has nothing of that name; -ENOMEM. The manifest must outlive the answer.
 * The caller calls why_deinit() in any case. */
int why_find(const Footprint__Manifest *m, const char *what, struct why *ret);
void why_deinit(struct why *why);
#define auto_why __attribute__((cleanup(why_deinit)))

#endif
