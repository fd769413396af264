/* A new image takes a cell of the pool that its parent's socket leads to. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#include "preload/connection.h"
#include "preload/image.h"
#include "preload/pool.h"
#include "preload/pool_map.h"
#include "preload/rawcall.h"
#include "preload/text.h"

#define ERRNO_MAX 4095

/* --- the mapping ------------------------------------------------------------------------------ */

int pool_memfd(int fd, bool *ret_ours)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct pool_offer offer = { 0 };
	struct iovec part = { &offer, sizeof(offer) };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	long got = rawcall3(
		SYS_recvmsg, fd, (long)&message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int fds[2] = { -1, -1 };

	if (got >= 0 && message.msg_controllen >= CMSG_LEN(sizeof(int)) &&
		control.header.cmsg_level == SOL_SOCKET && control.header.cmsg_type == SCM_RIGHTS)
		memcpy(fds, CMSG_DATA(&control.header),
			control.header.cmsg_len >= CMSG_LEN(sizeof(fds)) ? sizeof(fds)
									 : sizeof(fds[0]));
	if (fds[1] >= 0)
		rawcall3(SYS_close, fds[1], 0, 0);
	*ret_ours = got == sizeof(offer) && offer.magic == POOL_MAGIC && fds[1] < 0;
	if (*ret_ours)
		return fds[0];
	if (fds[0] >= 0)
		rawcall3(SYS_close, fds[0], 0, 0);
	return -1;
}

void *pool_map(int memfd, uint64_t offset, uint64_t size)
{
	long address = rawcall6(
		SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, (long)offset);

	return address < 0 && address >= -ERRNO_MAX ? NULL : (void *)address;
}

void pool_unmap(void *part, uint64_t size)
{
	rawcall3(SYS_munmap, (long)part, (long)size, 0);
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

uint64_t pool_identity_of_image(void)
{
	struct entry entry = entry_find();
	struct settings settings;

	return entry.envp && image_settings(&entry, &settings) ? pool_identity(&settings) : 0;
}

/* Is our root the one that the pool's records are told from, mounted in the same namespace? Linux
 * 5.8 tells. */
static bool same_root(const struct pool_ticket *ticket)
{
	struct statx root;

	return rawcall6(SYS_statx, AT_FDCWD, (long)"/", AT_NO_AUTOMOUNT, STATX_INO | STATX_MNT_ID,
		       (long)&root, 0) == 0 &&
	       root.stx_mask & STATX_MNT_ID && root.stx_mnt_id == ticket->root_mount &&
	       root.stx_ino == ticket->root_inode &&
	       makedev(root.stx_dev_major, root.stx_dev_minor) == ticket->root_device;
}

/* --- taking the cell -------------------------------------------------------------------------- */

/* The cell with the ticket of this process's exec, mapped; NULL: there is none. */
static struct segment *find_cell(int memfd, struct pool_ticket *ret, uint32_t *ret_cell)
{
	for (unsigned choice = 0; choice < POOL_CHOICES; choice++) {
		unsigned index = POOL_CELL_OF(image.pid, choice);
		void *cell = pool_map(memfd, pool_cell_offset(index), POOL_CELL_SIZE);

		if (!cell)
			return NULL;
		memcpy(ret, cell, sizeof(*ret));
		if (ret->magic == POOL_TICKET_MAGIC && ret->pid == image.pid) {
			*ret_cell = index + 1;
			return cell;
		}
		pool_unmap(cell, POOL_CELL_SIZE);
	}
	return NULL;
}

/* The image that executed us is over. */
static void end_previous(int memfd, uint32_t previous)
{
	struct segment *cell;

	if (!previous || previous > POOL_CELLS)
		return;
	cell = pool_map(memfd, pool_cell_offset(previous - 1), POOL_CELL_SIZE);
	if (!cell)
		return;
	__atomic_store_n(&POOL_TAIL(cell)->ended, 1, __ATOMIC_RELEASE);
	pool_unmap(cell, POOL_CELL_SIZE);
}

static bool fill(struct segment *cell, const struct pool_ticket *ticket,
	const struct settings *settings, const struct entry *entry)
{
	segment_begin_cell(cell);
	rawcall3(SYS_getrandom, (long)cell->session, SESSION_ID_SIZE, 0);
	return hello_write_in_cell(cell, settings, entry, ticket->root_device, ticket->root_inode);
}

static struct segment *enter(int memfd, const struct settings *settings, const struct entry *entry)
{
	struct pool_ticket ticket;
	uint32_t index;
	struct segment *cell = find_cell(memfd, &ticket, &index);

	if (!cell)
		return NULL;
	end_previous(memfd, ticket.previous);
	/* Who cannot have a memory would go on by value, on a connection that all of them share. */
	if (ticket.identity == pool_identity(settings) && same_root(&ticket) &&
		segment_may_be_file(SEGMENT_FIRST_SIZE) && fill(cell, &ticket, settings, entry)) {
		image.cell = index;
		image.guard = ticket.guard;
		return cell;
	}
	/* Nobody has it, and nobody will. */
	memset(cell, 0, sizeof(ticket));
	__atomic_store_n(&POOL_TAIL(cell)->ended, 1, __ATOMIC_RELEASE);
	pool_unmap(cell, POOL_CELL_SIZE);
	return NULL;
}

struct segment *pool_enter(const struct settings *settings, const struct entry *entry)
{
	struct segment *cell = NULL;
	bool ours;
	int memfd = pool_memfd(CONNECTION_FD, &ours);

	if (memfd >= 0) {
		cell = enter(memfd, settings, entry);
		rawcall3(SYS_close, memfd, 0, 0);
	}
	if (!cell && ours)
		rawcall3(SYS_close, CONNECTION_FD, 0, 0);
	if (!cell)
		return NULL;
	rawcall3(SYS_fcntl, CONNECTION_FD, F_SETFD, FD_CLOEXEC);
	image.inode = 0;
	image.descriptor = CONNECTION_FD;
	image.last_look = image_time();
	return cell;
}
