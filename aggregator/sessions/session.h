/*
 * Sessions: one process image each.
 *
 * A session is made by the first hello with its id - from the socket or from the spool - and lives
 * while a socket speaks for it. When the last socket is gone its memory is read to the end; what is
 * left then is a small remainder that keeps the spool from being counted twice.
 *
 * session.c makes and finds them, session_log.c reads what they say, session_life.c brings them to
 * their end, and session_acknowledge.c tells them what is on disk.
 */
#ifndef FOOTPRINT_AGGREGATOR_SESSIONS_SESSION_H
#define FOOTPRINT_AGGREGATOR_SESSIONS_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "aggregator/index.h"
#include "aggregator/manifests/library.h"
#include "aggregator/sessions/directories.h"
#include "aggregator/sessions/segment.h"
#include "lib/base/table.h"
#include "lib/record/record.h"

struct aggregator;
struct application;
struct deferred;
struct fact;
struct look;
struct path;
struct pool;
struct root;

enum session_state {
	SESSION_LIVE,	  /* a socket speaks for it */
	SESSION_ENDING,	  /* nobody does any more: the rest is being read */
	SESSION_FINISHED, /* all of it has been read */
};

struct session {
	TAILQ_ENTRY(session) link;
	struct aggregator *daemon;
	uint8_t id[SESSION_ID_SIZE];
	enum session_state state;
	bool dropped;	     /* broke the rules: nothing more is read */
	bool met;	     /* a socket has spoken for it */
	bool imaged;	     /* counted as an image of its executable */
	bool uncounted;	     /* has counted something that the ledger does not know of */
	unsigned references; /* facts that wait, sockets */
	unsigned sockets;
	unsigned vigils; /* of its supervisor: its program may outlive that (vigil.h) */
	struct application *application;
	struct root *root;
	uint64_t started_ns;
	uint64_t ended_ns; /* it lived until then, as far as is known; 0: nothing is */
	Footprint__Watched watched;
	uint64_t ending_ms; /* since when nobody has spoken for it */
	uint64_t finished_ms;

	struct path *executable_path, *directory_path;
	char *executable;     /* canonical; NULL until looked at */
	struct look *program; /* likewise */
	struct directories directories;
	TAILQ_HEAD(, deferred) deferred; /* records relative to a directory not known yet */
	unsigned n_deferred;
	struct table awaited;	 /* those directories, and who waits for each */
	struct deferred *called; /* those whose directory has been named */
	struct plugins plugins;

	struct pool *pool; /* whose cell its first segment is; NULL: it is not in one */
	unsigned cell;

	struct segment **segments; /* by number; NULL: never heard of */
	uint32_t n_segments;
	bool held;   /* the spool file with its records is being read */
	bool unread; /* its end came, or memory was short: read again soon */

	uint64_t processes, lost; /* counted so far, by us or before us */

	/* Up to where the log is in the manifest (segment.marked), once this fact has been applied.
	 */
	uint64_t mark_serial;
	bool marked;
};

TAILQ_HEAD(session_list, session);
struct sessions {
	struct session_list live, ending, finished;
	struct index by_id;
	uint8_t *log_states, *log_payloads; /* two copies of a piece of log: see segment_memory.c */
};

/* Since when (uv_now) the record has waited that has waited longest to become a fact: an exec that
 * may yet fail, or a path relative to a directory without a name. UINT64_MAX: none does. */
uint64_t sessions_pending_since(const struct aggregator *daemon);

int sessions_init(struct aggregator *daemon);
void sessions_deinit(struct aggregator *daemon);

/* Where a hello came from. */
struct hello_source {
	uint32_t uid;
	struct root *root; /* referenced by the caller; NULL: by the hello's device and inode */
};

/* The session of this hello, made if it is new. 0; -EACCES: the policy forbids it, or the id is
 * another's; others: no memory, too many applications. Reported and counted by the caller. */
int session_get(struct aggregator *daemon, const Footprint__Hello *hello,
	const struct hello_source *source, struct session **ret);
struct session *session_find(struct aggregator *daemon, const uint8_t id[static SESSION_ID_SIZE]);

/* A socket begins, or ends, to speak for it. */
void session_attach(struct session *session);
void session_detach(struct session *session);

/* Memory that came with a hello; the segment is taken over on success. -EBADMSG: it contradicts
 * what is known. */
int session_add_memory(
	struct session *session, uint32_t number, struct segment *segment, struct error *err);
/* Log bytes by value: Batch or spool. 0, -EBADMSG, -ENOMEM. */
int session_add_log(struct session *session, uint32_t number, uint64_t offset, const uint8_t *log,
	size_t size, struct error *err);
/* Counts and time that came with a piece of log by spool; only growth counts. */
void session_add_counts(struct session *session, uint32_t number, const struct spool_entry *entry);

/* A spool entry of this piece of log is damaged: a loss, unless it comes in another way. 0,
 * -EBADMSG, -ENOMEM. */
int session_add_torn(struct session *session, uint32_t number, uint64_t begin, uint64_t size);

/* Reads what is new in its memory. `final`: nobody writes any more. */
void session_read(struct session *session, bool final);
/* Bytes of shared memory whose log has not been read: all of a segment's, since how far it is full
 * would have to be asked for. */
uint64_t session_unread_size(const struct session *session);
/* The session broke the rules: its other records stay, and there is a gap. */
void session_drop(struct session *session, const struct error *err);
/* It has counted something: for the manifest, and for the ledger. */
void session_counted(struct session *session);
/* A gap told by us rather than by the process; path NULL: the session's executable. */
int session_gap(struct session *session, const char *kind, const char *path, const char *detail);

/* Reads what is new in live sessions, and forgets those that ended long ago. */
void sessions_tick(struct aggregator *daemon);
/* Brings sessions to their end whose facts have been applied meanwhile. */
void sessions_settle(struct aggregator *daemon);
/* Some have not come to their end. */
bool sessions_busy(const struct aggregator *daemon);
/* Since when (uv_now) the one has been ending for longest that a socket spoke for; UINT64_MAX: none
 * is. */
uint64_t sessions_ending_since(const struct aggregator *daemon);

/* A snapshot begins: what has been applied so far will be in it. */
void sessions_cover(struct aggregator *daemon);
/* It is on disk. */
void sessions_acknowledge(struct aggregator *daemon, const struct application *application);

static inline struct session *session_ref(struct session *session)
{
	session->references++;
	return session;
}
void session_unref(struct session *session);

#endif
