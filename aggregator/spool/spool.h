/*
 * The spool: files in which processes have left records that nobody has acknowledged
 * (proto/WIRE.md).
 *
 * A file is taken by renaming it, so that processes begin another one, and by locking it, so that
 * none of them is still writing. It is removed when all that it held is in manifests on disk. If
 * the aggregator is killed before that, its successor finds the file.
 *
 * spool_life.c opens the directory and follows its name, spool_scan.c looks for files,
 * spool_take.c takes them, spool_read.c reads them, and spool.c knows how far each has got.
 */
#ifndef FOOTPRINT_AGGREGATOR_SPOOL_SPOOL_H
#define FOOTPRINT_AGGREGATOR_SPOOL_SPOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

/* Files that are taken and not yet removed. */
#define SPOOL_TAKEN_MAX 256u
/* Read at once; more than the largest entry. */
#define SPOOL_WINDOW_SIZE (FP_SEGMENT_SIZE_MAX + (64u << 10))

struct aggregator;
struct session;

enum taken_state {
	TAKEN_LOCKED, /* somebody may still write to it */
	TAKEN_READING,
	TAKEN_WAITING, /* for applications or roots of its user to end */
	TAKEN_READ,
	TAKEN_COVERED, /* the snapshot being written has all of it */
	TAKEN_BROKEN,  /* cannot be read: it stays where it is */
};

#define SPOOL_LOCK_NAME "lock"

struct taken {
	TAILQ_ENTRY(taken) link;
	char name[32];
	int fd;
	int directory; /* where it is, if that is the spool no more; -1: it is */
	enum taken_state state;
	uint32_t uid;
	bool apart;	  /* it is held by a process that has changed its root (proto/WIRE.md) */
	bool journal;	  /* it is a journal of ours, so we have had its content in another way */
	bool early;	  /* read without its lock, which somebody held too long: perhaps not all */
	uint64_t size;	  /* when reading began; what is appended later is not waited for */
	uint64_t offset;  /* of the first byte not read */
	uint64_t serial;  /* serial of the last fact when all of it had become facts */
	bool settled;	  /* all of it has become facts: nothing is pending or deferred */
	bool reported;	  /* it was reported that it cannot be removed */
	uint64_t read_ms; /* when it had been read */
	uint64_t since_ms; /* when it was taken */
	uint64_t unplaced; /* damaged entries that are no gap yet */
};

/* What was found in the directory. */
struct spool_findings {
	bool missed;  /* there are files that we may not read */
	bool crowded; /* there are files for which there was no place */
	bool failed;  /* files could not be taken now, but may have been renamed already */
};

/* A pass over the directory (spool_scan.c). */
struct spool_pass {
	enum { PASS_LISTS_LEFTOVERS, PASS_ADOPTS_LEFTOVERS, PASS_TAKES_NEW } stage;
	void *stream; /* a DIR; NULL: no pass is going on */
	uint64_t begun_ms;
	uint32_t n_entries; /* of the directory, that were read in this stage */
	bool told;	    /* it was reported that there are very many */
	struct spool_findings found;
	/* Files that an earlier aggregator has taken. */
	struct leftover *leftovers;
	uint32_t n_leftovers, n_adopted;
	bool all_listed;
};

TAILQ_HEAD(taken_list, taken);
struct spool {
	int directory;
	int lock;	      /* keeps a second daemon from this spool; -1: none */
	bool away;	      /* its name leads elsewhere or nowhere, which was reported */
	bool removed;	      /* runs are to be told that it was removed */
	bool left_behind;     /* files that an earlier aggregator has taken may be there */
	bool made;	      /* we made the directory, so nobody has kept anything before */
	const char *unread;   /* there are files that nobody has read, and why; NULL: none are */
	bool broken;	      /* some of them could not be read */
	uint64_t last_number; /* of taken.N */
	uint64_t scanned_ms;  /* when all files were last taken */
	uint64_t read_ms;     /* the same of those that have all been read */
	unsigned n_taken;
	struct taken_list taken;
	struct spool_pass pass;
	uv_timer_t step;  /* of reading */
	uv_timer_t pause; /* of looking for files */
};

/* Makes the directory (mode 1777), and takes the journal of an earlier aggregator. 0 or a negative
 * errno, which is reported. */
int spool_init(struct aggregator *daemon);
/* Goes on where the name of the directory leads by now: it may have been removed, renamed or
 * mounted over. It is made again if necessary, and what was in the old one is read as far as
 * possible. */
void spool_follow(struct aggregator *daemon);
/* Looks for files, and goes on with those that are taken. */
void spool_tick(struct aggregator *daemon);
/* Files are being read. */
bool spool_busy(const struct aggregator *daemon);
/* Does somebody still hold the lock of a file that is to be read? */
bool spool_locked(const struct aggregator *daemon);
/* Has everything been read that was there at this time? */
bool spool_read_since(const struct aggregator *daemon, uint64_t time_ms);
/* Sessions wait no longer for files that cannot be read now. */
void spool_release_sessions(struct aggregator *daemon);
/* Is a file there that the snapshot being written does not make unnecessary? */
bool spool_stays(const struct aggregator *daemon);
/* Is a file in work that was taken before this time? */
bool spool_holds_since(const struct aggregator *daemon, uint64_t time_ms);
/* The journal, open at fd (taken over on success): of sessions that have been read, or are being
 * read to their end. 0 or negative errno. */
int spool_adopt_journal(struct aggregator *daemon, int fd);
/* Is there one that has not been removed yet? */
bool spool_has_journal(const struct aggregator *daemon);

/* A snapshot begins: which files will it have all of? */
void spool_cover(struct aggregator *daemon);
/* It is on disk; or it is not. */
void spool_covered(struct aggregator *daemon, bool written);
void spool_close(struct aggregator *daemon);
void spool_deinit(struct aggregator *daemon);

#endif
