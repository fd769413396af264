/*
 * A segment whose log comes by value: in batches from the socket, or in entries of the spool.
 * Pieces come in any order, and more than once, so it is remembered which slots were taken. An
 * execution waits for a while, since the process may take it back. A segment that was read from
 * memory to its end is continued like this if its process lives on without its connection.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/aggregator.h"
#include "aggregator/sessions/segment_parts.h"
#include "lib/base/cleanup.h"

/* --- execs that may yet fail ------------------------------------------------------------------ */

/* Keeps an execution until it is settled. Past the limit it counts at once. */
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

/* Was the execution taken back? The shared memory tells, if there is one. By value, forget_exec()
 * is called. */
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

uint64_t segment_pending_since(const struct segment *segment)
{
	uint64_t since = UINT64_MAX;

	if (segment->spooled > segment_ingested(segment))
		since = segment->spooled_ms;
	for (unsigned i = 0; i < segment->n_execs; i++)
		if (segment->execs[i].since_ms < since)
			since = segment->execs[i].since_ms;
	return since;
}

/* --- pieces ----------------------------------------------------------------------------------- */

/* Is the slot a fact already? All slots are that were read from memory, except those that were
 * still being written. */
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

/* Past the limit of ranges, a piece that comes again is counted twice, which is harmless. */
static int note_taken(struct segment *segment, uint64_t begin, uint64_t end)
{
	int r = extents_add(&segment->extents, begin, end);

	return r == -ENOSPC ? 0 : r;
}

/* Leaves a piece to the memory, which has it, too. */
static void leave_to_memory(
	const struct session *session, struct segment *segment, uint64_t offset, size_t size)
{
	if (segment->spooled <= segment_ingested(segment))
		segment->spooled_ms = uv_now(&session->daemon->loop);
	if (offset + size > segment->spooled)
		segment->spooled = offset + size;
}

int segment_add_log(struct session *session, struct segment *segment, uint64_t offset,
	const uint8_t *log, size_t size, struct error *err)
{
	struct slot_reader reader = { .log = log, .size = size };
	uint64_t at = offset, begin = offset; /* where the slots begin that need not come again */
	struct slot slot;
	int r;

	if (offset % SLOT_ALIGN || offset > FP_SEGMENT_SIZE_MAX ||
		size > FP_SEGMENT_SIZE_MAX - offset)
		return error_set(err, -EBADMSG, "log: at %llu, not within a segment",
			(unsigned long long)offset);
	if (segment_has_all(segment)) {
		leave_to_memory(session, segment, offset, size);
		return 0;
	}
	while ((r = slot_next(&reader, &slot, err)) > 0) {
		r = take_by_value(session, segment, at, &slot, err);
		if (r == 0 && slot.state == SLOT_CLAIMED) {
			/* An unfinished slot comes again when it is complete. */
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
