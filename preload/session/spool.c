#define _GNU_SOURCE
#include "preload/session/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/uio.h>

#include "preload/clock.h"
#include "preload/descriptor.h"
#include "preload/image.h"
#include "preload/mapping.h"
#include "preload/rawcall.h"
#include "preload/session/layout.h"
#include "preload/session/spool_file.h"
#include "preload/text.h"
#include "proto/pool.h"

/* Bytes of a log that are copied to the stack, which may be a signal handler's. */
#define SMALL_COPY 2048
#define PIECE_SIZE (64u << 10) /* bytes of a log in one entry, at most */
#define ATTEMPTS   4	       /* another thread may be writing what we read */

static uint32_t checksum_of(const struct iovec parts[3])
{
	return fp_entry_checksum(parts[0].iov_base, parts[1].iov_base, parts[2].iov_base);
}

/* The whole slots of a log that go into one entry, as offsets in the log. */
struct piece {
	uint64_t begin, end;
	uint64_t settled; /* where the first unfinished slot stands; `end`: there is none */
};

static struct piece piece_at(const unsigned char *log, uint64_t begin, uint64_t to)
{
	struct piece piece = { begin, begin, UINT64_MAX };

	while (piece.end < to) {
		const uint32_t *slot = (const uint32_t *)(const void *)(log + piece.end);
		uint32_t word = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
		uint64_t next = piece.end + slot_total(word);

		if (next - begin > PIECE_SIZE)
			break;
		if (SLOT_STATE(word) == SLOT_CLAIMED && piece.settled > piece.end)
			piece.settled = piece.end;
		piece.end = next;
	}
	if (piece.end == begin || piece.end > to)
		piece.end = to; /* no slot is so large: the log was overwritten */
	if (piece.settled > piece.end)
		piece.settled = piece.end;
	return piece;
}

/*
 * After a short write of an entry of records in the making ('m'): makes it an 'F'. We live on, so
 * the truncated entry must not be taken for one of a killed process, which has lost nothing. The
 * descriptor's offset is behind what was written, unless it is held, and a fork has just written.
 */
static void own_up(int fd, long written)
{
	const uint64_t magic = SPOOL_ENTRY_MAGIC;
	long end = rawcall3(SYS_lseek, fd, 0, SEEK_CUR);

	/* On Linux pwrite() appends, too, while O_APPEND is set. */
	if (end < written || rawcall3(SYS_fcntl, fd, F_SETFL, O_NONBLOCK) < 0)
		return;
	rawcall4(SYS_pwrite64, fd, (long)&magic,
		written < (long)sizeof(magic) ? written : (long)sizeof(magic), end - written);
	rawcall3(SYS_fcntl, fd, F_SETFL, O_APPEND | O_NONBLOCK);
}

/* Writes an entry. `log` may change while it is written, unless it is a copy: then the entry is
 * written again, until its checksum is right. */
static int write_entry(
	int fd, struct spool_entry *entry, unsigned char *hello, unsigned char *log, bool copied)
{
	struct iovec parts[] = { { entry, sizeof(*entry) }, { hello, entry->hello_size },
		{ log, entry->log_size } };
	long size = (long)(sizeof(*entry) + entry->hello_size + entry->log_size);

	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		long written;

		entry->checksum = checksum_of(parts);
		written = rawcall3(SYS_writev, fd, (long)parts, 3);
		if (written < 0)
			return (int)written;
		if (written < size) {
			own_up(fd, written);
			return -ENOSPC;
		}
		if (copied || entry->checksum == checksum_of(parts))
			return 0;
	}
	return -EAGAIN;
}

/*
 * Other threads and processes may be filling slots at this moment, and the checksum would be wrong.
 * So a copy is written, where there is memory for one. A slot that is half filled in the copy is
 * also CLAIMED there, and readers step over it.
 */
static int append_piece(int fd, const struct layout *layout, uint64_t magic,
	const struct piece *piece, unsigned char *copy)
{
	struct segment *segment = layout->segment;
	struct spool_entry entry = { .magic = magic,
		.hello_size = layout->hello_size,
		.log_size = (uint32_t)(piece->end - piece->begin),
		.log_offset = piece->begin,
		.written_ns = now_ns(),
		.lost = segment->head.lost,
		.processes = segment->head.processes };
	unsigned char *hello = (unsigned char *)segment + layout->hello_offset;
	unsigned char *log = (unsigned char *)segment + layout->log_offset + piece->begin;

	if (!copy)
		return write_entry(fd, &entry, hello, log, false);
	memcpy(copy, log, entry.log_size);
	return write_entry(fd, &entry, hello, copy, true);
}

/* Opens the spool file, locked, with room for the log bytes [from, to). A descriptor or a negative
 * errno. */
static int open_for(struct segment *segment, uint64_t from, uint64_t to)
{
	uint64_t pieces = 1 + (to - from) / (PIECE_SIZE - FP_RECORD_SIZE_MAX);
	uint64_t heads =
		pieces * (sizeof(struct spool_entry) + segment_layout(segment)->hello_size);

	return from < to ? spool_file_open_for_records(heads + to - from) : spool_file_open(heads);
}

/*
 * Appends the log bytes [from, to), in entries of whole slots; if there are none, one entry without
 * a log. A long log is written in pieces, each copied to the same few pages, because a fresh page
 * costs as much as a hundred slots.
 *
 * *ret_kept: up to which offset the log is in the spool, finished. An unfinished slot does not
 * count, since its writer may not know that another process has spooled it. 0 or a negative errno.
 */
static int append(int fd, struct segment *segment, uint64_t magic, uint64_t from, uint64_t to,
	uint64_t *ret_kept)
{
	uint64_t room = to - from < PIECE_SIZE ? to - from : PIECE_SIZE;
	bool small = room <= SMALL_COPY;
	unsigned char *copy = small ? __builtin_alloca(room) : map_private(room);
	int error;

	*ret_kept = from;
	do {
		struct piece piece = piece_at(segment_log(segment), from, to);
		bool fits = piece.end - from <= room;

		error = append_piece(
			fd, segment_layout(segment), magic, &piece, fits ? copy : NULL);
		if (error)
			break;
		if (*ret_kept == from)
			*ret_kept = piece.settled;
		from = piece.end;
	} while (from < to && !(error = spool_file_has_space(fd)));
	if (copy && !small)
		unmap(copy, room);
	return error;
}

static uint64_t first_not_kept(struct segment *segment)
{
	uint64_t acknowledged = segment_acknowledged(segment);
	uint64_t spooled = __atomic_load_n(&segment->spooled, __ATOMIC_ACQUIRE);

	return acknowledged > spooled ? acknowledged : spooled;
}

static int append_rest(struct segment *segment, uint64_t magic)
{
	uint64_t from = first_not_kept(segment), to = segment_end(segment), kept;
	int fd SPOOL_FILE_CLEANUP = from < to ? open_for(segment, from, to) : -1;
	int error;

	if (fd < 0)
		return from < to ? fd : 0;
	error = append(fd, segment, magic, from, to, &kept);
	if (kept > from)
		__atomic_store_n(&segment->spooled, kept, __ATOMIC_RELEASE);
	return error;
}

int spool_rest(struct segment *segment)
{
	return append_rest(segment, SPOOL_ENTRY_MAGIC);
}

int spool_making(struct segment *segment)
{
	return append_rest(segment, SPOOL_ENTRY_MAKING_MAGIC);
}

/* An entry with counts alone may be truncated without a loss, unless it says that records are
 * lost. */
int spool_counts(struct segment *segment)
{
	uint64_t magic = segment->head.lost ? SPOOL_ENTRY_MAGIC : SPOOL_ENTRY_MAKING_MAGIC;
	int fd SPOOL_FILE_CLEANUP = open_for(segment, 0, 0);
	uint64_t kept;

	return fd < 0 ? fd : append(fd, segment, magic, 0, 0, &kept);
}

static uint64_t count_slots(const unsigned char *log, uint64_t from, uint64_t to)
{
	uint64_t count = 0;

	while (from < to) {
		const uint32_t *word = (const uint32_t *)(const void *)(log + from);
		uint32_t found = __atomic_load_n(word, __ATOMIC_ACQUIRE);

		count += SLOT_STATE(found) == SLOT_READY || SLOT_STATE(found) == SLOT_EXEC;
		from += slot_total(found);
	}
	return count;
}

/* spooled: how many bytes of the cell's log other processes have spooled. */
static uint64_t first_of_copy(struct segment *copy, uint32_t spooled)
{
	uint64_t first = first_not_kept(copy);

	return spooled > first ? spooled : first;
}

/* Where the parts of a cell are, as its copy says. All is empty if that holds no valid segment. */
static struct layout layout_of_copy(struct segment *copy)
{
	const struct session_memory *head = &copy->head;

	if (head->magic != SESSION_MEMORY_MAGIC || head->hello_offset > POOL_CELL_SIZE ||
		head->hello_size > POOL_CELL_SIZE - head->hello_offset ||
		head->log_offset > POOL_CELL_SIZE || head->log_offset % SLOT_ALIGN ||
		head->log_size > POOL_CELL_SIZE - head->log_offset)
		return (struct layout){ .segment = copy };
	return (struct layout){ .segment = copy,
		.hello_offset = head->hello_offset,
		.hello_size = head->hello_size,
		.log_offset = head->log_offset,
		.log_size = head->log_size };
}

static unsigned char *log_of_copy(const struct layout *layout)
{
	return (unsigned char *)layout->segment + layout->log_offset;
}

/* The end of the whole slots there. */
static uint64_t copied_end(const struct layout *layout)
{
	uint64_t at = 0;

	while (at + SLOT_ALIGN <= layout->log_size) {
		uint32_t word = *(const uint32_t *)(const void *)(log_of_copy(layout) + at);

		if (SLOT_STATE(word) == SLOT_FREE || slot_total(word) > layout->log_size - at)
			break;
		at += slot_total(word);
	}
	return at;
}

uint64_t spool_count(struct segment *copy, uint32_t spooled)
{
	const struct layout layout = layout_of_copy(copy);
	uint64_t from = first_of_copy(copy, spooled);

	return from % SLOT_ALIGN ? 0 : count_slots(log_of_copy(&layout), from, copied_end(&layout));
}

uint64_t spool_settled_end(struct segment *copy, uint64_t to)
{
	const struct layout layout = layout_of_copy(copy);
	uint64_t end = copied_end(&layout);

	/* A cell is smaller than a piece. */
	return piece_at(log_of_copy(&layout), 0, to < end ? to : end).settled;
}

int spool_cell(struct segment *copy, uint32_t *spooled, int *file)
{
	const struct layout layout = layout_of_copy(copy);
	uint64_t from = first_of_copy(copy, *spooled);
	uint64_t to = copied_end(&layout);
	int error;

	if (from >= to || from % SLOT_ALIGN)
		return 0;
	if (*file < 0)
		*file = spool_file_open_for_records(POOL_CELL_SIZE);
	if (*file < 0)
		return *file;
	/* Other processes append to it, too, perhaps without a limit on the size of files. */
	error = spool_file_takes(*file, POOL_CELL_SIZE);
	if (!error)
		error = append_piece(
			*file, &layout, SPOOL_ENTRY_MAGIC, &(struct piece){ from, to, to }, NULL);
	if (!error)
		*spooled = (uint32_t)to;
	return error;
}

int spool_loss(struct segment *segment)
{
	uint64_t from = first_not_kept(segment), to = segment_end(segment);

	if (from >= to)
		return 0;
	__atomic_fetch_add(
		&segment->head.lost, count_slots(segment_log(segment), from, to), __ATOMIC_RELAXED);
	__atomic_store_n(&segment->spooled, to, __ATOMIC_RELEASE);
	return spool_counts(segment);
}

int spool_slot(struct segment *segment, const uint32_t *slot)
{
	uint64_t from = (uint64_t)((const unsigned char *)slot - segment_log(segment));
	uint64_t to = segment_slot_end(segment, slot), kept;
	int fd SPOOL_FILE_CLEANUP = open_for(segment, from, to);
	int error = fd < 0 ? fd : append(fd, segment, SPOOL_ENTRY_MAKING_MAGIC, from, to, &kept);

	/* Only if the slot follows what is spooled already. Otherwise spool_rest() appends it
	 * again. */
	if (!error)
		__atomic_compare_exchange_n(&segment->spooled, &(uint64_t){ from }, to, false,
			__ATOMIC_RELEASE, __ATOMIC_RELAXED);
	return error;
}
