/*
 * A segment whose log is in memory that the process shares: reads what is new, from where the last
 * reading ended, and looks again at slots that were not complete then.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/aggregator.h"
#include "aggregator/sessions/segment_parts.h"

/* Most processes record little, so one page is read first. */
#define SEGMENT_PEEK_SIZE 4096u

/* --- what is new ------------------------------------------------------------------------------ */

static int add_revisit(struct session *session, struct segment *segment, uint64_t offset,
	const struct slot *slot, struct error *err)
{
	struct revisit *revisits;

	if (segment->n_revisits >= REVISITS_MAX)
		return error_set(err, -EBADMSG, "log: more than %u unfinished slots", REVISITS_MAX);
	revisits = reallocarray(segment->revisits, segment->n_revisits + 1, sizeof(*revisits));
	if (!revisits)
		return -ENOMEM;
	segment->revisits = revisits;
	revisits[segment->n_revisits++] = (struct revisit){ .offset = offset,
		.since_ms = uv_now(&session->daemon->loop),
		.execution = slot->state == SLOT_EXEC,
		.size = slot->size };
	return 0;
}

/* Are there as many slots to look at again as there may be, with executions among them, which will
 * settle? */
static bool must_settle_first(const struct segment *segment)
{
	if (segment->n_revisits < REVISITS_MAX)
		return false;
	for (unsigned i = 0; i < segment->n_revisits; i++)
		if (segment->revisits[i].execution)
			return true;
	return false;
}

/* Takes a slot that is seen for the first time. 1: executions before it have to be settled
 * first. */
static int take_slot(struct session *session, struct segment *segment, uint64_t offset,
	const struct slot *slot, bool final, struct error *err)
{
	if (extents_hold(&segment->extents, offset))
		return 0;
	/* An execution that an earlier aggregator has counted was settled. */
	if (slot->state == SLOT_READY ||
		(slot->state == SLOT_EXEC && (final || extents_hold(&segment->counted, offset))))
		return segment_take(session, segment, offset, slot->payload, slot->size, err);
	if (slot->state == SLOT_VOID || (final && segment->n_revisits >= REVISITS_MAX))
		return 0;
	if (must_settle_first(segment))
		return 1;
	return add_revisit(session, segment, offset, slot, err);
}

/* Was the end of the log read: a free slot behind the last one? */
static bool at_free_slot(const struct slot_reader *reader)
{
	uint32_t word;

	if (reader->size - reader->offset < sizeof(word))
		return false;
	memcpy(&word, reader->log + reader->offset, sizeof(word));
	return SLOT_STATE(word) == SLOT_FREE;
}

/*
 * Takes the slots of one piece of log, as many as the queues of facts hold. 1: the log ends in it,
 * or the next slot has to wait.
 *
 * The piece is read twice. The states come from the first copy, the payloads from the second: a
 * slot that is READY in the first copy is complete in the second, which was made later. A single
 * copy might hold a payload that is older than its state. When the last writer is gone, one copy is
 * enough.
 */
static int take_piece(struct session *session, struct segment *segment, size_t size, bool final,
	struct error *err)
{
	struct sessions *sessions = &session->daemon->sessions;
	uint8_t *payloads = final ? sessions->log_states : sessions->log_payloads;
	struct slot_reader reader = { .log = sessions->log_states };
	uint64_t base = segment->walked;
	ssize_t n = segment_read_log(segment, sessions->log_states, base, size);
	struct slot slot;
	int r = 0;

	if (n < 0)
		return error_set(err, -EBADMSG, "log: cannot be read: %s", strerror((int)-n));
	reader.size = (size_t)n;
	if (!final && segment_read_log(segment, payloads, base, size) < n)
		return error_set(err, -EBADMSG, "log: cannot be read twice");
	while (session->daemon->roots.n_queued < FACTS_QUEUED_MAX &&
		(r = slot_next(&reader, &slot, err)) > 0) {
		slot.payload = payloads + (slot.payload - sessions->log_states);
		r = take_slot(session, segment, segment->walked, &slot, final, err);
		if (r != 0)
			return r;
		segment->walked = base + reader.offset;
	}
	return r < 0 ? r : at_free_slot(&reader);
}

/* Is there a further slot behind what was read? */
static bool more_to_read(const struct segment *segment)
{
	uint32_t word;

	return segment->walked + sizeof(word) <= segment->log_size &&
	       segment_read_log(segment, (uint8_t *)&word, segment->walked, sizeof(word)) ==
		       sizeof(word) &&
	       SLOT_STATE(word) != SLOT_FREE;
}

bool segment_unread(const struct segment *segment)
{
	return segment->spooled > segment->walked && !segment->read &&
	       memory_held(&segment->memory) && more_to_read(segment);
}

static int read_new(struct session *session, struct segment *segment, bool final, struct error *err)
{
	size_t want = SEGMENT_PEEK_SIZE;

	while (segment->walked < segment->log_size) {
		uint64_t before = segment->walked, left = segment->log_size - before;
		int r;

		if (session->daemon->roots.n_queued >= FACTS_QUEUED_MAX)
			return 1;
		r = take_piece(session, segment, left < want ? left : want, final, err);
		if (r != 0)
			return r < 0 ? r : 0;
		if (segment->walked == before && (want == SEGMENT_CHUNK_SIZE || left <= want))
			return error_set(err, -EBADMSG, "log: a slot reaches past its end");
		want = SEGMENT_CHUNK_SIZE;
	}
	return 0;
}

/* --- what was not done ------------------------------------------------------------------------ */

/* Reads the slot at `offset`, with `size` bytes of payload, into our buffer. Returns the payload;
 * NULL: it cannot be read. ret_word: the slot's word as it is now; may be NULL. */
static const uint8_t *read_slot(struct session *session, struct segment *segment, uint64_t offset,
	uint32_t size, uint32_t *ret_word)
{
	uint8_t *buffer = session->daemon->sessions.log_payloads;
	size_t whole = sizeof(*ret_word) + size;

	if (size > FP_RECORD_SIZE_MAX ||
		segment_read_log(segment, buffer, offset, whole) != (ssize_t)whole)
		return NULL;
	if (ret_word)
		memcpy(ret_word, buffer, sizeof(*ret_word));
	return buffer + sizeof(*ret_word);
}

/* Takes an execution, which was complete when it was first seen. By the time that it is settled,
 * the slot's state says whether it was taken back. 1: it is not settled yet. */
static int take_execution(struct session *session, struct segment *segment,
	const struct revisit *revisit, bool final, struct error *err)
{
	const uint8_t *payload;
	uint32_t word = 0;

	if (!final && uv_now(&session->daemon->loop) - revisit->since_ms < EXEC_SETTLED_MS)
		return 1;
	payload = read_slot(session, segment, revisit->offset, revisit->size, &word);
	if (!payload || SLOT_SIZE(word) != revisit->size)
		return error_set(err, -EBADMSG, "log: a slot changed its size");
	if (SLOT_STATE(word) == SLOT_VOID)
		return 0;
	return segment_take(session, segment, revisit->offset, payload, revisit->size, err);
}

/* Takes a slot that was being written when it was first seen. Reads the state before the payload,
 * as in take_piece(). 1: it is still being written. */
static int take_written(struct session *session, struct segment *segment, struct revisit *revisit,
	bool final, struct error *err)
{
	const uint8_t *payload;
	uint32_t word;

	if (segment_read_log(segment, (uint8_t *)&word, revisit->offset, sizeof(word)) !=
		sizeof(word))
		return error_set(err, -EBADMSG, "log: cannot be read");
	if (SLOT_STATE(word) == SLOT_VOID)
		return 0;
	if (SLOT_STATE(word) == SLOT_CLAIMED || SLOT_STATE(word) == SLOT_FREE)
		return 1; /* if its writer was killed it stays so, unless the slot comes by value */
	if (SLOT_STATE(word) == SLOT_EXEC) {
		revisit->execution = true;
		revisit->size = SLOT_SIZE(word);
		return take_execution(session, segment, revisit, final, err);
	}
	/* The size as it is now counts, and is checked like any other. */
	payload = read_slot(session, segment, revisit->offset, SLOT_SIZE(word), NULL);
	if (!payload)
		return error_set(err, -EBADMSG, "log: a slot changed its size");
	return segment_take(session, segment, revisit->offset, payload, SLOT_SIZE(word), err);
}

/* Takes a slot that was not complete when it was first seen. 1: it still is not. */
static int take_again(struct session *session, struct segment *segment, struct revisit *revisit,
	bool final, struct error *err)
{
	return revisit->execution ? take_execution(session, segment, revisit, final, err)
				  : take_written(session, segment, revisit, final, err);
}

static int read_again(
	struct session *session, struct segment *segment, bool final, struct error *err)
{
	unsigned kept = 0, i;
	int r = 0;

	for (i = 0; i < segment->n_revisits; i++) {
		r = take_again(session, segment, &segment->revisits[i], final, err);
		if (r < 0)
			break;
		if (r > 0)
			segment->revisits[kept++] = segment->revisits[i];
	}
	memmove(&segment->revisits[kept], &segment->revisits[i],
		(segment->n_revisits - i) * sizeof(*segment->revisits));
	segment->n_revisits = kept + segment->n_revisits - i;
	return r < 0 ? r : 0;
}

/* --- both ------------------------------------------------------------------------------------- */

int segment_read(struct session *session, struct segment *segment, bool final, struct error *err)
{
	int r;

	if (!memory_held(&segment->memory) || segment->read)
		return 0;
	if (!final) {
		if (!more_to_read(segment))
			return segment->n_revisits ? read_again(session, segment, false, err) : 0;
		segment_look(segment);
	}
	r = segment->n_revisits ? read_again(session, segment, final, err) : 0;
	if (r == 0)
		r = read_new(session, segment, final, err);
	segment->read = final && r == 0;
	return r;
}
