/*
 * The session: tells the aggregator which memory holds the records, and as a rule no more than
 * that. Nothing here raises a signal or touches a descriptor that may not be ours. Nothing waits,
 * except session_flush(), for 40 ms once in a process's life.
 */
#ifndef FOOTPRINT_PRELOAD_SESSION_SESSION_H
#define FOOTPRINT_PRELOAD_SESSION_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/session/memory.h"

/* Connects and says hello. memfd, root: descriptors to send along; -1: none. The caller closes
 * them. */
void session_start(struct segment *segment, int memfd, int root);

/* Announces a further segment, whose memfd (or -1) this is, and which nobody else knows yet. False:
 * it could not be sent. */
bool session_announce(struct segment *segment, int memfd);

/* To be called after each new record: makes sure that it is kept, by the aggregator or in the
 * spool. While the aggregator holds the memory this makes no system call, except that it looks at
 * the connection about once a second. */
void session_tend(struct segment *segment, const uint32_t *slot);

/* Looks at the connection, as session_tend() does, in a process that may have no new record for
 * long. */
void session_look(void);

/* The same as session_tend() for all records of the segment. For those of the start, which are not
 * tended one by one. */
void session_tend_all(struct segment *segment);

/* A slot was taken back (SLOT_VOID): sends it again, if it was sent by value. */
void session_changed(const uint32_t *slot);

/* Asks the aggregator for a pool (pool.h). */
void session_ask_for_pool(uint64_t identity);

/* Says that the directory behind fds[0] is "/" now, and what its id is (Entered). 0 or a negative
 * errno. */
struct root_change {
	uint64_t from, id;
	bool everyone;
	uint32_t at_tick; /* fp_tick() before it */
};
long session_tell_root(const struct root_change *change, const int *fds, size_t fd_count);

/* Sends what goes by value and has not been sent. May wait for the aggregator, once in a process's
 * life. */
void session_flush(void);

#endif
