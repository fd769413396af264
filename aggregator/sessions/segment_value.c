/*
 * A segment whose log comes by value: batches from the socket, entries of the spool. Pieces come in
 * any order and more than once, so it is kept where slots have been taken; and an exec waits for a
 * while, for the process to take it back. So goes on what was read from memory to its end, where a
 * process that has lost its connection lives on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/aggregator.h"
#include "aggregator/sessions/segment_parts.h"
#include "lib/base/cleanup.h"

/* --- execs that may yet fail ------------------------------------------------------------------ */

/* Past the limit an exec counts at once. */
static int keep_exec(struct session *session, struct segment *segment, uint64_t offset,
	const struct slot *slot, struct error *err)
{
	struct pending_exec *execs;
	uint8_t *payload;

	if (segment->n_execs >= REVISITS_MAX)
		return segment_take(session, segment, offset, slot->payload, slot->size, err);
	execs = reallocarray(segment->execs, segment->n_execs + 1, sizeof(*execs));
	if (!execs)
		return -ENOMEM;
	segment->execs = execs;
	payload = malloc(slot->size + 1);
	if (!payload)
		return -ENOMEM;
	memcpy(payload, slot->payload, slot->size);
	execs[segment->n_execs++] = (struct pending_exec){
		.offset = offset,
		.since_ms = uv_now(&session->daemon->loop),
		.size = slot->size,
		.payload = payload,
	};
	return 0;
}

static void forget_exec(struct segment *segment, uint64_t offset)
{
	for (unsigned i = 0; i < segment->n_execs; i++)
		if (segment->execs[i].offset == offset) {
			free(segment->execs[i].payload);
			segment->execs[i] = segment->execs[--segment->n_execs];
			return;
		}
}

void segment_inherit_execs(struct segment *segment, struct segment *before)
{
	segment->execs = steal_pointer(before->execs);
	segment->n_execs = before->n_execs;
	before->n_execs = 0;
}

/* Did the exec return? Known where there is memory to read it in; by value forget_exec() is told.
 */
static bool taken_back(const struct segment *segment, uint64_t offset)
{
	uint32_t word;

	return memory_held(&segment->memory) &&
	       segment_read_log(segment, (uint8_t *)&word, offset, sizeof(word)) == sizeof(word) &&
	       SLOT_STATE(word) == SLOT_VOID;
}

int segment_settle_execs(struct session *session, struct segment *segment, bool all)
{
	uint64_t now = uv_now(&session->daemon->loop);
	unsigned i = 0;

	while (i < segment->n_execs) {
		struct pending_exec *exec = &segment->execs[i];
		struct error err;

		if (!all && now - exec->since_ms < EXEC_SETTLED_MS) {
			i++;
			continue;
		}
		if (!taken_back(segment, exec->offset) &&
			segment_take(session, segment, exec->offset, exec->payload, exec->size,
				&err) == -ENOMEM)
			return -ENOMEM;
		free(exec->payload);
		*exec = segment->execs[--segment->n_execs];
	}
	return 0;
}

/* --- pieces ----------------------------------------------------------------------------------- */

/* Is it a fact already? What memory held is, but for slots that were being written to the last. */
static bool is_taken(const struct segment *segment, uint64_t offset)
{
	if (extents_hold(&segment->extents, offset))
		return true;
	for (unsigned i = 0; i < segment->n_revisits; i++)
		if (segment->revisits[i].offset == offset)
			return false;
	return offset < segment->walked;
}

static int take_by_value(struct session *session, struct segment *segment, uint64_t offset,
	const struct slot *slot, struct error *err)
{
	if (slot->state == SLOT_VOID)
		forget_exec(segment, offset);
	if (is_taken(segment, offset))
		return 0;
	/* What was counted before us had settled. */
	if (slot->state == SLOT_EXEC && !extents_hold(&segment->counted, offset))
		return keep_exec(session, segment, offset, slot, err);
	if (slot->state != SLOT_READY && slot->state != SLOT_EXEC)
		return 0;
	return segment_take(session, segment, offset, slot->payload, slot->size, err);
}

/* Past the limit of extents it counts twice, if it comes again: harmless. */
static int note_taken(struct segment *segment, uint64_t begin, uint64_t end)
{
	int r = extents_add(&segment->extents, begin, end);

	return r == -ENOSPC ? 0 : r;
}

int segment_add_log(struct session *session, struct segment *segment, uint64_t offset,
	const uint8_t *log, size_t size, struct error *err)
{
	struct slot_reader reader = { .log = log, .size = size };
	uint64_t at = offset, begin = offset; /* of slots that will not come again */
	struct slot slot;
	int r;

	if (segment_has_all(segment))
		return 0;
	if (offset % SLOT_ALIGN || offset + size > FP_SEGMENT_SIZE_MAX)
		return error_set(err, -EBADMSG, "log: at %llu, not within a segment",
			(unsigned long long)offset);
	while ((r = slot_next(&reader, &slot, err)) > 0) {
		r = take_by_value(session, segment, at, &slot, err);
		if (r == 0 && slot.state == SLOT_CLAIMED) {
			/* Said again when it has been written. */
			r = note_taken(segment, begin, at);
			begin = offset + reader.offset;
		}
		if (r < 0)
			return r;
		at = offset + reader.offset;
	}
	if (r < 0)
		return r;
	return note_taken(segment, begin, at);
}
