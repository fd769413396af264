#include "aggregator/spool/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "aggregator/aggregator.h"
#include "aggregator/log.h"
#include "aggregator/spool/own_file.h"
#include "lib/base/cleanup.h"
#include "lib/record/record.h"

void journal_init(struct aggregator *daemon)
{
	daemon->journal = (struct journal){ .fd = -1 };
}

static int open_journal(struct aggregator *daemon)
{
	int fd = own_file_open(daemon->spool.directory, JOURNAL_NAME, O_WRONLY | O_APPEND);

	if (fd < 0)
		return fd;
	daemon->journal.fd = fd;
	return 0;
}

/* Writes an entry at once. A reader skips one that is torn, and what it was to hold is a gap. */
static int append(struct journal *journal, struct spool_entry *entry, const uint8_t *body)
{
	struct iovec parts[] = {
		{ entry, sizeof(*entry) },
		{ (void *)body, entry->hello_size + entry->log_size },
	};
	ssize_t n = writev(journal->fd, parts, 2);

	if (n < 0)
		return -errno;
	return (size_t)n == parts[0].iov_len + parts[1].iov_len ? 0 : -ENOSPC;
}

static int read_fully(const struct memory *memory, uint8_t *buffer, size_t size, uint64_t offset)
{
	ssize_t n = memory_read(memory, buffer, size, offset);

	if (n < 0)
		return (int)n;
	return (size_t)n == size ? 0 : -EBADMSG;
}

/* The end of the log that is to be kept: what is claimed, however much of it we have read. */
static uint64_t end_of_log(const struct segment *segment)
{
	uint64_t end = segment->tail > segment->walked ? segment->tail : segment->walked;

	return (end < segment->log_size ? end : segment->log_size) & ~(uint64_t)(SLOT_ALIGN - 1);
}

/* The size of the part of a log that was written: peers may claim megabytes and write nothing. */
static uint32_t written_part(const uint8_t *log, uint32_t size)
{
	struct slot_reader reader = { .log = log, .size = size };
	struct slot slot;
	struct error err;
	int r;

	while ((r = slot_next(&reader, &slot, &err)) > 0)
		;
	return r < 0 ? size : (uint32_t)reader.offset;
}

static int keep_segment(struct aggregator *daemon, const struct segment *segment, uint64_t ended_ns)
{
	uint64_t from = segment->acknowledged, end = end_of_log(segment);
	struct spool_entry entry = {
		.magic = SPOOL_ENTRY_MAGIC,
		.hello_size = segment->hello_size,
		.log_size = end > from ? (uint32_t)(end - from) : 0,
		.log_offset = from,
		.written_ns = ended_ns,
		.lost = segment->lost,
		.processes = segment->processes,
	};
	autofree uint8_t *body = NULL;
	int r;

	if (!entry.log_size)
		return 0;
	if (segment->hello_size > FP_HELLO_SIZE_MAX)
		return -EBADMSG;
	body = malloc(entry.hello_size + entry.log_size);
	if (!body)
		return -ENOMEM;
	r = read_fully(&segment->memory, body, entry.hello_size, segment->hello_offset);
	if (r == 0)
		r = read_fully(&segment->memory, body + entry.hello_size, entry.log_size,
			segment->log_offset + from);
	if (r == 0)
		entry.log_size = written_part(body + entry.hello_size, entry.log_size);
	if (r == 0 && entry.log_size && daemon->journal.fd < 0)
		r = open_journal(daemon);
	if (r < 0 || !entry.log_size)
		return r;
	entry.checksum = fp_entry_checksum(&entry, body, body + entry.hello_size);
	r = append(&daemon->journal, &entry, body);
	daemon->counters.journal_entries += r == 0;
	return r;
}

static void report(struct aggregator *daemon, int r)
{
	daemon->counters.journal_failures++;
	if (!daemon->journal.reported)
		log_trouble("%s/%s: cannot be written: %s: what killed processes have recorded is "
			    "lost if footprintd is killed before it has written their manifests",
			daemon->options.spool, JOURNAL_NAME, strerror(-r));
	daemon->journal.reported = true;
}

void journal_keep(struct session *session)
{
	struct aggregator *daemon = session->daemon;

	/* If other processes hold the pool in which the session has ended, they keep its
	 * records. */
	if (session->pool && !pool_is_closed(session->pool))
		return;
	for (uint32_t i = 0; i < session->n_segments && !session->dropped; i++) {
		struct segment *segment = session->segments[i];
		int r;

		if (!segment || !memory_held(&segment->memory))
			continue;
		/* All of its processes have said goodbye, so the rest is in the spool. This does
		 * not hold for what the spool refused, nor for what they left to a relative: that
		 * may have become another program, which does not know of it. */
		if (!segment->users && !segment->lost && !session->pool)
			continue;
		r = keep_segment(daemon, segment, session->ended_ns);
		if (r < 0)
			report(daemon, r);
	}
}

void journal_keep_segment(
	struct aggregator *daemon, const struct segment *segment, uint64_t ended_ns)
{
	int r = keep_segment(daemon, segment, ended_ns);

	if (r < 0)
		report(daemon, r);
}

void journal_turn(struct aggregator *daemon)
{
	struct journal *journal = &daemon->journal;

	/* One journal at a time, so that journals do not take the places of other files while
	 * nothing can be written. */
	if (journal->fd < 0 || (spool_has_journal(daemon) && !daemon->stopping))
		return;
	if (spool_adopt_journal(daemon, journal->fd) < 0)
		return;
	journal->fd = -1;
	journal->reported = false;
}

void journal_deinit(struct aggregator *daemon)
{
	if (daemon->journal.fd >= 0)
		close(daemon->journal.fd);
	daemon->journal.fd = -1;
}
