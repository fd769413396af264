/*
 * What a session says: its segments, in shared memory or by value, which are read as they grow, and
 * their counts.
 */
#include <errno.h>
#include <stdlib.h>

#include "aggregator/aggregator.h"
#include "aggregator/sessions/deferred.h"
#include "aggregator/sessions/session_parts.h"

/* --- segments --------------------------------------------------------------------------------- */

static int make_room(struct session *session, uint32_t number)
{
	struct segment **grown;

	if (number < session->n_segments)
		return 0;
	if (number >= FP_SEGMENTS_MAX)
		return -EBADMSG;
	grown = reallocarray(session->segments, number + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	while (session->n_segments <= number)
		grown[session->n_segments++] = NULL;
	session->segments = grown;
	return 0;
}

int session_add_memory(
	struct session *session, uint32_t number, struct segment *segment, struct error *err)
{
	int r = make_room(session, number);
	struct segment *before;

	if (r < 0)
		return error_set(err, r, "segment %u: cannot be kept", number);
	before = session->segments[number];
	if (before && before->shared) {
		if (!segment_same(before, segment))
			return error_set(
				err, -EBADMSG, "segment %u: another one than before", number);
		if (before->read)
			segment_go_on(before, segment);
		else
			segment_free(segment); /* announced again after a reconnect */
		return 0;
	}
	/* Pieces of it that have come by value are facts already. */
	if (before) {
		segment->extents = before->extents;
		segment->counted = before->counted;
		before->extents = before->counted = (struct extents){ 0 };
		segment_inherit_execs(segment, before);
		segment_free(before);
	} else if (ledger_recall_segment(session, number, segment) < 0) {
		return error_set(err, -ENOMEM, "segment %u: out of memory", number);
	}
	session->segments[number] = segment;
	return 0;
}

/* Adds a segment whose log comes by value. */
static int add_segment(struct session *session, uint32_t number)
{
	struct segment *segment = segment_new();
	int r = segment ? ledger_recall_segment(session, number, segment) : -ENOMEM;

	if (r < 0)
		segment_free(segment);
	else
		session->segments[number] = segment;
	return r;
}

/* Finds the segment with this number, or makes it. NULL with err. */
static struct segment *get_segment(struct session *session, uint32_t number, struct error *err)
{
	int r = make_room(session, number);

	if (r < 0) {
		error_set(err, r, "segment %u: cannot be kept", number);
		return NULL;
	}
	if (!session->segments[number] && add_segment(session, number) < 0) {
		error_set(err, -ENOMEM, "segment %u: out of memory", number);
		return NULL;
	}
	return session->segments[number];
}

int session_add_log(struct session *session, uint32_t number, uint64_t offset, const uint8_t *log,
	size_t size, struct error *err)
{
	struct segment *segment = get_segment(session, number, err);

	/* Where nobody speaks for it any more, the execs in it wait for nothing but its end. */
	session->unread |= session->state == SESSION_ENDING;
	return segment ? segment_add_log(session, segment, offset, log, size, err) : err->code;
}

/* --- what waits ------------------------------------------------------------------------------- */

static uint64_t pending_since(const struct session *session)
{
	uint64_t since = deferred_since(session);

	for (uint32_t i = 0; i < session->n_segments; i++) {
		uint64_t waits = session->segments[i] ? segment_pending_since(session->segments[i])
						      : UINT64_MAX;

		since = waits < since ? waits : since;
	}
	return since;
}

uint64_t sessions_pending_since(const struct aggregator *daemon)
{
	const struct session_list *lists[] = { &daemon->sessions.live, &daemon->sessions.ending };
	uint64_t oldest = UINT64_MAX;
	const struct session *session;

	for (size_t i = 0; i < 2; i++)
		TAILQ_FOREACH(session, lists[i], link) {
			uint64_t since = pending_since(session);

			oldest = since < oldest ? since : oldest;
		}
	return oldest;
}

static bool has_unread(const struct session *session)
{
	for (uint32_t i = 0; i < session->n_segments && !session->dropped; i++)
		if (session->segments[i] && segment_unread(session->segments[i]))
			return true;
	return false;
}

bool sessions_unread(const struct aggregator *daemon)
{
	const struct session_list *lists[] = { &daemon->sessions.live, &daemon->sessions.ending };
	const struct session *session;

	for (size_t i = 0; i < 2; i++)
		TAILQ_FOREACH(session, lists[i], link)
			if (has_unread(session))
				return true;
	return false;
}

/* --- leaving ---------------------------------------------------------------------------------- */

bool sessions_leave(struct aggregator *daemon)
{
	const struct session *session;
	bool told = false;

	TAILQ_FOREACH(session, &daemon->sessions.live, link)
		for (uint32_t i = 0; i < session->n_segments; i++)
			told |= session->segments[i] && segment_leave(session->segments[i]);
	/* Either a process that has just recorded something sees this, or we see its record. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return told;
}

/* --- what was torn ---------------------------------------------------------------------------- */

int session_add_torn(struct session *session, uint32_t number, uint64_t begin, uint64_t size)
{
	struct error err = { 0 };
	struct segment *segment = get_segment(session, number, &err);

	if (!segment)
		return err.code;
	if (!size || begin > FP_SEGMENT_SIZE_MAX || size > FP_SEGMENT_SIZE_MAX)
		return -EBADMSG;
	if (!segment->torn_end || begin < segment->torn_begin)
		segment->torn_begin = begin;
	if (begin + size > segment->torn_end)
		segment->torn_end = begin + size;
	return 0;
}

/* Did all of what the damaged entries held come in another way? 1, 0 or -ENOMEM. */
static int torn_is_known(const struct segment *segment)
{
	struct extents known = { 0 };
	int r;

	if (segment_has_all(segment))
		return 1;
	r = segment_counted(segment, &known);
	if (r == 0)
		r = extents_hold_all(&known, segment->torn_begin, segment->torn_end);
	extents_deinit(&known);
	return r == -ENOSPC ? 0 : r;
}

int session_settle_torn(struct session *session)
{
	for (uint32_t i = 0; i < session->n_segments && !session->dropped; i++) {
		struct segment *segment = session->segments[i];
		int known = segment && segment->torn_end ? torn_is_known(segment) : 1;

		if (known == 0)
			known = session_gap(session, "lost-records", NULL,
				"a write to the spool was cut short");
		if (known < 0)
			return known;
		if (segment)
			segment->torn_end = 0;
	}
	root_pump(session->root);
	return 0;
}

/* --- counts ----------------------------------------------------------------------------------- */

void session_counted(struct session *session)
{
	session->uncounted = session->application->dirty = true;
}

/* Counts processes and lost records. Each segment has the number of processes; a lost record is
 * counted in one segment only. */
static void count(struct session *session)
{
	struct run *run = &session->application->run;
	uint64_t processes = 1, lost = 0;

	for (uint32_t i = 0; i < session->n_segments; i++) {
		const struct segment *segment = session->segments[i];

		if (!segment)
			continue;
		processes = segment->processes > processes ? segment->processes : processes;
		lost += segment->lost;
	}
	if (processes > session->processes) {
		run->processes += processes - session->processes;
		session->processes = processes;
		session_counted(session);
	}
	if (lost > session->lost &&
		session_gaps(session, "lost-records", NULL, "records that could not be kept",
			lost - session->lost) == 0)
		session->lost = lost;
}

void session_add_counts(struct session *session, uint32_t number, const struct spool_entry *entry)
{
	struct segment *segment = number < session->n_segments ? session->segments[number] : NULL;

	if (segment && !segment_has_all(segment)) {
		if (entry->processes > segment->processes)
			segment->processes = entry->processes;
		if (entry->lost > segment->lost)
			segment->lost = entry->lost;
	}
	session_lived_until(session, entry->written_ns);
	count(session);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* 0: all was read; 1: there is more to read later. */
static int read_segment(struct session *session, struct segment *segment, bool final)
{
	struct error err = { 0 };
	int r = segment_read(session, segment, final, &err);

	if (r == 0)
		r = segment_settle_execs(session, segment, final);
	count(session);
	if (r == -ENOMEM) {
		session->daemon->counters.no_memory++;
		return 1;
	}
	if (r < 0)
		session_drop(session, &err);
	return r > 0;
}

/* Notes how much of the log has become facts. It can be acknowledged once these are applied and
 * written. Not while records are deferred, because these are in no queue. */
static void set_mark(struct session *session)
{
	if (session->marked || session->deferred.n || session->state != SESSION_LIVE)
		return;
	for (uint32_t i = 0; i < session->n_segments; i++)
		if (session->segments[i])
			session->segments[i]->marked = segment_ingested(session->segments[i]);
	session->mark_serial = session->daemon->roots.last_serial;
	session->marked = true;
}

uint64_t session_unread_size(const struct session *session)
{
	uint64_t size = 0;

	for (uint32_t i = 0; i < session->n_segments; i++) {
		const struct segment *segment = session->segments[i];

		if (segment && segment_has_all(segment))
			size += segment->log_size - segment->walked;
	}
	return size;
}

static void read_segments(struct session *session, bool final)
{
	session->unread = false;
	for (uint32_t i = 0; i < session->n_segments && !session->dropped; i++)
		if (session->segments[i] && read_segment(session, session->segments[i], final)) {
			session->unread = true;
			break;
		}
	set_mark(session);
	root_pump(session->root);
}

void session_read(struct session *session)
{
	read_segments(session, false);
}

void session_read_to_end(struct session *session)
{
	read_segments(session, true);
}
