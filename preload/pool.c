/* Starting programs whose records go into the pool, and keeping what ended ones left there. */
#define _GNU_SOURCE
#include "preload/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "preload/connection.h"
#include "preload/environment.h"
#include "preload/image.h"
#include "preload/pool_map.h"
#include "preload/rawcall.h"
#include "preload/session.h"
#include "preload/spool.h"
#include "preload/text.h"

#define ERRNO_MAX     4095
#define STARTS_BEFORE 1	 /* who starts one program only, as env and nice do, needs no pool */
#define LOOKS_MAX     64 /* an aggregator of another version never answers */

/* --- asking ----------------------------------------------------------------------------------- */

static bool may_have_pool(const struct segment *segment)
{
	return segment && !image.pool && !image.memory_only && image.descriptor >= 0 &&
	       segment->way == SEGMENT_HELD && !image.root;
}

/* Any number of threads may come here: one mapping is kept. */
static void look_for_offer(void)
{
	struct pool_head *none = NULL, *pool;
	int fd = image.descriptor, memfd;
	bool ours;

	if (!connection_is_ours(fd))
		return;
	memfd = pool_memfd(fd, &ours);
	if (memfd < 0)
		return;
	pool = pool_map(memfd, 0, POOL_SIZE);
	rawcall3(SYS_close, memfd, 0, 0);
	if (!pool)
		return;
	if (pool->magic != POOL_MAGIC || pool->size != POOL_SIZE ||
		!__atomic_compare_exchange_n(
			&image.pool, &none, pool, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		pool_unmap(pool, POOL_SIZE);
}

/* A program is about to be started: asks for a pool at the second time, and looks whether it has
 * come afterwards. */
static void expect_pool(void)
{
	struct segment *segment = image.segment;
	uint32_t starts;

	if (!may_have_pool(segment))
		return;
	/* Who is in a pool has it from the first program on. */
	if (image.cell) {
		look_for_offer();
		return;
	}
	starts = __atomic_fetch_add(&segment->first->starts, 1, __ATOMIC_RELAXED);
	if (starts == STARTS_BEFORE)
		session_ask_for_pool(pool_identity_of_image());
	else if (starts > STARTS_BEFORE && starts < LOOKS_MAX)
		look_for_offer();
}

void pool_look(void)
{
	struct segment *segment = image.segment;
	uint32_t starts;

	if (!may_have_pool(segment))
		return;
	starts = __atomic_load_n(&segment->first->starts, __ATOMIC_RELAXED);
	if (starts > STARTS_BEFORE && starts < LOOKS_MAX)
		look_for_offer();
}

/* --- handing on ------------------------------------------------------------------------------- */

/* Will the program load the library, and talk to the same aggregator? */
static bool is_watched(char *const *envp)
{
	const char *preloads = envp ? text_environment(envp, "LD_PRELOAD") : NULL;
	const char *library = environment_library();
	size_t size = library ? text_length(library) : 0;

	if (!preloads || !size || !text_environment(envp, "FOOTPRINT_SOCKET"))
		return false;
	for (; *preloads; preloads++)
		if (text_begins(preloads, library))
			return true;
	return false;
}

/* The process that will keep our records; 0: none. A vfork child works on its parent's memory. */
static int guard_of(int pid)
{
	if (pid != image.pid)
		return image.pid;
	if (!image.guard || rawcall3(SYS_getppid, 0, 0, 0) != image.guard)
		return 0;
	return image.guard;
}

static bool set_state(unsigned index, enum cell_state from, enum cell_state to)
{
	uint8_t found = (uint8_t)from;

	return __atomic_compare_exchange_n(&image.pool->states[index], &found, (uint8_t)to, false,
		__ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* Does the image end with this process? Where all of several have said goodbye, one may come back
 * whose exec fails, or be in destructors still. */
static bool is_last(int pid)
{
	return pid == image.pid && !image.forked;
}

/* False: neither of its cells is free. */
static bool leave_ticket(int pid, int guard)
{
	const struct pool_head *head = image.pool;
	struct pool_ticket *ticket;
	unsigned choice = 0;

	while (!set_state(POOL_CELL_OF(pid, choice), CELL_FREE, CELL_TAKEN))
		if (++choice == POOL_CHOICES)
			return false;
	ticket = (void *)pool_cell(image.pool, POOL_CELL_OF(pid, choice));
	*ticket = (struct pool_ticket){ .pid = pid,
		.guard = guard,
		.identity = head->identity,
		.root_device = head->root_device,
		.root_inode = head->root_inode,
		.root_mount = head->root_mount,
		.previous = is_last(pid) ? image.cell : 0 };
	__atomic_store_n(&ticket->magic, POOL_TICKET_MAGIC, __ATOMIC_RELEASE);
	return true;
}

/* The exec failed: nobody takes it. */
static void take_ticket_back(int pid)
{
	for (unsigned choice = 0; choice < POOL_CHOICES; choice++) {
		unsigned index = POOL_CELL_OF(pid, choice);
		struct pool_ticket *ticket = (void *)pool_cell(image.pool, index);

		if (image.pool->states[index] != CELL_TAKEN ||
			__atomic_load_n(&ticket->magic, __ATOMIC_ACQUIRE) != POOL_TICKET_MAGIC ||
			ticket->pid != pid)
			continue;
		ticket->magic = 0;
		set_state(index, CELL_TAKEN, CELL_FREE);
	}
}

static void set_inherited(bool inherited)
{
	rawcall3(SYS_fcntl, CONNECTION_FD, F_SETFD, inherited ? 0 : FD_CLOEXEC);
}

void pool_hand_on(char *const *envp)
{
	int pid, guard;

	expect_pool();
	if (!image.pool || image.memory_only || image.descriptor != CONNECTION_FD || image.root ||
		!is_watched(envp) || !connection_is_ours(CONNECTION_FD))
		return;
	pid = (int)rawcall3(SYS_getpid, 0, 0, 0);
	guard = guard_of(pid);
	if (guard && leave_ticket(pid, guard))
		set_inherited(true);
}

void pool_take_back(void)
{
	if (!image.pool || image.memory_only || image.descriptor != CONNECTION_FD)
		return;
	take_ticket_back((int)rawcall3(SYS_getpid, 0, 0, 0));
	if (connection_is_ours(CONNECTION_FD))
		set_inherited(false);
}

/* --- the end ---------------------------------------------------------------------------------- */

bool pool_kept_by_parent(void)
{
	return (image.pool || image.cell) && image.guard &&
	       rawcall3(SYS_getppid, 0, 0, 0) == image.guard && connection_is_there();
}

/* Has what stands in this cell come to an end, as far as its processes had a say in it? */
static bool has_ended(struct segment *cell)
{
	return __atomic_load_n(&POOL_TAIL(cell)->ended, __ATOMIC_ACQUIRE) ||
	       !__atomic_load_n(&cell->head.users, __ATOMIC_ACQUIRE);
}

/* Not on the stack, which may be a signal handler's. NULL: no memory. */
static struct segment *map_copy(void)
{
	long address = rawcall6(SYS_mmap, 0, POOL_CELL_SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return address < 0 && address >= -ERRNO_MAX ? NULL : (struct segment *)address;
}

void pool_keep(bool all)
{
	struct pool_head *pool = image.pool;
	struct segment *copy = NULL;
	int file = -1, error = 0;

	for (unsigned i = 0; pool && i < POOL_CELLS; i++) {
		struct segment *cell = pool_cell(pool, i);

		if (__atomic_load_n(&pool->states[i], __ATOMIC_ACQUIRE) == CELL_FREE ||
			i + 1 == image.cell ||
			__atomic_load_n(&POOL_TAIL(cell)->alone, __ATOMIC_ACQUIRE) ||
			(!all && !has_ended(cell)))
			continue;
		if (!copy)
			copy = map_copy();
		if (!copy && all)
			image_lose(1); /* at least: no memory to count in */
		if (!copy)
			break;
		if (!error)
			error = spool_cell(image.segment->first, cell, copy, &file);
		/* What the aggregator reads is not lost, though it is not kept. */
		if (error < 0 && all)
			image_lose(spool_count(cell, copy));
	}
	if (copy)
		rawcall3(SYS_munmap, (long)copy, POOL_CELL_SIZE, 0);
	if (file >= 0)
		rawcall3(SYS_close, file, 0, 0);
}

void pool_leave(void)
{
	struct segment *segment;

	if (!image.cell)
		return;
	segment = image_oldest(image.segment);
	segment_close(segment);
	__atomic_store_n(&POOL_TAIL(segment)->ended, 1, __ATOMIC_RELEASE);
}

void pool_forget(void)
{
	/* Nobody reads in it any more. It is not unmapped, for another thread may be in it. */
	pool_keep(true);
	image.pool = NULL;
	/* What stands in our own cell goes to the next aggregator by value, or to the spool. A
	 * parent that finds out in an hour must not tell it again. */
	if (image.cell)
		__atomic_store_n(
			&POOL_TAIL(image_oldest(image.segment))->alone, 1, __ATOMIC_RELEASE);
}
