/*
 * Roots: the file systems that processes live in, and the queue of facts that wait to be resolved
 * in each.
 *
 * One struct root stands for one container (or chroot, or the host), told apart by what statx says
 * of the O_PATH descriptor that came with a hello. Facts go through its queue in order. A fact
 * whose paths have been looked at lately is applied at once; for the others a batch of looks is
 * made by a worker, one batch at a time per root, while the loop goes on. Facts may wait;
 * the processes never do: what they say stays in their own memory until we come to it. Where a
 * root's file system does not answer (workers.h), they wait no longer: their paths are taken by the
 * letters, with a gap, until the batch comes back.
 */
#ifndef FOOTPRINT_AGGREGATOR_ROOTS_ROOT_H
#define FOOTPRINT_AGGREGATOR_ROOTS_ROOT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "aggregator/index.h"
#include "aggregator/roots/look.h"
#include "aggregator/roots/owners.h"
#include "proto/record.pb-c.h"

struct aggregator;
struct fact;
struct batch;

/* A path as some process gave it (made absolute), and what the last look at it told. */
struct path {
	unsigned references; /* facts, directories and sessions that name it */
	uint32_t hash;
	bool follow;
	bool changed; /* the application writes it: its content is not hashed */
	bool in_batch;
	size_t root_size;  /* so many bytes of it were "/" for that process; 0: it was in no chroot
			    */
	struct look *look; /* NULL: none yet, or forgotten */
	char raw[];
};

struct root {
	LIST_ENTRY(root) link;
	struct aggregator *daemon;
	unsigned references; /* sessions */
	uint64_t device, inode, mount;
	uint64_t birth_ns; /* 0: not told */
	bool known;	   /* there is a descriptor, and so a resolver */
	int handed;	   /* a descriptor that came while a batch was running without; -1: none */

	bool ids_known; /* what its users and groups are called: root_ids.c */
	int mounts;	/* the namespace of its mounts, held: root_mounts.c; negative: it is not */
	bool in_use;	/* somebody in it may speak, or something said is not resolved yet */

	struct look_tools tools; /* the running batch's */
	struct index paths;
	uint32_t n_looks; /* paths with a look */
	STAILQ_HEAD(, fact) facts;
	struct batch *batch; /* running; NULL: none */
	bool late;	     /* and nobody knows whether it will ever end */
	struct owners owners;
	uint64_t refreshed_ms;
	uint64_t packages_ms; /* when it was last asked whether their database has changed */
	uint64_t idle_since_ms;
	bool pumping;
	bool spool_told;		/* that it is another one than ours */
	bool spool_asked, spool_shared; /* see spool_shared.h; of the path with this hash */
	uint32_t spool_hash;
	uint64_t spool_asked_ms;
	/* Sessions without FOOTPRINT_APP belong to the application named after the first program
	 * here, as long as a run of it goes on. */
	struct application *unnamed;
};

LIST_HEAD(root_list, root);
struct roots {
	struct root_list list;
	unsigned count;
	uint64_t last_serial;	 /* of facts queued so far */
	uint64_t trimmed_serial; /* when malloc last gave back what it does not use */
	uint64_t n_queued;	 /* facts that wait, in all roots */
	bool frozen;		 /* a snapshot is being written: nothing is applied */
	uint64_t asks;		 /* bits: numbers of look_tools.ask that are taken */
};

/* Facts that may wait before reading of logs pauses. */
#define FACTS_QUEUED_MAX 65536u

/* The root behind fd (an O_PATH descriptor of a directory; the root keeps a duplicate).
 * 0 or negative errno. The caller holds a reference. */
int roots_get(struct aggregator *daemon, int fd, struct root **ret);
/* For records from the spool, whose process is gone: a known root that is the hello's, our own if
 * it is that, or one that stands for "unknown" and resolves nothing - unless somebody hands it over
 * soon, as those do who lived on. */
int roots_get_by_identity(
	struct aggregator *daemon, const Footprint__Hello *hello, struct root **ret);
void root_unref(struct root *root);
/* Frees roots that nobody has used for a while. */
void roots_tick(struct aggregator *daemon);
/* Only once no batch is running but late ones, whose roots stay. */
void roots_deinit(struct aggregator *daemon);

/* What a directory's descriptor says of the root that it is. 0 or negative errno. */
int root_identify(int fd, struct root *ret);

/* Whether the process at the other end of `socket` tells what users and groups are called in this
 * root, whose descriptor is fd. */
void root_learn_ids(struct root *root, int fd, int socket);

/* Holds the mounts that the process at the other end of `socket` sees, if it may be asked. */
void root_hold_mounts(struct root *root, int socket);
void root_release_mounts(struct root *root);
/* Lets go of those that nobody needs any more. */
void roots_release_mounts(struct aggregator *daemon);

/* No batch is running: takes what was handed over meanwhile. */
void root_take_handed(struct root *root);
/* Nothing that was looked at so far counts any more. */
void root_forget_looks(struct root *root);
/* The path's entry, referenced; NULL: no memory. */
struct path *root_path(struct root *root, const char *raw, size_t root_size, bool follow);
void path_unref(struct path *path);

/* Queues a fact (its ownership goes to the root), and applies what can be applied. */
void root_push(struct root *root, struct fact *fact);
/* Applies what has been looked at and looks at more. */
void root_pump(struct root *root);
void roots_pump(struct aggregator *daemon);

/* No fact with this serial or an earlier one waits any more. */
bool roots_applied(const struct aggregator *daemon, uint64_t serial);
bool roots_busy(const struct aggregator *daemon);

#endif
