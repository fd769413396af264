/* A new image takes a cell of the pool that its parent's socket leads to. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "preload/descriptor.h"
#include "preload/image.h"
#include "preload/mapping.h"
#include "preload/rawcall.h"
#include "preload/root.h"
#include "preload/session/connection.h"
#include "preload/session/file_limit.h"
#include "preload/session/pool.h"
#include "preload/session/pool_map.h"
#include "preload/text.h"

/* --- the mapping ------------------------------------------------------------------------------ */

int pool_memfd(int fd, struct pool_offer *ret)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct iovec part = { ret, sizeof(*ret) };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	const int flags = MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC;
	long got = rawcall3(SYS_recvmsg, fd, (long)&message, flags);
	int fds[2] = { -1, -1 };

	/* If the other end is gone, the first call says so, and the next one returns what is in the
	 * queue. */
	if (got == -ECONNRESET)
		got = rawcall3(SYS_recvmsg, fd, (long)&message, flags);
	if (got >= 0 && message.msg_controllen >= CMSG_LEN(sizeof(int)) &&
		control.header.cmsg_level == SOL_SOCKET && control.header.cmsg_type == SCM_RIGHTS)
		memcpy(fds, CMSG_DATA(&control.header),
			control.header.cmsg_len >= CMSG_LEN(sizeof(fds)) ? sizeof(fds)
									 : sizeof(fds[0]));
	if (got == sizeof(*ret) && ret->magic == POOL_MAGIC && fds[1] < 0)
		return fds[0];
	fd_close(&fds[0]);
	fd_close(&fds[1]);
	ret->magic = 0;
	return -1;
}

void *pool_map(int memfd, uint64_t offset, uint64_t size, int flags)
{
	return map_with(size, MAP_SHARED | flags, memfd, (long)offset);
}

/* --- may we? ---------------------------------------------------------------------------------- */

static uint64_t add_text(uint64_t hash, const char *text)
{
	return fp_directory_id(hash, text ? text : "", text ? text_length(text) : 0);
}

uint64_t pool_identity(const struct settings *settings)
{
	uint64_t hash = add_text(0, settings->socket);

	hash = add_text(hash, settings->spool);
	hash = add_text(hash, settings->application);
	hash = add_text(hash, settings->version);
	return add_text(hash, FOOTPRINT_VERSION_STRING);
}

/* Is our root the one that the pool is for, in the same mount namespace? Linux tells since 5.8. */
static bool same_root(const struct pool_offer *offer)
{
	struct statx root;

	return root_look(&root) && root.stx_mask & STATX_MNT_ID &&
	       root.stx_mnt_id == offer->root_mount && root.stx_ino == offer->root_inode &&
	       root_device(&root) == offer->root_device;
}

/* --- taking the cell -------------------------------------------------------------------------- */

/* What a new image finds. */
struct lodging {
	struct pool_offer offer;
	struct pool_ticket ticket;
	struct segment *cell;
	uint32_t index; /* of the cell, counted from 1 */
};

/* Reads the ticket that whoever executed this image has left. False: there is none. */
static bool find_ticket(int memfd, struct lodging *lodging)
{
	struct pool_ticket tickets[POOL_CHOICES];
	unsigned first = POOL_CELL_OF(image.pid, 0);

	if (rawcall4(SYS_pread64, memfd, (long)tickets, sizeof(tickets),
		    (long)pool_ticket_offset(first)) != sizeof(tickets))
		return false;
	for (unsigned choice = 0; choice < POOL_CHOICES; choice++) {
		if (tickets[choice].magic != POOL_TICKET_MAGIC || tickets[choice].pid != image.pid)
			continue;
		lodging->ticket = tickets[choice];
		lodging->index = first + choice + 1;
		return true;
	}
	return false;
}

/* Makes an empty cell ours. In another pid namespace there may be a process with our pid, which has
 * found the same ticket: one of the two gets the cell. */
static bool occupy(struct segment *cell)
{
	uint64_t nobody = 0;

	return __atomic_compare_exchange_n(&cell->head.magic, &nobody, POOL_OCCUPIED, false,
		__ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* Finds and maps the cell that a ticket was left for. False: there is none. */
static bool find_cell(int memfd, struct lodging *lodging)
{
	if (!find_ticket(memfd, lodging))
		return false;
	lodging->cell = pool_map(memfd, pool_cell_offset(lodging->index - 1), POOL_CELL_SIZE, 0);
	if (lodging->cell && occupy(lodging->cell))
		return true;
	if (lodging->cell)
		unmap(lodging->cell, POOL_CELL_SIZE);
	return false;
}

/* This process lived in the cell of the image that executed us, and does no longer. */
static void leave_previous(int memfd, uint32_t previous)
{
	struct segment *cell;

	if (!previous || previous > POOL_CELLS)
		return;
	/* mmap makes the page that is written at once (MAP_POPULATE), which saves a page fault. */
	cell = pool_map(memfd, pool_cell_offset(previous - 1), POOL_PAGE, MAP_POPULATE);
	if (!cell)
		return;
	if (!__atomic_sub_fetch(&cell_life(cell)->inhabitants, 1, __ATOMIC_ACQ_REL))
		__atomic_store_n(&cell_life(cell)->ended, fp_tick(), __ATOMIC_RELEASE);
	unmap(cell, POOL_PAGE);
}

/* No other session has this id: the name of a pool is random, and each ticket of a pool has a
 * number of its own. The factor is odd, so different numbers stay different; it spreads them over
 * the word. */
static void name_session(struct segment *cell, const struct lodging *lodging)
{
	uint64_t name[2] = { lodging->offer.name[0],
		lodging->offer.name[1] + lodging->ticket.number * 0x9e3779b97f4a7c15ull };

	_Static_assert(sizeof(name) == SESSION_ID_SIZE, "an id is two words");
	memcpy(cell->session, name, sizeof(name));
	image.name = name[1];
}

static bool fill(
	const struct lodging *lodging, const struct settings *settings, const struct entry *entry)
{
	const struct pool_offer *offer = &lodging->offer;
	struct root_name root = { offer->root_device, offer->root_inode, offer->root_birth_ns };

	if (!segment_begin_cell(lodging->cell))
		return false;
	cell_life(lodging->cell)->inhabitants = 1;
	name_session(lodging->cell, lodging);
	return hello_write_in_cell(lodging->cell, settings, entry, &root);
}

static struct segment *enter(int memfd, struct lodging *lodging, const struct settings *settings,
	const struct entry *entry)
{
	if (!find_cell(memfd, lodging))
		return NULL;
	leave_previous(memfd, lodging->ticket.previous);
	/* A process that may have no memfd (RLIMIT_FSIZE) does not use the pool either: behind its
	 * cell it would have to send by value, on a connection that others share. */
	if (lodging->offer.identity == image.identity && same_root(&lodging->offer) &&
		file_may_reach(SEGMENT_FIRST_SIZE) && fill(lodging, settings, entry)) {
		image.home = lodging->cell;
		image.cell = lodging->index;
		image.guard = lodging->ticket.guard;
		return lodging->cell;
	}
	/* The cell stays without an image. */
	lodging->cell->head.magic = 0;
	__atomic_store_n(&cell_life(lodging->cell)->ended, fp_tick(), __ATOMIC_RELEASE);
	unmap(lodging->cell, POOL_CELL_SIZE);
	return NULL;
}

struct segment *pool_enter(const struct settings *settings, const struct entry *entry)
{
	struct segment *cell = NULL;
	struct lodging lodging;
	int memfd = pool_memfd(CONNECTION_FD, &lodging.offer);

	if (memfd >= 0) {
		cell = enter(memfd, &lodging, settings, entry);
		rawcall3(SYS_close, memfd, 0, 0);
	}
	if (!cell && lodging.offer.magic)
		rawcall3(SYS_close, CONNECTION_FD, 0, 0);
	if (!cell)
		return NULL;
	rawcall3(SYS_fcntl, CONNECTION_FD, F_SETFD, FD_CLOEXEC);
	image.inode = 0;
	image.descriptor = CONNECTION_FD;
	image.last_look = image_time();
	return cell;
}
