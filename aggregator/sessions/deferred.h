/*
 * Deferred records: relative to a directory that nobody has named yet. Threads record side by side,
 * so the record that names it may come later; at the end of the session what still waits is a gap.
 */
#ifndef FOOTPRINT_AGGREGATOR_SESSIONS_DEFERRED_H
#define FOOTPRINT_AGGREGATOR_SESSIONS_DEFERRED_H

#include <stddef.h>
#include <stdint.h>

struct session;

/* Records that wait for a directory to be named, in one session; more of them are a gap. */
#define DEFERRED_MAX 4096u

void deferred_init(struct session *session);
/* Keeps the record of this slot. 0 or -ENOMEM. */
int deferred_add(struct session *session, const uint8_t *payload, size_t size);
/* This directory has been named: calls those that wait for it. */
void deferred_call(struct session *session, uint64_t id);
/* Takes up those that have been called. 0 or -ENOMEM. */
int deferred_take_up(struct session *session);
/* The session is over: what still waits is a gap. 0 or -ENOMEM. */
int deferred_settle(struct session *session);
/* Since when (uv_now) one of them has waited longest; UINT64_MAX: none does. */
uint64_t deferred_since(const struct session *session);
void deferred_forget(struct session *session);

#endif
