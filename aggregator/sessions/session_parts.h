/* What the files of sessions share among themselves; session.h is for everybody else. */
#ifndef FOOTPRINT_AGGREGATOR_SESSIONS_SESSION_PARTS_H
#define FOOTPRINT_AGGREGATOR_SESSIONS_SESSION_PARTS_H

#include <stdint.h>

#include "aggregator/sessions/session.h"

/* Moves a session into this state, behind all others that are in it. */
void session_move(struct session *session, enum session_state state);
/* Removes and frees a session to which nothing refers any more. */
void session_remove(struct session *session);
/* As session_gap(), `times` times. 0 or -ENOMEM. */
int session_gaps(struct session *session, const char *kind, const char *path, const char *detail,
	uint64_t times);
/* Reads its memories to their end: no process writes there any more. Sets session->unread if that
 * goes on later. */
void session_read_to_end(struct session *session);
/* At the end of the session: what damaged spool entries held, and did not come in another way,
 * becomes a gap. 0 or -ENOMEM. */
int session_settle_torn(struct session *session);
/* The session is known to have lived at this time (CLOCK_REALTIME). */
void session_lived_until(struct session *session, uint64_t time_ns);
/* Is it known that none of its processes lived any more at that time (fp_tick(); 0: not known)? */
bool session_ended_before(const struct session *session, uint32_t tick);

#endif
