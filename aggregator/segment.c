#include "aggregator/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregator/aggregator.h"
#include "aggregator/ingest.h"
#include "lib/base/cleanup.h"

/* Most processes say little: a page is read first. */
#define SEGMENT_PEEK_SIZE 4096u

/* --- opening ---------------------------------------------------------------------------------- */

static int read_header(const struct memory *memory, struct session_memory *ret)
{
	ssize_t n = memory_read(memory, ret, sizeof(*ret), 0);

	if (n < 0)
		return (int)n;
	return n == sizeof(*ret) ? 0 : -EBADMSG;
}

/* Without these seals the peer could shrink the memory, or grow it without end. Only memfds (and
 * hugetlbfs) can have them: whatever else the descriptor is, it fails here. */
static int check_file(int fd, struct stat *status, struct error *err)
{
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0)
		return error_set(err, -EBADMSG, "memory: not a memfd");
	if ((seals & (F_SEAL_SHRINK | F_SEAL_GROW)) != (F_SEAL_SHRINK | F_SEAL_GROW))
		return error_set(err, -EBADMSG, "memory: not sealed");
	if (fstat(fd, status) < 0 || !S_ISREG(status->st_mode))
		return error_set(err, -EBADMSG, "memory: not a regular file");
	if (status->st_size > FP_SEGMENT_SIZE_MAX)
		return error_set(err, -EBADMSG, "memory: %lld bytes, the limit is %u",
			(long long)status->st_size, FP_SEGMENT_SIZE_MAX);
	return 0;
}

static int check_header(const struct session_memory *memory, off_t size, struct error *err)
{
	uint64_t end = (uint64_t)memory->log_offset + memory->log_size;

	if (memory->magic != SESSION_MEMORY_MAGIC)
		return error_set(err, -EBADMSG, "memory: not a session's");
	if (memory->protocol != FP_PROTOCOL)
		return error_set(err, -EPROTONOSUPPORT, "memory: protocol %u", memory->protocol);
	if (memory->memory_size != size)
		return error_set(err, -EBADMSG, "memory: says %u bytes, has %lld",
			memory->memory_size, (long long)size);
	if (memory->log_offset < sizeof(*memory) || memory->log_offset % SLOT_ALIGN ||
		memory->log_size % SLOT_ALIGN || end > memory->memory_size)
		return error_set(err, -EBADMSG, "memory: log at %u of %u bytes is not within it",
			memory->log_offset, memory->log_size);
	return 0;
}

struct segment *segment_new(void)
{
	struct segment *segment = calloc(1, sizeof(*segment));

	if (segment)
		segment->memory = NO_MEMORY;
	return segment;
}

/* What may change; `lost` is a matter of reading, see segment_look(). */
static void take_counters(struct segment *segment, const struct session_memory *memory)
{
	segment->hello_offset = memory->hello_offset;
	segment->hello_size = memory->hello_size;
	segment->tail = memory->tail;
	segment->processes = memory->processes;
	segment->users = memory->users;
}

int segment_open(int fd, struct segment **ret, struct error *err)
{
	struct session_memory memory;
	struct segment *segment;
	struct stat status;
	int r;

	r = check_file(fd, &status, err);
	if (r < 0)
		return r;
	if (read_header(&(struct memory){ .fd = fd }, &memory) < 0)
		return error_set(err, -EBADMSG, "memory: cannot be read");
	r = check_header(&memory, status.st_size, err);
	if (r < 0)
		return r;
	segment = segment_new();
	if (!segment)
		return error_set(err, -ENOMEM, "memory: out of memory");
	segment->memory = (struct memory){ .fd = fd, .size = (size_t)status.st_size };
	segment->shared = true;
	segment->device = status.st_dev;
	segment->inode = status.st_ino;
	segment->log_offset = memory.log_offset;
	segment->log_size = memory.log_size;
	take_counters(segment, &memory);
	*ret = segment;
	return 0;
}

void segment_look(struct segment *segment)
{
	struct session_memory memory;

	if (!memory_held(&segment->memory) || read_header(&segment->memory, &memory) < 0)
		return; /* what was known before stands */
	take_counters(segment, &memory);
	segment->lost = memory.lost;
}

void segment_free(struct segment *segment)
{
	if (!segment)
		return;
	memory_close(&segment->memory);
	for (unsigned i = 0; i < segment->n_execs; i++)
		free(segment->execs[i].payload);
	free(segment->execs);
	free(segment->revisits);
	extents_deinit(&segment->extents);
	extents_deinit(&segment->counted);
	free(segment);
}

bool segment_same(const struct segment *one, const struct segment *other)
{
	return one->device == other->device && one->inode == other->inode;
}

/* A slot that is done becomes a fact, and is counted unless somebody before us did. */
static int take(struct session *session, const struct segment *segment, uint64_t offset,
	const uint8_t *payload, size_t size, struct error *err)
{
	return ingest_slot(session, payload, size, !extents_hold(&segment->counted, offset), err);
}

static ssize_t read_log(
	const struct segment *segment, uint8_t *buffer, uint64_t offset, size_t size)
{
	return memory_read(&segment->memory, buffer, size, segment->log_offset + offset);
}

/* --- what came by value ----------------------------------------------------------------------- */

/* Past the limit an exec counts at once. */
static int keep_exec(struct session *session, struct segment *segment, uint64_t offset,
	const struct slot *slot, struct error *err)
{
	struct pending_exec *execs;
	uint8_t *payload;

	if (segment->n_execs >= REVISITS_MAX)
		return take(session, segment, offset, slot->payload, slot->size, err);
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
	       read_log(segment, (uint8_t *)&word, offset, sizeof(word)) == sizeof(word) &&
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
			take(session, segment, exec->offset, exec->payload, exec->size, &err) ==
				-ENOMEM)
			return -ENOMEM;
		free(exec->payload);
		*exec = segment->execs[--segment->n_execs];
	}
	return 0;
}

static int take_by_value(struct session *session, struct segment *segment, uint64_t offset,
	const struct slot *slot, struct error *err)
{
	if (slot->state == SLOT_VOID)
		forget_exec(segment, offset);
	if (extents_hold(&segment->extents, offset))
		return 0;
	/* What was counted before us had settled. */
	if (slot->state == SLOT_EXEC && !extents_hold(&segment->counted, offset))
		return keep_exec(session, segment, offset, slot, err);
	if (slot->state != SLOT_READY && slot->state != SLOT_EXEC)
		return 0;
	return take(session, segment, offset, slot->payload, slot->size, err);
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

	if (segment->shared)
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

/* --- shared memory ---------------------------------------------------------------------------- */

static int add_revisit(
	struct session *session, struct segment *segment, uint64_t offset, struct error *err)
{
	struct revisit *revisits;

	if (segment->n_revisits >= REVISITS_MAX)
		return error_set(err, -EBADMSG, "log: more than %u unfinished slots", REVISITS_MAX);
	revisits = reallocarray(segment->revisits, segment->n_revisits + 1, sizeof(*revisits));
	if (!revisits)
		return -ENOMEM;
	segment->revisits = revisits;
	revisits[segment->n_revisits++] =
		(struct revisit){ .offset = offset, .since_ms = uv_now(&session->daemon->loop) };
	return 0;
}

/* One slot, seen the first time. */
static int take_slot(struct session *session, struct segment *segment, uint64_t offset,
	const struct slot *slot, bool final, struct error *err)
{
	if (extents_hold(&segment->extents, offset))
		return 0;
	if (slot->state == SLOT_READY || (slot->state == SLOT_EXEC && final))
		return take(session, segment, offset, slot->payload, slot->size, err);
	if (slot->state == SLOT_VOID || final)
		return 0;
	return add_revisit(session, segment, offset, err);
}

/* Nothing stands behind what was walked: a free slot was read there. */
static bool at_free_slot(const struct slot_reader *reader)
{
	uint32_t word;

	if (reader->size - reader->offset < sizeof(word))
		return false;
	memcpy(&word, reader->log + reader->offset, sizeof(word));
	return SLOT_STATE(word) == SLOT_FREE;
}

/*
 * Takes the slots of one piece of log. 1: the log ends in it. It is read twice, states first: a
 * slot that the first copy shows as READY is complete in the second, which was made later - one
 * copy alone might hold a payload older than its state word. When the last writer is gone, one copy
 * tells all.
 */
static int take_piece(struct session *session, struct segment *segment, size_t size, bool final,
	struct error *err)
{
	struct sessions *sessions = &session->daemon->sessions;
	uint8_t *payloads = final ? sessions->log_states : sessions->log_payloads;
	struct slot_reader reader = { .log = sessions->log_states };
	uint64_t base = segment->walked;
	ssize_t n = read_log(segment, sessions->log_states, base, size);
	struct slot slot;
	int r;

	if (n < 0)
		return error_set(err, -EBADMSG, "log: cannot be read: %s", strerror((int)-n));
	reader.size = (size_t)n;
	if (!final && read_log(segment, payloads, base, size) < n)
		return error_set(err, -EBADMSG, "log: cannot be read twice");
	while ((r = slot_next(&reader, &slot, err)) > 0) {
		slot.payload = payloads + (slot.payload - sessions->log_states);
		r = take_slot(session, segment, segment->walked, &slot, final, err);
		if (r < 0)
			return r;
		segment->walked = base + reader.offset;
	}
	return r < 0 ? r : at_free_slot(&reader);
}

/* Is there a slot at the end of what was read? */
static bool more_to_read(const struct segment *segment)
{
	uint32_t word;

	return segment->walked + sizeof(word) <= segment->log_size &&
	       read_log(segment, (uint8_t *)&word, segment->walked, sizeof(word)) == sizeof(word) &&
	       SLOT_STATE(word) != SLOT_FREE;
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

/* A slot that was not done when it was first seen. 1: still not. */
static int take_again(struct session *session, struct segment *segment,
	const struct revisit *revisit, bool final, struct error *err)
{
	uint8_t *buffer = session->daemon->sessions.log_payloads;
	bool settled =
		final || uv_now(&session->daemon->loop) - revisit->since_ms >= EXEC_SETTLED_MS;
	uint64_t left = segment->log_size - revisit->offset;
	size_t room = sizeof(uint32_t) + FP_RECORD_SIZE_MAX + SLOT_ALIGN;
	uint32_t word;
	ssize_t n;

	if (read_log(segment, (uint8_t *)&word, revisit->offset, sizeof(word)) != sizeof(word))
		return error_set(err, -EBADMSG, "log: cannot be read");
	if (SLOT_STATE(word) == SLOT_VOID)
		return 0;
	if (SLOT_STATE(word) == SLOT_CLAIMED || SLOT_STATE(word) == SLOT_FREE)
		return final ? 0 : 1;
	if (SLOT_STATE(word) == SLOT_EXEC && !settled)
		return 1;
	/* The size of this later look counts: it is checked like any other. */
	n = read_log(segment, buffer, revisit->offset, left < room ? left : room);
	if (SLOT_SIZE(word) > FP_RECORD_SIZE_MAX || n < (ssize_t)(sizeof(word) + SLOT_SIZE(word)))
		return error_set(err, -EBADMSG, "log: a slot changed its size");
	return take(session, segment, revisit->offset, buffer + sizeof(word), SLOT_SIZE(word), err);
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

/* --- acknowledging ---------------------------------------------------------------------------- */

uint64_t segment_ingested(const struct segment *segment)
{
	uint64_t upto = segment->n_revisits ? segment->revisits[0].offset : segment->walked;

	for (unsigned i = 0; i < segment->n_execs; i++)
		if (segment->execs[i].offset < upto)
			upto = segment->execs[i].offset;
	return upto;
}

int segment_counted(const struct segment *segment, struct extents *ret)
{
	int r = extents_add(ret, 0, segment->walked);

	for (unsigned i = 0; r == 0 && i < segment->extents.n; i++)
		r = extents_add(ret, segment->extents.list[i].begin, segment->extents.list[i].end);
	for (unsigned i = 0; r == 0 && i < segment->n_revisits && !segment->read; i++)
		r = extents_cut(
			ret, segment->revisits[i].offset, segment->revisits[i].offset + SLOT_ALIGN);
	for (unsigned i = 0; r == 0 && i < segment->n_execs; i++)
		r = extents_cut(
			ret, segment->execs[i].offset, segment->execs[i].offset + SLOT_ALIGN);
	for (unsigned i = 0; r == 0 && i < segment->counted.n; i++)
		r = extents_add(ret, segment->counted.list[i].begin, segment->counted.list[i].end);
	return r;
}

void segment_acknowledge(struct segment *segment)
{
	uint64_t upto = segment->covered;

	if (!memory_held(&segment->memory) || upto <= segment->acknowledged)
		return;
	segment->acknowledged = upto;
	/* Sealed against writing, or opened for reading only: then the process keeps its records,
	 * and they come by the spool once more. */
	memory_write(&segment->memory, &upto, sizeof(upto),
		offsetof(struct session_memory, acknowledged));
}
