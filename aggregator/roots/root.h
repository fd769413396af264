/*
 * Roots: the file systems that processes live in, each with a queue of facts whose paths are to be
 * resolved there.
 *
 * One struct root stands for one container (or a chroot, or the host). Roots are told apart by what
 * statx says of the O_PATH descriptor that comes with a hello. The facts in a queue are applied in
 * order. If a fact's paths were looked at lately, it is applied at once. For the others a worker
 * makes a batch of looks, one batch at a time for each root, while the loop goes on. Facts may
 * wait; processes never do, since what they say stays in their own memory until we read it. If a
 * root's file system does not answer (workers.h), facts do not wait for it: their paths are taken
 * as text, with a gap, until the batch comes back. So is a path for which there has been no memory
 * for long.
 */
#ifndef FOOTPRINT_AGGREGATOR_ROOTS_ROOT_H
#define FOOTPRINT_AGGREGATOR_ROOTS_ROOT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "aggregator/index.h"
#include "aggregator/roots/entered.h"
#include "aggregator/roots/look.h"
#include "aggregator/roots/owners.h"
#include "aggregator/spool/spool_shared.h"
#include "proto/record.pb-c.h"

struct aggregator;
struct fact;
struct batch;

/* Since when there has been no memory for something, and when it was last tried, as uv_now(). 0:
 * there is. */
struct shortage {
	uint64_t since_ms, tried_ms;
};

/* A path as a process gave it, made absolute, and the last look at it. */
struct path {
	unsigned references; /* facts, directories and sessions that name it */
	uint32_t hash;
	bool follow;
	bool changed; /* the application changes the file, so it gets no digest */
	bool in_batch;
	uint32_t size;		  /* of `raw`, bytes */
	size_t root_size;	  /* first bytes of `raw`, which named "/" (chroot); 0: none do */
	struct entered *entered;  /* the root that `raw` begins in; NULL: the container's */
	struct look *look;	  /* NULL: none yet, or forgotten */
	struct shortage shortage; /* of memory for a look */
	char raw[];
};

/* The limits of what is kept count long paths as several: with a few bytes, a record can name a
 * path of RAW_PATH_SIZE_MAX. */
#define PATH_UNIT_SIZE 1024u
static inline uint32_t path_units(const struct path *path)
{
	return 1 + path->size / PATH_UNIT_SIZE;
}

struct root {
	LIST_ENTRY(root) link;
	struct aggregator *daemon;
	unsigned references; /* sessions */
	uint32_t user;	     /* whose process was the first */
	uint64_t device, inode, mount;
	uint64_t birth_ns; /* nanoseconds since the epoch; 0: not known */
	bool known;	   /* there was a descriptor, so there is a resolver */
	/* The descriptor of a root that was not known, which came while a batch was running; -1:
	 * none. */
	int handed;

	bool ids_known; /* the numbers of its users and groups are known (root_ids.c) */
	int mounts;	/* its mount namespace, held open (root_mounts.c); negative: it is not */
	bool in_use;	/* a session in it is not finished, or a fact not resolved */
	bool late;	/* the running batch may never end */
	bool pumping;	/* facts are being applied */

	struct look_tools tools; /* the running batch's */
	struct index paths;
	uint32_t n_looks; /* paths with a look, in units */
	uint64_t n_paths; /* all paths, in units */
	uint64_t n_kept;  /* those that were in use when the others were last forgotten */
	STAILQ_HEAD(, fact) facts;
	uint64_t facts_queued;	  /* so far */
	struct batch *batch;	  /* running; NULL: none */
	struct shortage shortage; /* of memory, or threads, for any batch */
	struct entered_list entered;
	struct owners owners;
	uint64_t refreshed_ms;
	uint64_t packages_ms; /* when the package database was last checked for changes */
	uint64_t idle_since_ms;
	struct spool_answer spool;
	/* Sessions without FOOTPRINT_APP belong to this application: it is named after the first
	 * program here, and counts as long as a run of it goes on. */
	struct application *unnamed;
};

LIST_HEAD(root_list, root);
struct roots {
	struct root_list list;
	unsigned count;
	uint64_t last_serial;	 /* of facts queued so far */
	uint64_t trimmed_serial; /* last_serial when malloc last gave unused memory back */
	unsigned n_freed;	 /* roots freed since then */
	unsigned n_entered;	 /* entered roots that are open */
	uint64_t n_queued;	 /* facts that wait, in all roots, in units of their paths */
	bool frozen;		 /* a snapshot is being written: nothing is applied */
	bool mounts_told;	 /* it was reported that mounts cannot be held */
	bool short_told;	 /* it was reported that there is no memory for looks */
	uint64_t asks;		 /* bit N: the number N of look_tools.ask is taken */
};

/* While more facts than this wait, no logs are read. */
#define FACTS_QUEUED_MAX 65536u

/* Is the root that `fd` names known, and has no process entered it? */
bool roots_have(struct aggregator *daemon, int fd);
/* Finds the root that `fd` (an O_PATH descriptor of a directory) names, or makes it, for a process
 * of this user; it keeps a duplicate of the descriptor. 0; -EUSERS: the user has too many now
 * (reported); or another negative errno. The caller holds a reference. */
int roots_get(struct aggregator *daemon, uint32_t user, int fd, struct root **ret);
/* The same for records from the spool, whose process is gone: a known root with the hello's device
 * and inode, our own if it is that one, or a root that stands for an unknown one and resolves
 * nothing. That waits a little for somebody to hand over a descriptor, as processes do that have
 * lived on. */
int roots_get_by_identity(
	struct aggregator *daemon, uint32_t user, const Footprint__Hello *hello, struct root **ret);
void root_unref(struct root *root);
/* Frees roots that nobody has used for a while. */
void roots_tick(struct aggregator *daemon);
/* To be called when no batches are running except late ones; the roots of these are not freed. */
void roots_deinit(struct aggregator *daemon);

/* Fills in what identifies the root that this descriptor names. 0 or a negative errno. */
int root_identify(int fd, struct root *ret);

/* Learns the numbers of users and groups in this root, whose descriptor is `fd`, from the process
 * at the other end of `socket`, if that can be asked. */
void root_learn_ids(struct root *root, int fd, int socket);

/* Holds the mount namespace of the process at the other end of `socket`, if that can be asked. */
void root_hold_mounts(struct root *root, int socket);
void root_release_mounts(struct root *root);
/* Releases those that nobody needs any more. */
void roots_release_mounts(struct aggregator *daemon);

/* There is no memory now. */
void shortage_note(struct shortage *shortage, uint64_t now_ms);

/* When no batch is running: takes the descriptor that came meanwhile. */
void root_take_handed(struct root *root);
/* Forgets all looks, and all paths that nobody uses. */
void root_forget_looks(struct root *root);
/* The root is to be freed. */
void root_free_paths(struct root *root);
/* A name in a root, as in struct path. */
struct path_name {
	const char *raw;
	size_t root_size;
	struct entered *entered;
	bool follow;
};
/* The entry of this path, with a reference for the caller. NULL: no memory. */
struct path *root_path(struct root *root, const struct path_name *name);
void path_unref(struct path *path);
/* The same for a path that was not needed after all: it does not stay if nobody else uses it. */
void path_unref_unneeded(struct root *root, struct path *path);

/* Queues a fact (its ownership goes to the root), and applies what can be applied. */
void root_push(struct root *root, struct fact *fact);
/* Applies the facts that are ready, and starts a batch for the others. */
void root_pump(struct root *root);
void roots_pump(struct aggregator *daemon);

/* Have all facts up to this serial been applied? */
bool roots_applied(const struct aggregator *daemon, uint64_t serial);
bool roots_busy(const struct aggregator *daemon);

#endif
