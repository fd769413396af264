/*
 * Entered roots: directories that became "/" for a process in the middle of its life, and that no
 * path from its container's root leads to (pivot_root, setns, a mount namespace of its own).
 *
 * Paths in one are looked up with a resolver of its own, and reported by the names that the same
 * files have in the container's root, as far as they have any: see entered_look.c. The tables of
 * mounts that came with it tell these names. It belongs to a root, whose worker uses it. When the
 * sessions that have named it are finished, it is closed; what is said of it later is a gap.
 */
#ifndef FOOTPRINT_AGGREGATOR_ROOTS_ENTERED_H
#define FOOTPRINT_AGGREGATOR_ROOTS_ENTERED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "aggregator/roots/look.h"
#include "aggregator/spool/spool_shared.h"
#include "lib/root/mounts.h"

struct aggregator;
struct received;
struct root;

/* Mounts as they were when somebody left one root for another one. */
struct crossing {
	_Atomic unsigned references;
	int fd;		/* a memfd: the tables before and after, each ended by a NUL; -1: read */
	bool read;	/* they have been read, by a worker */
	uint64_t mount; /* the id of the root that was entered */
	struct mounts before, after;
};

struct entered {
	LIST_ENTRY(entered) link;
	struct root *root;
	unsigned references; /* paths, and those who use it */
	unsigned users;	     /* sessions that are not finished */
	uint64_t idle_since_ms;
	uint64_t device, inode, mount;

	/* The worker's. */
	struct look_tools tools;	/* without a resolver: closed */
	struct crossing *into;		/* how it was entered; NULL: nobody knows */
	_Atomic(struct crossing *) out; /* how it was left last; NULL: it was not */
	struct crossing *first;		/* how the container's root was left, on the way here */
	/* The table as it is now, which also holds the namespace; -1: none.
	 */
	int space;
	struct mounts now; /* as it was when `space` was read */
	bool stale;	   /* that is a while ago */
	/* The directory itself is on a file system that the container does not have: then packages
	 * may be installed here. */
	enum { OWN_UNKNOWN, OWN_ROOT, NOT_OWN } is_own;
	struct spool_answer spool;
};

LIST_HEAD(entered_list, entered);

#define ENTERED_OPEN_MAX    256u /* in all roots */
#define ENTERED_SESSION_MAX 64u	 /* of one session */

/*
 * Makes the root, or finds it, from the descriptors [root, tables, space], of which the last two
 * may be missing, and takes those that it needs. from: the root before; NULL: the container's. 0;
 * -ENOSPC: there are too many; -EBADMSG: the descriptors are something else; other errnos. The
 * caller holds a reference, and is a user. *ret is NULL where it is the container's root itself.
 */
int entered_get(
	struct root *root, struct entered *from, struct received *received, struct entered **ret);

/* The root that this descriptor of a program's root names. NULL: it is none that was entered. */
struct entered *entered_find(struct aggregator *daemon, int fd);

/* NULL is fine for both. Returns it. */
struct entered *entered_ref(struct entered *entered);
void entered_unref(struct entered *entered);
/* One user more, and one less. Both go with a reference. */
void entered_use(struct entered *entered);
void entered_leave(struct entered *entered);
/* Closes those that nobody has used for a while. */
void entered_tick(struct root *root);
/* When no worker is using them. */
void entered_deinit(struct root *root);

/* Looks that begin in an entered root, on a worker's thread. */
int look_in_entered(
	struct look_tools *tools, struct look *look, const struct look_request *request);
/* What was learnt of its mounts may be old. */
void entered_refresh(struct entered *entered);

#endif
