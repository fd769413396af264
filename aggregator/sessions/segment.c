#include "aggregator/sessions/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregator/sessions/ingest.h"
#include "aggregator/sessions/segment_parts.h"
#include "lib/base/cleanup.h"

/* --- opening ---------------------------------------------------------------------------------- */

static int read_header(const struct memory *memory, struct session_memory *ret)
{
	ssize_t n = memory_read(memory, ret, sizeof(*ret), 0);

	if (n < 0)
		return (int)n;
	return n == sizeof(*ret) ? 0 : -EBADMSG;
}

/* Without these seals, the peer could shrink the memory, or grow it without limit. Only memfds (and
 * hugetlbfs) can be sealed, so any other descriptor fails here. */
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
	if (!fp_protocol_is_known(memory->protocol))
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

/* Takes what may change in the header, except `lost`: see segment_look(). */
static void take_counters(struct segment *segment, const struct session_memory *memory)
{
	segment->hello_offset = memory->hello_offset;
	segment->hello_size = memory->hello_size;
	segment->tail = memory->tail;
	segment->processes = memory->processes;
	segment->users = memory->users;
}

/* Makes a segment of `memory`, which belongs to it on success. */
static int open_memory(const struct memory *memory, struct segment **ret, struct error *err)
{
	struct session_memory header;
	struct segment *segment;
	int r;

	if (read_header(memory, &header) < 0)
		return error_set(err, -EBADMSG, "memory: cannot be read");
	r = check_header(&header, (off_t)memory->size, err);
	if (r < 0)
		return r;
	segment = segment_new();
	if (!segment)
		return error_set(err, -ENOMEM, "memory: out of memory");
	segment->memory = *memory;
	segment->shared = true;
	segment->log_offset = header.log_offset;
	segment->log_size = header.log_size;
	take_counters(segment, &header);
	*ret = segment;
	return 0;
}

int segment_open(int fd, struct segment **ret, struct error *err)
{
	struct stat status;
	int r;

	r = check_file(fd, &status, err);
	if (r < 0)
		return r;
	r = open_memory(&(struct memory){ .fd = fd, .size = (size_t)status.st_size }, ret, err);
	if (r < 0)
		return r;
	(*ret)->device = status.st_dev;
	(*ret)->inode = status.st_ino;
	return 0;
}

int segment_open_cell(void *cell, size_t size, struct segment **ret, struct error *err)
{
	const struct memory memory = { .fd = -1, .map = cell, .size = size, .borrowed = true };

	return open_memory(&memory, ret, err);
}

/* The offset of the hello or the log, whichever comes first. What is before it nobody reads. */
static size_t content_of(const uint8_t *bytes, size_t size)
{
	struct session_memory header;
	size_t first;

	memcpy(&header, bytes, sizeof(header));
	first = header.hello_offset < header.log_offset ? header.hello_offset : header.log_offset;
	return first >= sizeof(header) && first <= size ? first : sizeof(header);
}

int segment_open_copy(const uint8_t *bytes, size_t size, struct segment **ret, struct error *err)
{
	struct memory memory;
	int r;

	if (!memory_copy(
		    &memory, bytes, size, sizeof(struct session_memory), content_of(bytes, size)))
		return error_set(err, -ENOMEM, "memory: out of memory");
	r = open_memory(&memory, ret, err);
	if (r < 0)
		memory_close(&memory);
	return r;
}

void segment_look(struct segment *segment)
{
	struct session_memory memory;

	if (!memory_held(&segment->memory) || read_header(&segment->memory, &memory) < 0)
		return; /* what was known before stays */
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

void segment_go_on(struct segment *segment, struct segment *again)
{
	memory_close(&segment->memory);
	segment->memory = again->memory;
	again->memory = NO_MEMORY;
	segment->read = false;
	segment_free(again);
}

/* --- slots ------------------------------------------------------------------------------------ */

int segment_take(struct session *session, const struct segment *segment, uint64_t offset,
	const uint8_t *payload, size_t size, struct error *err)
{
	return ingest_slot(session, payload, size, !extents_hold(&segment->counted, offset), err);
}

ssize_t segment_read_log(
	const struct segment *segment, uint8_t *buffer, uint64_t offset, size_t size)
{
	return memory_read(&segment->memory, buffer, size, segment->log_offset + offset);
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

/* Where it is sealed against writing, or opened for reading only, the process keeps its records,
 * and they come by the spool once more. */
static void write_acknowledged(struct segment *segment)
{
	uint64_t word = segment->acknowledged | (segment->left ? SESSION_MEMORY_LEFT : 0);

	memory_write(&segment->memory, &word, sizeof(word),
		offsetof(struct session_memory, acknowledged));
}

void segment_acknowledge(struct segment *segment)
{
	if (!memory_held(&segment->memory) || segment->covered <= segment->acknowledged)
		return;
	segment->acknowledged = segment->covered;
	write_acknowledged(segment);
}

bool segment_leave(struct segment *segment)
{
	if (!memory_held(&segment->memory) || segment->left)
		return false;
	segment->left = true;
	write_acknowledged(segment);
	return true;
}
