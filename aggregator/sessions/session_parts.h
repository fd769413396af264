/* What the files of sessions share among themselves; session.h is for everybody else. */
#ifndef FOOTPRINT_AGGREGATOR_SESSIONS_SESSION_PARTS_H
#define FOOTPRINT_AGGREGATOR_SESSIONS_SESSION_PARTS_H

#include <stdint.h>

#include "aggregator/sessions/session.h"

/* Into this state, and behind all others that are in it. */
void session_move(struct session *session, enum session_state state);
/* Frees it: nobody may refer to it any more. */
void session_remove(struct session *session);
/* session_gap(), so many times. 0 or -ENOMEM. */
int session_gaps(struct session *session, const char *kind, const char *path, const char *detail,
	uint64_t times);
/* At its end: what damaged spool entries held, and nothing else did, is a gap. 0 or -ENOMEM. */
int session_settle_torn(struct session *session);
/* It is known to have lived then (CLOCK_REALTIME). */
void session_lived_until(struct session *session, uint64_t time_ns);

#endif
