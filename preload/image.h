/*
 * What one process knows privately of its image: start here to see what the recorder holds.
 *
 * The struct is small on purpose, and all our writable data stands together: a fresh page costs
 * more than everything else that a short process pays for us. It is private memory, so a fork gets
 * a copy. A vfork child works on its parent's: see image_is_ours().
 */
#ifndef FOOTPRINT_PRELOAD_IMAGE_H
#define FOOTPRINT_PRELOAD_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/session/memory.h"
#include "proto/pool.h"

/* Data that every start writes, and data that few processes write: layout.ld puts the first at the
 * beginning, the other at the end. */
#define DATA_OF_START __attribute__((section(".data.hot")))
#define DATA_SELDOM   __attribute__((section(".data.cold")))

#define NEAR_FDS	64  /* descriptors below this have their directories remembered here */
#define NEAR_PATHS_SIZE 192 /* bytes */

/* image.root if it may not be the root of every thread or process that shares this memory: then
 * directory_root() has to look. */
#define ROOT_IS_LOOKED_AT (UINT64_MAX - 1)

/* May the working directory be remembered? Not while several processes or threads, each with its
 * own, share this memory; and not for a signal handler that interrupts a chdir. */
enum directory_cache {
	DIRECTORY_CACHED,
	DIRECTORY_MOVING,
	DIRECTORY_OF_CHILD,
	DIRECTORY_OF_THREAD
};

struct image {
	/* The segment where records go; NULL: not started. Set by compare-and-swap, once for each
	 * segment. */
	struct segment *segment;
	struct layouts layouts;	 /* of that one, and of those before it */
	const char *socket_path; /* FOOTPRINT_SOCKET, as an absolute path */
	const char *spool_path;	 /* of the spool's folder */

	uint64_t directory; /* id of the working directory, 0: unknown */
	uint64_t root; /* id of what chroot made "/"; 0: as at the start. See directory_root() */
	uint64_t root_directory; /* the usual id of that directory */
	uint64_t last_look;	 /* image_time() when we last looked for the aggregator */
	uint64_t device, inode;	 /* of our socket, to recognise it; inode 0: to be learnt */
	/* The last level of the seen table; NULL: not needed yet. */
	struct seen_overflow *seen_overflow;
	uint64_t *known_programs;  /* program.c's table, in memory that forks share; NULL: none */
	uint64_t *far_directories; /* continues near_directories; NULL: not needed yet */
	int descriptor;		   /* our socket, -1: none */
	int pid;		   /* the process that this copy belongs to */
	int guard;		   /* its parent, if that is watched too; 0: not known (pool.h) */
	uint32_t cell;		   /* of the pool, counted from 1; 0: it has memory of its own */
	struct segment *home;	   /* the cell; NULL: it has none */
	/* The newest segment that a guard of the same image has, too; NULL: the guard is not. */
	struct segment *inherited;
	uint64_t identity; /* hash of the settings (pool_map.h), whose texts may be gone later */
	uint64_t name;	   /* second half of the session's id, as in the cell */
	struct pool_head *pool; /* its head and tickets, to start programs with; NULL: none */
	uint64_t pool_tickets;	/* how many tickets had been written when it was mapped */

	bool off;	   /* nothing is to be recorded */
	bool memory_only;  /* no system calls any more, but before an exec (filters.h) */
	bool unwelcome;	   /* not even then: a seccomp filter would kill us in the programs, too */
	bool starting;	   /* the start's records are being made: they are tended together */
	bool said_goodbye; /* and no longer counts among the segments' users */
	bool forked;	   /* has forked: its children may know a pool that it does not (pool.c) */
	bool left_root;	   /* "/" is no longer the root that the hello names */
	bool root_is_mine; /* no other process of this image has it: entered, and not forked since
			    */
	bool roots_apart;  /* threads that share this may have different roots */
	bool root_in_proc; /* "/" was in /proc when a filter was installed: only a broker finds
			      files */
	bool has_rings;	   /* has looked at an io_uring (rings.h) */
	bool left;	   /* has left its cell, and must not touch it any more (pool.h) */
	bool connecting;   /* a thread is connecting */
	bool refused;	   /* the spool refused something, which is to be tried again */
	bool told_refusal; /* FOOTPRINT_LOG has said so */
	bool has_waited;   /* has waited for the aggregator, which it may do once */
	bool logs;	   /* FOOTPRINT_LOG is set, and not 0 */
	bool descriptors_apart;	    /* a number is not the same descriptor for all who share this */
	uint8_t directory_uncached; /* enum directory_cache */

	uint64_t near_directories[NEAR_FDS]; /* descriptor -> directory id, 0: unknown */
	char near_paths[NEAR_PATHS_SIZE];    /* the two paths, if they are short */
};

extern struct image image;

/* Starts the image, unless it has started or is not to be watched. Any number of threads and signal
 * handlers may call this at once: one wins, and all get its segment. NULL: nothing is recorded. */
struct segment *image_start(void);

/*
 * Does the cell belong to another image by now, or will it soon? Then this process was made by a
 * clone that no hook has seen: all processes that the image knew of have left the cell.
 */
static inline bool image_is_homeless(void)
{
	const struct segment *home = image.home;
	uint64_t name;

	if (!home)
		return false;
	__builtin_memcpy(&name, home->session + sizeof(name), sizeof(name));
	return name != image.name || __atomic_load_n(&cell_life(home)->ended, __ATOMIC_RELAXED);
}
/* Forgets the cell and all that has a meaning in its session alone: what this process records from
 * now on goes into a session of its own. */
void image_leave_session(void);
/* The same for a homeless process, which holds a connection that it has no use for any more. */
void image_move_out(void);

/* The segment records go to now; NULL: nothing is recorded. */
static inline struct segment *image_segment(void)
{
	struct segment *segment;

	if (image_is_homeless())
		image_move_out();
	segment = __atomic_load_n(&image.segment, __ATOMIC_ACQUIRE);
	return segment || image.off ? segment : image_start();
}

/* The segment after `full`, which is made if there is none yet. NULL: there can be none. */
struct segment *image_extend(struct segment *full);

/* To be called before a fork: makes another segment if this one is nearly full, so that not each
 * child has to make its own. */
void image_make_room(void);

/*
 * Is this private memory the calling process's own? False in a vfork child, which works on its
 * parent's memory but has descriptors and a working directory of its own, and in a process made by
 * a clone that no hook has seen. Such a process must not change what is remembered of descriptors
 * and directories. Makes one system call.
 */
bool image_is_ours(void);

/* Has this process only one thread, as far as libc knows? Costs nothing. */
bool image_is_single_threaded(void);

/* Counts records that are lost, because they could be kept nowhere. */
void image_lose(uint64_t records);

/* Writes one line to stderr, if image.logs is set. `error`: a negative errno, or 0 for none. */
void image_log(const char *what, long error);
/* That the spool takes nothing: once, for each record would be refused anew. */
void image_log_refusal(long error);

/* The processor's time stamp, which costs nothing. IMAGE_SECOND of it are about a second: 0.5 to
 * 1.5, by the clock of the processor. */
#define IMAGE_SECOND (1ull << 31)
static inline uint64_t image_time(void)
{
	return __builtin_ia32_rdtsc();
}

#endif
