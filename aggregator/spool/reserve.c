#include "aggregator/spool/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregator/aggregator.h"
#include "aggregator/clock.h"
#include "aggregator/log.h"
#include "aggregator/spool/own_file.h"
#include "lib/base/cleanup.h"

#define RESERVE_SIZE (RESERVE_SLOTS * RESERVE_SLOT_SIZE)
#define NO_SLOT_LEFT "records that could not be kept, of more processes than could leave word"

/* --- the file --------------------------------------------------------------------------------- */

static const uint8_t empty_slot[RESERVE_SLOT_SIZE];

/* Writes the slots, and does not only allocate them: blocks that were never written may still need
 * space. */
static int allocate(int fd, off_t from)
{
	for (; from < (off_t)RESERVE_SIZE; from += RESERVE_SLOT_SIZE)
		if (pwrite(fd, empty_slot, sizeof(empty_slot), from) != sizeof(empty_slot))
			return -ENOSPC;
	return fsync(fd) < 0 ? -errno : 0;
}

static int open_file(struct aggregator *daemon)
{
	autoclose int fd = own_file_open(daemon->spool.directory, RESERVE_NAME, O_RDWR);
	struct stat status;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_size < (off_t)RESERVE_SIZE) {
		r = allocate(fd, status.st_size & -(off_t)RESERVE_SLOT_SIZE);
		if (r < 0)
			return r;
	}
	/* Not by open(), whose mode the umask limits; and not before the file is complete. */
	if (fchmod(fd, 0666) < 0)
		return -errno;
	return steal_fd(&fd);
}

/* type: F_WRLCK or F_UNLCK. False: somebody else has the lock. */
static bool lock_slot(const struct reserve *reserve, unsigned slot, short type)
{
	struct flock lock = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)slot * RESERVE_SLOT_SIZE,
		.l_len = RESERVE_SLOT_SIZE,
	};

	return fcntl(reserve->fd, F_OFD_SETLK, &lock) == 0;
}

void reserve_init(struct aggregator *daemon)
{
	struct reserve *reserve = &daemon->reserve;

	*reserve = (struct reserve){ .fd = open_file(daemon) };
	if (reserve->fd < 0)
		log_note("%s/%s: cannot be made: %s", daemon->options.spool, RESERVE_NAME,
			strerror(-reserve->fd));
}

/* --- telling ---------------------------------------------------------------------------------- */

static int tell_slot(struct aggregator *daemon, const uint8_t bytes[static RESERVE_SLOT_SIZE])
{
	struct spool_reader reader = { .bytes = bytes, .size = RESERVE_SLOT_SIZE };
	Footprint__Hello *hello;
	struct spool_view view;
	struct error err;
	int r;

	if (spool_next(&reader, &view) != SPOOL_ENTRY || !view.entry.lost)
		return -EBADMSG;
	r = hello_unpack(view.hello, view.entry.hello_size, &hello, &err);
	if (r < 0)
		return r;
	/* Whose word it is nobody knows. */
	r = application_gap(daemon, geteuid(), hello, 0, "lost-records",
		"records that could not be kept", view.entry.lost);
	footprint__hello__free_unpacked(hello, NULL);
	return r;
}

/* 0; or a negative errno: the slot has to be looked at again. */
static int look_at_slot(struct aggregator *daemon, unsigned slot)
{
	struct reserve *reserve = &daemon->reserve;
	uint8_t bytes[RESERVE_SLOT_SIZE];
	off_t at = (off_t)slot * RESERVE_SLOT_SIZE;
	uint64_t word;
	int r;

	if (reserve->states[slot] != RESERVE_UNTOLD)
		return 0;
	/* Not while a process is writing it. */
	if (!lock_slot(reserve, slot, F_WRLCK))
		return -EAGAIN;
	if (pread(reserve->fd, bytes, sizeof(bytes), at) != sizeof(bytes))
		memset(bytes, 0, sizeof(bytes)); /* truncated by somebody: empty */
	lock_slot(reserve, slot, F_UNLCK);
	memcpy(&word, bytes, sizeof(word));
	if (!word)
		return 0;
	r = slot ? tell_slot(daemon, bytes) : runs_lost_records(daemon, NO_SLOT_LEFT, word);
	if (r == -ENOMEM)
		return r;
	daemon->counters.spool_damaged += r == -EBADMSG;
	reserve->unplaced = slot ? reserve->unplaced : word;
	/* An invalid slot is also freed with the next snapshot. */
	reserve->states[slot] = RESERVE_TOLD;
	return 0;
}

static bool somebody_wrote(struct reserve *reserve)
{
	struct stat status;

	if (fstat(reserve->fd, &status) < 0 ||
		(status.st_mtim.tv_sec == reserve->modified.tv_sec &&
			status.st_mtim.tv_nsec == reserve->modified.tv_nsec))
		return false;
	reserve->modified = status.st_mtim;
	return true;
}

void reserve_tick(struct aggregator *daemon)
{
	struct reserve *reserve = &daemon->reserve;

	/* Gaps are added to manifests at once, and these are being written. */
	if (reserve->fd < 0 || daemon->roots.frozen || !somebody_wrote(reserve))
		return;
	/* The first slot, which only counts, comes last: by then, the applications that left a note
	 * are open. */
	for (unsigned slot = RESERVE_SLOTS; slot-- > 0;)
		if (look_at_slot(daemon, slot) < 0)
			reserve->modified = (struct timespec){ 0 };
}

/* --- freeing ---------------------------------------------------------------------------------- */

void reserve_cover(struct aggregator *daemon)
{
	for (unsigned slot = 0; slot < RESERVE_SLOTS; slot++)
		if (daemon->reserve.states[slot] == RESERVE_TOLD)
			daemon->reserve.states[slot] = RESERVE_COVERED;
}

/* Frees a slot. The first one only if its count is still what became a gap; otherwise the new count
 * becomes another gap. */
static bool free_slot(struct reserve *reserve, unsigned slot)
{
	bool freed = true;
	uint64_t word;

	if (!lock_slot(reserve, slot, F_WRLCK))
		return false; /* tried again later */
	if (slot || (pread(reserve->fd, &word, sizeof(word), 0) == sizeof(word) &&
			    word == reserve->unplaced))
		freed = pwrite(reserve->fd, empty_slot, sizeof(empty_slot),
				(off_t)slot * RESERVE_SLOT_SIZE) == sizeof(empty_slot);
	lock_slot(reserve, slot, F_UNLCK);
	return freed;
}

void reserve_covered(struct aggregator *daemon, bool written)
{
	struct reserve *reserve = &daemon->reserve;

	for (unsigned slot = 0; slot < RESERVE_SLOTS; slot++) {
		if (reserve->states[slot] != RESERVE_COVERED)
			continue;
		reserve->states[slot] =
			written && free_slot(reserve, slot) ? RESERVE_UNTOLD : RESERVE_TOLD;
	}
}

void reserve_deinit(struct aggregator *daemon)
{
	cleanup_close(&daemon->reserve.fd);
}
