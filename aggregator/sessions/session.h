/*
 * Sessions: one for each process image.
 *
 * A session is made by the first hello with its id, from the socket or from the spool. It is live
 * while a socket speaks for it. When its last socket is gone, its memory is read to the end. After
 * that a small remainder is kept, so that what comes by the spool later is not counted twice.
 *
 * session.c makes and finds sessions, session_log.c reads what they say, session_life.c brings them
 * to their end, and session_acknowledge.c tells them what is on disk.
 */
#ifndef FOOTPRINT_AGGREGATOR_SESSIONS_SESSION_H
#define FOOTPRINT_AGGREGATOR_SESSIONS_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "aggregator/index.h"
#include "aggregator/manifests/library.h"
#include "aggregator/sessions/deferred.h"
#include "aggregator/sessions/directories.h"
#include "aggregator/sessions/segment.h"
#include "lib/record/record.h"

struct aggregator;
struct application;
struct entered;
struct fact;
struct look;
struct path;
struct received;
struct pool;
struct root;

enum session_state {
	SESSION_LIVE,	  /* a socket speaks for it */
	SESSION_ENDING,	  /* no socket does any more: the rest is being read */
	SESSION_FINISHED, /* all of it has been read */
};

struct session {
	TAILQ_ENTRY(session) link;
	LIST_ENTRY(session) of_application;
	struct aggregator *daemon;
	uint8_t id[SESSION_ID_SIZE];
	enum session_state state;
	bool dropped;	     /* broke the rules: nothing more of it is read */
	bool met;	     /* a socket has spoken for it */
	bool scattered;	     /* said hello without its memory: it had lost its connection, so its
				processes come back one by one */
	bool spooled;	     /* a spool file had something of it */
	bool imaged;	     /* counted as an image of its executable */
	bool uncounted;	     /* has counted something that is not in the ledger yet */
	unsigned references; /* facts that wait, and sockets */
	unsigned sockets;
	unsigned vigils; /* how many vigils watch its supervisor (vigil.h) */
	struct application *application;
	struct root *root;
	uint64_t started_ns;
	/* CLOCK_REALTIME: it was still alive then, as far as is known; 0: not known. */
	uint64_t ended_ns;
	uint32_t ended_tick; /* fp_tick() when its last socket was gone */
	Footprint__Watched watched;
	uint64_t ending_ms; /* uv_now() when its last socket was gone */
	uint64_t finished_ms;

	struct entered *begun_in; /* the root that its hello named; NULL: `root` itself */
	/* Those that it has entered, and that one, each once. */
	struct entered **entered;
	unsigned n_entered;
	uint64_t n_crossings; /* how often it has entered another root */
	struct path *executable_path, *directory_path;
	char *executable;     /* canonical; NULL until looked at */
	struct look *program; /* likewise */
	struct directories directories;
	struct deferred_records deferred;
	struct plugins plugins;

	struct pool *pool; /* the pool in which its first segment is a cell; NULL: none */
	unsigned cell;

	struct segment **segments; /* by number; NULL: not heard of */
	uint32_t n_segments;
	bool held;   /* the spool file with its records is being read */
	bool unread; /* it got log after its end, or not all could be read: read again soon */

	uint64_t processes, lost; /* counted so far, by us or by an earlier aggregator */

	/* Once the fact with this serial has been applied, the log is in the manifest up to
	 * segment.marked. */
	uint64_t mark_serial;
	bool marked;
};

/* A process that comes back later than that says nothing that needs what was kept of it. */
#define SESSION_AWAY_MS_MAX 3600000

TAILQ_HEAD(session_list, session);
struct sessions {
	struct session_list live, ending, finished;
	unsigned n_finished;
	uint64_t deferred_size; /* bytes of records that wait for a directory to be named */
	/* When the last one finished whose end nobody has seen; 0: none. */
	uint64_t unseen_ms;
	uint64_t ended_ms; /* when (uv_now) the last of those that have finished ended; 0: none */
	struct index by_id;
	/* Two copies of a piece of log, SEGMENT_CHUNK_SIZE bytes each: see segment_memory.c. */
	uint8_t *log_states, *log_payloads;
};

/* Since when (uv_now) the oldest record has waited to become a fact: an execution that may yet
 * fail, or a path relative to a directory that nobody has named. UINT64_MAX: none waits. */
uint64_t sessions_pending_since(const struct aggregator *daemon);
/* Tells all who live that their memories will be read once more and then no more. False: all have
 * been told. */
bool sessions_leave(struct aggregator *daemon);
/* Does a memory hold something unread that spool files hold as well? */
bool sessions_unread(const struct aggregator *daemon);

int sessions_init(struct aggregator *daemon);
void sessions_deinit(struct aggregator *daemon);

/* Where a hello came from. */
struct hello_source {
	uint32_t uid;
	/* The caller holds a reference; NULL: found by the hello's device and inode. */
	struct root *root;
	struct entered *entered; /* its "/" in that root; NULL: it is that of the root */
};

/* Finds the session of this hello, or makes it. 0; -EACCES: the policy forbids it; -ECANCELED: it
 * was dropped; -EUSERS: its user has too many applications or roots now (reported); -ENOMEM. The
 * caller counts failures, and reports the others. */
int session_get(struct aggregator *daemon, const Footprint__Hello *hello,
	const struct hello_source *source, struct session **ret);
struct session *session_find(struct aggregator *daemon, const uint8_t id[static SESSION_ID_SIZE]);

/* A socket begins, or ceases, to speak for the session. */
void session_attach(struct session *session);
void session_detach(struct session *session);

/* Adds memory that came with a hello. The segment belongs to the session on success. -EBADMSG: it
 * contradicts what is known. */
int session_add_memory(
	struct session *session, uint32_t number, struct segment *segment, struct error *err);
/* Adds log bytes that came by value: in a Batch or by the spool. 0, -EBADMSG, -ENOMEM. */
int session_add_log(struct session *session, uint32_t number, uint64_t offset, const uint8_t *log,
	size_t size, struct error *err);
/* Takes the counts and the time of a spool entry; counts only ever grow. */
void session_add_counts(struct session *session, uint32_t number, const struct spool_entry *entry);

/* A spool entry with this piece of log is damaged. That is a loss, unless the piece comes in
 * another way. 0, -EBADMSG, -ENOMEM. */
int session_add_torn(struct session *session, uint32_t number, uint64_t begin, uint64_t size);

/* "/" is the directory with this id from now on, and was `from` before (0: that of the hello); its
 * descriptors are among those received. If there is no room for it, what is used there is a gap.
 * -EBADMSG: these are others; -ENOMEM. */
int session_enter(struct session *session, const Footprint__Entered *said,
	struct received *received, struct error *err);
/* Its hello came from this root. 0 or -ENOMEM. */
int session_begin_in(struct session *session, struct entered *entered);
/* It is finished, and no fact of it waits: it looks nowhere any more. */
void session_leave_entered(struct session *session);

/* Reads what is new in its memories. */
void session_read(struct session *session);
/* Bytes of its shared logs that were not read yet. Counts the free part of a log, too, since only
 * the memory knows how full it is. */
uint64_t session_unread_size(const struct session *session);
/* The session broke the rules: its other records stay, and there is a gap. */
void session_drop(struct session *session, const struct error *err);
/* It has counted something that the manifest, and the ledger, are to be written for. */
void session_counted(struct session *session);
/* Makes a gap that we know of, and not the process. path NULL: the session's executable. */
int session_gap(struct session *session, const char *kind, const char *path, const char *detail);

/* Reads what is new in live sessions, and forgets those that ended long ago. */
void sessions_tick(struct aggregator *daemon);
/* Finishes the ended sessions whose facts have all been applied. */
void sessions_settle(struct aggregator *daemon);
/* May anything of it still come, by its socket or by a spool file? */
bool session_may_say_more(const struct session *session);
/* The same, or will a successor read something of it once more, in a spool file that stays? */
bool session_may_be_read(const struct session *session);
/* May a process still live that has said something to us, or to an aggregator before us? */
bool sessions_may_return(const struct aggregator *daemon);
/* Are some sessions ending that are not finished yet, or was the spool not read since the end of
 * one? A process may leave something there just before. */
bool sessions_busy(const struct aggregator *daemon);
/* Of the ending sessions that a socket spoke for: since when (uv_now) the oldest has been ending.
 * UINT64_MAX: there is none. */
uint64_t sessions_ending_since(const struct aggregator *daemon);

/* A snapshot begins, which will hold what has been applied so far. */
void sessions_cover(struct aggregator *daemon);
/* The snapshot of this application is on disk. */
void sessions_acknowledge(const struct application *application);

static inline struct session *session_ref(struct session *session)
{
	session->references++;
	return session;
}
void session_unref(struct session *session);

#endif
