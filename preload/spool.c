#define _GNU_SOURCE
#include "preload/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>

#include "preload/file_limit.h"
#include "preload/image.h"
#include "preload/rawcall.h"
#include "preload/text.h"
#include "proto/pool.h"

#define SMALL_COPY	2048	    /* log bytes, on the stack */
#define PIECE_SIZE	(64u << 10) /* log bytes in an entry, at most */
#define ERRNO_MAX	4095
#define ATTEMPTS	4  /* the aggregator takes the file away, or a thread writes what we read */
#define FREE_SHARE	20 /* leave one part in so many of the file system free */
#define NAME		"/records."
#define MODE		0600
#define FOLDER_MODE	01777 /* everyone's, as /tmp is */
#define SPOOL_PATH_SIZE 1024  /* on the stack of a signal handler, perhaps */

static void close_file(int *fd)
{
	if (*fd >= 0)
		rawcall3(SYS_close, *fd, 0, 0);
}
#define CLEANUP_FILE __attribute__((cleanup(close_file)))

/* Terminated path of our file; -ENAMETOOLONG. */
static int file_path(struct segment *first, char *path, size_t size, unsigned uid)
{
	const char *folder = (const char *)first + first->spool_path;
	char *end = path + size;
	char *p = text_append(path, end, folder);

	p = text_append_number(text_append(p, end, NAME), end, uid);
	return p + 1 < end ? 0 : -ENAMETOOLONG;
}

/* Where no aggregator ever ran there is no folder yet: who comes first makes it, for everyone. */
static bool make_folder(struct segment *first)
{
	const char *folder = (const char *)first + first->spool_path;
	long error = rawcall3(SYS_mkdir, (long)folder, FOLDER_MODE, 0);

	if (error == -EEXIST)
		return true;
	return !error && !rawcall3(SYS_chmod, (long)folder, FOLDER_MODE, 0); /* past the umask */
}

/* Records leave some of the file system free, for others and for the word that some were lost. */
static int check_space(int fd)
{
	struct statfs system;
	long error = rawcall3(SYS_fstatfs, fd, (long)&system, 0);

	if (error < 0)
		return (int)error;
	return system.f_bavail < system.f_blocks / FREE_SHARE ? -ENOSPC : 0;
}

/* Ours, a file, and still under its name: 0; -ESTALE: the aggregator took it; else refused. */
static int check_file(int fd, unsigned uid, uint64_t size)
{
	struct stat file;
	long error = rawcall3(SYS_fstat, fd, (long)&file, 0);

	if (error < 0)
		return (int)error;
	if (!S_ISREG(file.st_mode) || file.st_uid != uid)
		return -EPERM;
	if (!file.st_nlink)
		return -ESTALE;
	return file_may_reach((uint64_t)file.st_size + size) ? 0 : -EFBIG;
}

/* The spool file, locked for appending `size` bytes; a negative errno. */
static int open_file(struct segment *first, uint64_t size)
{
	unsigned uid = (unsigned)rawcall3(SYS_geteuid, 0, 0, 0);
	char path[SPOOL_PATH_SIZE];
	int error = file_path(first, path, sizeof(path), uid);

	for (int attempt = 0; !error && attempt < ATTEMPTS; attempt++) {
		int fd CLEANUP_FILE = (int)rawcall4(SYS_openat, AT_FDCWD, (long)path,
			O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, MODE);

		if (fd == -ENOENT && make_folder(first))
			continue;
		if (fd < 0)
			return fd;
		/* Exclusively locked: the aggregator has renamed it and is reading. */
		if (rawcall3(SYS_flock, fd, LOCK_SH | LOCK_NB, 0) < 0)
			continue;
		error = check_file(fd, uid, size);
		if (error == -ESTALE) {
			error = 0;
			continue;
		}
		if (!error) {
			int locked = fd;

			fd = -1;
			return locked;
		}
	}
	return error ? error : -EAGAIN;
}

/* The same for records, of which some of the file system stays free. */
static int open_with_room(struct segment *first, uint64_t size)
{
	int fd = open_file(first, size);
	int error = fd < 0 ? 0 : check_space(fd);

	if (error < 0)
		close_file(&fd);
	return error < 0 ? error : fd;
}

static uint64_t now_ns(void)
{
	struct timespec now = { 0, 0 };

	rawcall3(SYS_clock_gettime, CLOCK_REALTIME, (long)&now, 0);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint32_t checksum_of(const struct iovec parts[3])
{
	return fp_entry_checksum(parts[0].iov_base, parts[1].iov_base, parts[2].iov_base);
}

/* Room for a copy of `size` bytes: `small`, or a mapping of its own; NULL: none can be had. */
static unsigned char *copy_room(unsigned char small[static SMALL_COPY], uint64_t size)
{
	long room;

	if (size <= SMALL_COPY)
		return small;
	room = rawcall6(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return room < 0 && room > -ERRNO_MAX ? NULL : (unsigned char *)room;
}

/* The end of the whole slots from `from` on that go into one entry. */
static uint64_t piece_end(struct segment *segment, uint64_t from, uint64_t to)
{
	uint64_t end = from;

	if (to - from <= PIECE_SIZE)
		return to;
	while (end < to) {
		const uint32_t *word = (const uint32_t *)(const void *)(segment_log(segment) + end);
		uint64_t next = end + slot_total(__atomic_load_n(word, __ATOMIC_ACQUIRE));

		if (next - from > PIECE_SIZE)
			break;
		end = next;
	}
	return end > from ? end : to; /* no slot is so large: the log was written over */
}

/*
 * We live: what a short write left of records in the making must not be taken for a killed
 * process's, who has lost none. The descriptor is nobody else's, and stands behind what was
 * written.
 */
static void own_up(int fd, long written)
{
	const uint64_t magic = SPOOL_ENTRY_MAGIC;
	long end = rawcall3(SYS_lseek, fd, 0, SEEK_CUR);

	/* With O_APPEND pwrite(2) appends. */
	if (end < written || rawcall3(SYS_fcntl, fd, F_SETFL, O_NONBLOCK) < 0)
		return;
	rawcall4(SYS_pwrite64, fd, (long)&magic,
		written < (long)sizeof(magic) ? written : (long)sizeof(magic), end - written);
}

/* Writes until what was written is what the checksum says: `log` may change meanwhile, unless it is
 * a copy. */
static int write_entry(
	int fd, struct segment *segment, struct spool_entry *entry, unsigned char *log, bool copied)
{
	struct iovec parts[] = { { entry, sizeof(*entry) },
		{ (char *)segment + segment->head.hello_offset, entry->hello_size },
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
 * Other threads and processes may be filling slots at this moment, which would belie the checksum:
 * so a copy is written. What it shows half filled is CLAIMED in the copy too, and readers step over
 * it.
 */
static int append_piece(int fd, struct segment *segment, uint64_t magic, uint64_t from, uint64_t to,
	unsigned char *copy)
{
	struct spool_entry entry = { .magic = magic,
		.hello_size = segment->head.hello_size,
		.log_size = (uint32_t)(to - from),
		.log_offset = from,
		.written_ns = now_ns(),
		.lost = segment->head.lost,
		.processes = segment->head.processes };
	unsigned char *log = segment_log(segment) + from;

	if (!copy)
		return write_entry(fd, segment, &entry, log, false);
	memcpy(copy, log, entry.log_size);
	return write_entry(fd, segment, &entry, copy, true);
}

/* The spool file, locked, with room for the log bytes [from, to); a negative errno. */
static int open_for(struct segment *segment, uint64_t from, uint64_t to)
{
	uint64_t pieces = 1 + (to - from) / (PIECE_SIZE - FP_RECORD_SIZE_MAX);
	uint64_t heads = pieces * (sizeof(struct spool_entry) + segment->head.hello_size);

	return from < to ? open_with_room(segment->first, heads + to - from)
			 : open_file(segment->first, heads);
}

/*
 * Appends the log bytes from *from to `to`, in entries of whole slots; none: an entry without a
 * log. A long log goes in pieces, copied to the same few pages in turn: a fresh page costs as much
 * as a hundred slots. *from: moved on, past what is there. 0 or a negative errno.
 */
static int append(int fd, struct segment *segment, uint64_t magic, uint64_t *from, uint64_t to)
{
	uint64_t room = to - *from < PIECE_SIZE ? to - *from : PIECE_SIZE;
	unsigned char small[SMALL_COPY], *copy = copy_room(small, room);
	int error;

	do {
		uint64_t end = piece_end(segment, *from, to);

		error = append_piece(
			fd, segment, magic, *from, end, end - *from <= room ? copy : NULL);
		if (error)
			break;
		*from = end;
	} while (*from < to && !(error = check_space(fd)));
	if (copy && copy != small)
		rawcall3(SYS_munmap, (long)copy, (long)room, 0);
	return error;
}

static uint64_t first_not_kept(struct segment *segment)
{
	uint64_t acknowledged = __atomic_load_n(&segment->head.acknowledged, __ATOMIC_ACQUIRE);
	uint64_t spooled = __atomic_load_n(&segment->spooled, __ATOMIC_ACQUIRE);

	return acknowledged > spooled ? acknowledged : spooled;
}

/* Where the first slot stands that is being written; `to`: all of them are whole. */
static uint64_t settled_end(struct segment *segment, uint64_t from, uint64_t to)
{
	while (from < to) {
		const uint32_t *word =
			(const uint32_t *)(const void *)(segment_log(segment) + from);
		uint32_t found = __atomic_load_n(word, __ATOMIC_ACQUIRE);

		if (SLOT_STATE(found) == SLOT_CLAIMED)
			return from;
		from += slot_total(found);
	}
	return to;
}

/* What is being written counts as not kept: its writer may not know that somebody spools. */
static int append_rest(struct segment *segment, uint64_t magic)
{
	uint64_t begin = first_not_kept(segment), to = segment_end(segment);
	uint64_t from = begin, settled;
	int fd CLEANUP_FILE = from < to ? open_for(segment, from, to) : -1;
	int error;

	if (fd < 0)
		return from < to ? fd : 0;
	settled = settled_end(segment, from, to);
	error = append(fd, segment, magic, &from, to);
	if (from > begin)
		__atomic_store_n(
			&segment->spooled, from < settled ? from : settled, __ATOMIC_RELEASE);
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

/* Counts alone are not worth a word when they are cut short. */
int spool_counts(struct segment *segment)
{
	uint64_t magic = segment->head.lost ? SPOOL_ENTRY_MAGIC : SPOOL_ENTRY_MAKING_MAGIC;
	int fd CLEANUP_FILE = open_for(segment, 0, 0);

	return fd < 0 ? fd : append(fd, segment, magic, &(uint64_t){ 0 }, 0);
}

static uint64_t count_slots(struct segment *segment, uint64_t from, uint64_t to)
{
	uint64_t count = 0;

	while (from < to) {
		const uint32_t *word =
			(const uint32_t *)(const void *)(segment_log(segment) + from);
		uint32_t found = __atomic_load_n(word, __ATOMIC_ACQUIRE);

		count += SLOT_STATE(found) == SLOT_READY || SLOT_STATE(found) == SLOT_EXEC;
		from += slot_total(found);
	}
	return count;
}

/* spooled: by others, bytes of the cell's log. */
static uint64_t first_of_copy(struct segment *copy, uint32_t spooled)
{
	uint64_t first = first_not_kept(copy);

	return spooled > first ? spooled : first;
}

/* The end of the whole slots in the copy of a cell; 0: it is no segment. */
static uint64_t copied_end(const struct segment *copy)
{
	const struct session_memory *head = &copy->head;
	const unsigned char *log = (const unsigned char *)copy + head->log_offset;
	uint64_t at = 0;

	if (head->magic != SESSION_MEMORY_MAGIC || head->hello_offset > POOL_CELL_SIZE ||
		head->hello_size > POOL_CELL_SIZE - head->hello_offset ||
		head->log_offset > POOL_CELL_SIZE || head->log_offset % SLOT_ALIGN ||
		head->log_size > POOL_CELL_SIZE - head->log_offset)
		return 0;
	while (at + SLOT_ALIGN <= head->log_size) {
		uint32_t word = *(const uint32_t *)(const void *)(log + at);

		if (SLOT_STATE(word) == SLOT_FREE || slot_total(word) > head->log_size - at)
			break;
		at += slot_total(word);
	}
	return at;
}

uint64_t spool_count(struct segment *copy, uint32_t spooled)
{
	uint64_t from = first_of_copy(copy, spooled);

	return from % SLOT_ALIGN ? 0 : count_slots(copy, from, copied_end(copy));
}

uint64_t spool_settled_end(struct segment *copy, uint64_t to)
{
	uint64_t end = copied_end(copy);

	return settled_end(copy, 0, to < end ? to : end);
}

int spool_cell(struct segment *first, struct segment *copy, uint32_t *spooled, int *file)
{
	uint64_t from = first_of_copy(copy, *spooled);
	uint64_t to = copied_end(copy);
	int error;

	if (from >= to || from % SLOT_ALIGN)
		return 0;
	if (*file < 0)
		*file = open_with_room(first, POOL_CELL_SIZE);
	if (*file < 0)
		return *file;
	/* Others append to it too, and may have no limit. */
	error = check_file(*file, (unsigned)rawcall3(SYS_geteuid, 0, 0, 0), POOL_CELL_SIZE);
	if (!error)
		error = append_piece(*file, copy, SPOOL_ENTRY_MAGIC, from, to, NULL);
	if (!error)
		*spooled = (uint32_t)to;
	return error;
}

int spool_loss(struct segment *segment)
{
	uint64_t from = first_not_kept(segment), to = segment_end(segment);

	if (from >= to)
		return 0;
	__atomic_fetch_add(&segment->head.lost, count_slots(segment, from, to), __ATOMIC_RELAXED);
	__atomic_store_n(&segment->spooled, to, __ATOMIC_RELEASE);
	return spool_counts(segment);
}

int spool_slot(struct segment *segment, const uint32_t *slot)
{
	uint64_t from = (uint64_t)((const unsigned char *)slot - segment_log(segment));
	uint64_t to = from + slot_total(*slot), end = from;
	int fd CLEANUP_FILE = open_for(segment, from, to);
	int error = fd < 0 ? fd : append(fd, segment, SPOOL_ENTRY_MAKING_MAGIC, &end, to);

	/* Slots spooled out of order are left to spool_rest(), which repeats some. */
	if (!error)
		__atomic_compare_exchange_n(&segment->spooled, &(uint64_t){ from }, to, false,
			__ATOMIC_RELEASE, __ATOMIC_RELAXED);
	return error;
}
