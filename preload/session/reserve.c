#define _GNU_SOURCE
#include "preload/session/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/uio.h>

#include "preload/clock.h"
#include "preload/rawcall.h"
#include "preload/session/file_limit.h"
#include "preload/session/layout.h"
#include "preload/text.h"

#define NAME	  "/reserve"
#define PATH_SIZE 1024 /* bytes; this may be a signal handler's stack */
#define ATTEMPTS  4    /* at the lock of slot 0 */

static int open_reserve(void)
{
	char path[PATH_SIZE], *end = path + sizeof(path), *p;

	p = text_append(path, end, image.spool_path);
	p = text_append(p, end, NAME);
	if (p + 1 >= end)
		return -ENAMETOOLONG;
	return (int)rawcall4(SYS_openat, AT_FDCWD, (long)path,
		O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0);
}

/* Locks a slot until the descriptor is closed. */
static bool lock_slot(int fd, unsigned slot)
{
	struct flock lock = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = (off_t)slot * RESERVE_SLOT_SIZE,
		.l_len = RESERVE_SLOT_SIZE,
	};

	return rawcall3(SYS_fcntl, fd, F_OFD_SETLK, (long)&lock) == 0;
}

/* The first word of a slot. The aggregator has allocated the whole file: one that is shorter is not
 * its file. */
static int read_word(int fd, unsigned slot, uint64_t *ret)
{
	long n = rawcall4(SYS_pread64, fd, (long)ret, sizeof(*ret), (long)slot * RESERVE_SLOT_SIZE);

	return n == sizeof(*ret) ? 0 : n < 0 ? (int)n : -ENODATA;
}

static int write_entry(int fd, unsigned slot, struct segment *segment, uint64_t lost)
{
	struct spool_entry entry = {
		.magic = SPOOL_ENTRY_MAGIC,
		.hello_size = segment_layout(segment)->hello_size,
		.lost = lost,
		.processes = segment->head.processes,
	};
	char *hello = (char *)segment + segment_layout(segment)->hello_offset;
	struct iovec parts[] = { { &entry, sizeof(entry) }, { hello, entry.hello_size } };
	long size = (long)(sizeof(entry) + entry.hello_size), n;

	if (size > (long)RESERVE_SLOT_SIZE)
		return -EMSGSIZE;
	entry.written_ns = now_ns();
	entry.checksum = fp_entry_checksum(&entry, hello, hello);
	n = rawcall6(SYS_pwritev, fd, (long)parts, 2, (long)slot * RESERVE_SLOT_SIZE, 0, 0);
	return n == size ? 0 : n < 0 ? (int)n : -ENOSPC;
}

/* Processes that end at the same time begin at different slots, chosen by the random session id. */
static int tell_in_slot(int fd, struct segment *segment, uint64_t lost)
{
	unsigned begin = segment_first(segment)->session[0];

	for (unsigned i = 0; i < RESERVE_SLOTS - 1; i++) {
		unsigned slot = 1 + (begin + i) % (RESERVE_SLOTS - 1);
		uint64_t word;
		int error;

		if (!file_may_reach((uint64_t)(slot + 1) * RESERVE_SLOT_SIZE) ||
			!lock_slot(fd, slot))
			continue;
		error = read_word(fd, slot, &word);
		if (error)
			return error;
		if (!word)
			return write_entry(fd, slot, segment, lost);
	}
	return -EAGAIN;
}

static int count_without_slot(int fd)
{
	uint64_t count;
	int error;
	long n;

	if (!file_may_reach(sizeof(count)))
		return -EFBIG;
	/* Without the lock, two that count at once may count as one, but never as none. */
	for (int attempt = 0; attempt < ATTEMPTS && !lock_slot(fd, 0); attempt++)
		;
	error = read_word(fd, 0, &count);
	if (error)
		return error;
	count++;
	n = rawcall4(SYS_pwrite64, fd, (long)&count, sizeof(count), 0);
	return n == sizeof(count) ? 0 : n < 0 ? (int)n : -ENOSPC;
}

int reserve_tell(struct segment *segment)
{
	uint64_t lost = __atomic_load_n(&segment->head.lost, __ATOMIC_RELAXED);
	int fd = open_reserve();
	int error;

	if (fd < 0)
		return fd;
	error = tell_in_slot(fd, segment, lost);
	if (error == -EAGAIN || error == -EMSGSIZE)
		error = count_without_slot(fd);
	rawcall3(SYS_close, fd, 0, 0);
	if (!error)
		__atomic_fetch_sub(&segment->head.lost, lost, __ATOMIC_RELAXED);
	return error;
}
