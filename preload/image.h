/*
 * What one process privately knows of its image: start here to see what the recorder holds.
 *
 * The struct is small on purpose: a fresh page costs more than everything else that a short process
 * pays for us, so all of our writable data stands together. It is private memory: forks get a copy.
 * A vfork child works on its parent's: see image_is_ours().
 */
#ifndef FOOTPRINT_PRELOAD_IMAGE_H
#define FOOTPRINT_PRELOAD_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/session/memory.h"
#include "proto/pool.h"

/* What every start writes, and what few processes do: layout.ld puts the one first, the other last.
 */
#define DATA_OF_START __attribute__((section(".data.hot")))
#define DATA_SELDOM   __attribute__((section(".data.cold")))

#define NEAR_FDS 64 /* descriptors whose directories are remembered beside the rest */

/* May the working directory be remembered? Not while it is several processes' or threads'. */
enum directory_cache { DIRECTORY_CACHED, DIRECTORY_OF_CHILD, DIRECTORY_OF_THREAD };

struct image {
	/* Records go here; NULL: not started. Set by compare-and-swap, once a segment. */
	struct segment *segment;

	uint64_t directory;	/* id of the working directory, 0: unknown */
	uint64_t root;		/* id of what chroot made "/", 0: as it was at the start */
	uint64_t last_look;	/* image_time() when we last looked for the aggregator */
	uint64_t device, inode; /* of our socket: is `descriptor` still it? inode 0: to be learnt */
	struct seen_overflow
		*seen_overflow;	   /* last level of the seen table, NULL: not needed yet */
	uint64_t *known_programs;  /* in the memory that forks share (program.c), NULL: none */
	uint64_t *far_directories; /* near_directories goes on, NULL: not needed yet */
	int descriptor;		   /* our socket, -1: none */
	int pid;		   /* the process that this copy belongs to */
	int guard;		   /* its parent, if that is watched too; 0: not known (pool.h) */
	uint32_t cell;		   /* of the pool, counted from 1; 0: it has memory of its own */
	struct segment *home;	   /* the cell; NULL: it has none */
	uint64_t identity; /* of its settings (pool_map.h); its environment may be gone later */
	uint64_t name;	   /* the second half of the session's id, as it stands in the cell */
	struct pool_head *pool; /* mapped, to start programs with; NULL: none */

	bool off;	   /* nothing is to be recorded */
	bool memory_only;  /* no system calls any more */
	bool unwelcome;	   /* a filter would kill us in the programs that are executed */
	bool starting;	   /* the aggregator is told of the first records once, after them */
	bool said_goodbye; /* and is not among the users any more */
	bool forked;	   /* its children may know a pool that it does not (pool.c) */
	bool left_root;	   /* that the hello names: "/" is another directory now */
	bool left;	   /* the cell, which it must not touch any more (pool.h) */
	bool connecting;   /* a thread is at it */
	bool refused;	   /* the spool did not take something: it is tried again now and then */
	bool told_refusal; /* FOOTPRINT_LOG was heeded */
	bool has_waited;   /* for the aggregator, which happens once at most */
	bool logs;	   /* FOOTPRINT_LOG is set, and not 0 */
	uint8_t directory_uncached; /* enum directory_cache */

	uint64_t near_directories[NEAR_FDS]; /* descriptor -> directory id, 0: unknown */
};

extern struct image image;

struct entry;
struct settings;

/* What FOOTPRINT_* say. False: we are not wanted here. */
bool image_settings(const struct entry *entry, struct settings *ret);

/* Starts the image, unless it has or there is nothing to do. Any number of threads and signal
 * handlers may come here at once: one wins, and all get its segment. NULL: nothing is recorded. */
struct segment *image_start(void);

/*
 * Is the cell another image's by now, or about to be? Then this is a process made by a clone that
 * no hook saw, and all that it knew of have left the cell.
 */
static inline bool image_is_homeless(void)
{
	const struct segment *home = image.home;
	uint64_t name;

	if (!home)
		return false;
	__builtin_memcpy(&name, home->session + sizeof(name), sizeof(name));
	return name != image.name || __atomic_load_n(&POOL_TAIL(home)->ended, __ATOMIC_RELAXED);
}
/* What it says from here on is said in a session of its own. */
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

/* Another segment after `full`; NULL: none can be had, or none may be. */
struct segment *image_extend(struct segment *full);

/* Segment 0 of an image. */
static inline struct segment *image_oldest(struct segment *segment)
{
	while (segment->previous)
		segment = segment->previous;
	return segment;
}

/* Before a fork: children with a full segment would each go on with one of their own. */
void image_make_room(void);

/*
 * Is this private memory the calling process's own? False in a vfork child, which works on its
 * parent's memory but has descriptors and a working directory of its own, and in a process made
 * by a clone that no hook saw. Such a process must not change what concerns those. One system call.
 */
bool image_is_ours(void);

/* Are there no threads? As far as libc knows, whom to ask costs nothing. */
bool image_is_single_threaded(void);

/* Counts records that could be kept nowhere. */
void image_lose(uint64_t records);

/* One line on stderr when image.logs. `error` is a negative errno or 0. */
void image_log(const char *what, long error);
/* That the spool takes nothing: once, for each record would be refused anew. */
void image_log_refusal(long error);

/* A time stamp of the processor's, at no cost; two of them IMAGE_SECOND apart are about a second.
 */
#define IMAGE_SECOND (1ull << 31)
static inline uint64_t image_time(void)
{
	return __builtin_ia32_rdtsc();
}

#endif
