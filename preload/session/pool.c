/* Starting programs whose records go into the pool, and keeping what they leave there. */
#define _GNU_SOURCE
#include "preload/session/pool.h"

#include <fcntl.h>

#include "preload/descriptor.h"
#include "preload/hooks/environment.h"
#include "preload/image.h"
#include "preload/mapping.h"
#include "preload/preloads.h"
#include "preload/rawcall.h"
#include "preload/session/connection.h"
#include "preload/session/layout.h"
#include "preload/session/pool_map.h"
#include "preload/session/session.h"
#include "preload/session/spool.h"
#include "preload/session/spool_file.h"
#include "preload/text.h"

#define STARTS_BEFORE 1	 /* env and nice start one program only, and need no pool */
#define LOOKS_MAX     64 /* starts after which we stop looking: an older aggregator never answers */

/* --- asking ----------------------------------------------------------------------------------- */

static bool may_have_pool(const struct segment *segment)
{
	return segment && !image.pool && !image.memory_only && image.descriptor >= 0 &&
	       segment->way == SEGMENT_HELD && !image.root;
}

/* Maps the pool that was offered on our socket `fd`, without its cells: these take some hundred
 * times the address space, which the program may want for itself (RLIMIT_AS), or lock in memory
 * (mlockall). Of several threads that do so, one mapping stays. */
static void map_offer(int fd)
{
	struct pool_head *none = NULL, *pool;
	struct pool_offer offer;
	int memfd = pool_memfd(fd, &offer);

	if (memfd < 0)
		return;
	pool = pool_map(memfd, 0, POOL_CELLS_AT, 0);
	rawcall3(SYS_close, memfd, 0, 0);
	if (!pool)
		return;
	if (!image.pool)
		image.pool_tickets = __atomic_load_n(&pool->tickets, __ATOMIC_RELAXED);
	if (pool->magic != POOL_MAGIC || pool->size != POOL_SIZE ||
		!__atomic_compare_exchange_n(
			&image.pool, &none, pool, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		unmap(pool, POOL_CELLS_AT);
}

static void look_for_offer(void)
{
	if (connection_is_ours(image.descriptor))
		map_offer(image.descriptor);
}

/* A program is about to be started: asks for a pool at the second start, and from the third on
 * looks whether it has come. */
static void expect_pool(void)
{
	struct segment *segment = image.segment;
	uint32_t starts;

	if (!may_have_pool(segment))
		return;
	/* The parent's pool serves our programs, too, from the first one on. */
	if (image.cell) {
		look_for_offer();
		return;
	}
	starts = __atomic_fetch_add(&segment_first(segment)->starts, 1, __ATOMIC_RELAXED);
	if (starts == STARTS_BEFORE)
		session_ask_for_pool(image.identity);
	else if (starts > STARTS_BEFORE && starts < LOOKS_MAX)
		look_for_offer();
}

void pool_look(void)
{
	struct segment *segment = image.segment;
	uint32_t starts;

	if (!may_have_pool(segment))
		return;
	starts = __atomic_load_n(&segment_first(segment)->starts, __ATOMIC_RELAXED);
	if (image.cell || (starts > STARTS_BEFORE && starts < LOOKS_MAX))
		look_for_offer();
}

/* Maps a pool that this process has not used itself. Its children may have found an offer that came
 * after its last fork, and rely on this process to keep their cells; and a process that lives in a
 * cell may be the last one that can keep the others. fd: our socket. */
static void know_pool_of_relatives(int fd)
{
	if (!image.pool && (image.forked || image.cell))
		map_offer(fd);
}

/* --- handing on ------------------------------------------------------------------------------- */

/* Will the program load the library, and talk to the same aggregator? */
static bool is_watched(char *const *envp)
{
	const char *socket = NULL;

	if (envp && environment_is_readable(envp))
		socket = text_environment(envp, "FOOTPRINT_SOCKET");
	/* An empty FOOTPRINT_SOCKET turns us off. */
	return socket && *socket &&
	       preloads_hold(text_environment(envp, "LD_PRELOAD"), environment_library());
}

/* Has process `pid` of this image said goodbye, just before it ends? */
static bool is_gone(int pid)
{
	const int32_t *gone = image_oldest(image.segment)->gone;

	for (unsigned i = 0; i < GONE_PROCESSES; i++)
		if (__atomic_load_n(&gone[i], __ATOMIC_SEQ_CST) == pid)
			return true;
	return false;
}

/* Does our parent, although it still lives, not look any more for what we leave? */
static bool given_up(void)
{
	if (image.inherited)
		return is_gone(image.guard);
	return image.cell &&
	       __atomic_load_n(&cell_life(image_oldest(image.segment))->given_up, __ATOMIC_SEQ_CST);
}

/* Does our parent live, and will it look for what we leave when it ends itself? */
static bool parent_looks(void)
{
	return image.guard && !given_up() && rawcall3(SYS_getppid, 0, 0, 0) == image.guard;
}

/* The process that will keep the records of the program that `pid` is about to execute. 0: none. A
 * vfork child works on its parent's memory, so image.pid is its parent. */
static int guard_of(int pid)
{
	if (pid != image.pid)
		return image.pid;
	return parent_looks() ? image.guard : 0;
}

static bool set_state(
	struct pool_head *pool, unsigned index, enum cell_state from, enum cell_state to)
{
	uint8_t found = (uint8_t)from;

	return __atomic_compare_exchange_n(&pool->states[index], &found, (uint8_t)to, false,
		__ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static void write_ticket(struct pool_head *pool, struct pool_ticket *ticket, int pid, int guard)
{
	*ticket = (struct pool_ticket){ .pid = pid,
		.guard = guard,
		.number = __atomic_fetch_add(&pool->tickets, 1, __ATOMIC_RELAXED),
		.previous = pid == image.pid ? image.cell : 0 };
	__atomic_store_n(&ticket->magic, POOL_TICKET_MAGIC, __ATOMIC_RELEASE);
}

/* Removes the tickets of earlier processes with this pid: unused ones, which the new image must not
 * take for its own, and used ones, which must not be taken back. */
static void clear_tickets_of(struct pool_head *pool, int pid)
{
	for (unsigned choice = 0; choice < POOL_CHOICES; choice++) {
		struct pool_ticket *ticket = pool_ticket(pool, POOL_CELL_OF(pid, choice));

		if (ticket->pid == pid)
			__atomic_store_n(&ticket->magic, 0, __ATOMIC_RELEASE);
	}
}

/* Takes a cell for the process, and leaves a ticket there. False: none of its cells is free. */
static bool leave_ticket(struct pool_head *pool, int pid, int guard)
{
	unsigned choice = 0;

	while (!set_state(pool, POOL_CELL_OF(pid, choice), CELL_FREE, CELL_TAKEN))
		if (++choice == POOL_CHOICES)
			return false;
	write_ticket(pool, pool_ticket(pool, POOL_CELL_OF(pid, choice)), pid, guard);
	return true;
}

/* There is no exec, or it failed: frees the cell that was taken for it. Before the exec there was
 * no ticket with this pid, unless another thread has mapped the pool since. */
static void take_ticket_back(struct pool_head *pool, int pid)
{
	for (unsigned choice = 0; choice < POOL_CHOICES; choice++) {
		unsigned index = POOL_CELL_OF(pid, choice);
		struct pool_ticket *ticket = pool_ticket(pool, index);

		if (pool->states[index] != CELL_TAKEN ||
			__atomic_load_n(&ticket->magic, __ATOMIC_ACQUIRE) != POOL_TICKET_MAGIC ||
			ticket->pid != pid || ticket->number < image.pool_tickets)
			continue;
		ticket->magic = 0;
		set_state(pool, index, CELL_TAKEN, CELL_FREE);
	}
}

static void set_inherited(bool inherited)
{
	rawcall3(SYS_fcntl, CONNECTION_FD, F_SETFD, inherited ? 0 : FD_CLOEXEC);
}

/* Does the aggregator read the pool no more? To be asked when a cell was taken. */
static bool is_left(const struct pool_head *pool)
{
	return __atomic_load_n(&pool->left, __ATOMIC_SEQ_CST);
}

/* The pool, if this process may leave tickets there. To be asked for once: another thread may
 * forget it meanwhile, and it stays mapped. NULL: it may not. */
static struct pool_head *pool_in_use(void)
{
	struct pool_head *pool = __atomic_load_n(&image.pool, __ATOMIC_ACQUIRE);

	return image.memory_only || image.descriptor != CONNECTION_FD ? NULL : pool;
}

void pool_hand_on(bool watched, char *const *envp)
{
	struct pool_head *pool;
	int pid, guard;

	if (watched)
		expect_pool();
	pool = pool_in_use();
	if (!pool)
		return;
	pid = (int)rawcall3(SYS_getpid, 0, 0, 0);
	clear_tickets_of(pool, pid);
	if (!watched || image.root || !is_watched(envp) || !connection_is_ours(CONNECTION_FD))
		return;
	guard = guard_of(pid);
	if (!guard || !leave_ticket(pool, pid, guard))
		return;
	if (is_left(pool))
		take_ticket_back(pool, pid);
	else
		set_inherited(true);
}

void pool_take_back(void)
{
	struct pool_head *pool = pool_in_use();

	if (!pool)
		return;
	take_ticket_back(pool, (int)rawcall3(SYS_getpid, 0, 0, 0));
	if (connection_is_ours(CONNECTION_FD))
		set_inherited(false);
}

/* --- the end ---------------------------------------------------------------------------------- */

void pool_say_gone(void)
{
	struct segment *segment = image_oldest(image.segment);
	uint32_t place = __atomic_fetch_add(&segment->said_gone, 1, __ATOMIC_RELAXED);

	__atomic_store_n(&segment->gone[place % GONE_PROCESSES], image.pid, __ATOMIC_SEQ_CST);
}

void pool_unsay_gone(int pid)
{
	int32_t *gone = image_oldest(image.segment)->gone;

	for (unsigned i = 0; i < GONE_PROCESSES; i++) {
		int32_t found = __atomic_load_n(&gone[i], __ATOMIC_RELAXED);

		if (found == pid)
			__atomic_compare_exchange_n(
				&gone[i], &found, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	}
}

bool pool_kept_by_kin(void)
{
	return image.inherited && image.inherited == image.segment && parent_looks() &&
	       (!image.pool || connection_is_there());
}

/* The parent keeps the cells of images that have ended. Ours has not if a process lives on, or was
 * killed and could not say that it does not. */
bool pool_kept_by_parent(void)
{
	return image.cell && !image.inherited && parent_looks() &&
	       !__atomic_load_n(&image_oldest(image.segment)->head.users, __ATOMIC_SEQ_CST) &&
	       connection_is_there();
}

/* Have all processes of this cell ended, as far as they could say so themselves? */
static bool has_ended(const struct segment *copy)
{
	return __atomic_load_n(&cell_life(copy)->ended, __ATOMIC_SEQ_CST) ||
	       !__atomic_load_n(&copy->head.users, __ATOMIC_SEQ_CST);
}

/* The state of a walk over all cells that are to be kept. */
struct keeping {
	struct pool_head *pool;	 /* another thread may forget image.pool meanwhile */
	struct pool_head *whole; /* the pool with its cells; NULL: not needed yet */
	struct segment *copy; /* of one cell; not on the stack, which may be a signal handler's */
	int memfd;	      /* the pool's; -1: it is not available */
	int file;	      /* the spool's */
	int error;
};

/* The cell itself. NULL: it cannot be mapped. */
static struct segment *cell_of(struct keeping *keeping, unsigned i)
{
	/* Needs no descriptor: a range of size 0 stands for another mapping of the same memory,
	 * from there on. */
	if (!keeping->whole) {
		long whole = rawcall4(
			SYS_mremap, (long)keeping->pool, 0, (long)POOL_SIZE, MREMAP_MAYMOVE);

		keeping->whole = rawcall_failed(whole) ? NULL : (struct pool_head *)whole;
	}
	return keeping->whole
		       ? (struct segment *)(void *)((char *)keeping->whole + pool_cell_offset(i))
		       : NULL;
}

/* Reads the cell from the memfd: touching a page of each cell costs ten times as much. False: it
 * cannot be read. */
static bool copy_cell(struct keeping *keeping, unsigned i)
{
	const struct segment *cell;

	if (keeping->memfd >= 0 &&
		rawcall4(SYS_pread64, keeping->memfd, (long)keeping->copy, POOL_CELL_SIZE,
			(long)pool_cell_offset(i)) == POOL_CELL_SIZE)
		return true;
	cell = cell_of(keeping, i);
	if (cell)
		memcpy(keeping->copy, cell, POOL_CELL_SIZE);
	return cell;
}

/* Tells the processes that still live in a cell how much of it is spooled: they do not read
 * tickets. */
static void tell_inhabitants(struct segment *cell, uint64_t spooled)
{
	uint64_t known = cell ? __atomic_load_n(&cell->spooled, __ATOMIC_ACQUIRE) : UINT64_MAX;

	while (known < spooled && !__atomic_compare_exchange_n(&cell->spooled, &known, spooled,
					  false, __ATOMIC_RELEASE, __ATOMIC_ACQUIRE))
		;
}

/* Tells the image of a cell that we do not look again. It counts itself out before it looks at
 * that, so one of the two sees the other. True: it has ended after all. */
static bool give_up(struct segment *cell)
{
	if (!cell)
		return false;
	__atomic_store_n(&cell_life(cell)->given_up, 1, __ATOMIC_SEQ_CST);
	return has_ended(cell);
}

/* Copies a cell that is to be kept. False: it is not, or cannot be read. */
static bool copy_what_is_kept(struct keeping *keeping, unsigned i, bool all)
{
	if (!copy_cell(keeping, i)) {
		if (all)
			image_lose(1); /* at least one; how many cannot be read */
		return false;
	}
	if (cell_life(keeping->copy)->alone)
		return false;
	/* Of an image that has not begun there is nothing to keep yet; it has to do that itself. */
	if (keeping->copy->head.magic != SESSION_MEMORY_MAGIC)
		__atomic_store_n(&pool_ticket(keeping->pool, i)->guard, 0, __ATOMIC_RELEASE);
	else if (all || has_ended(keeping->copy))
		return true;
	return give_up(cell_of(keeping, i)) && copy_cell(keeping, i);
}

static void keep_cell(struct keeping *keeping, unsigned i, bool all)
{
	struct pool_ticket *ticket = pool_ticket(keeping->pool, i);
	uint64_t number = __atomic_load_n(&ticket->number, __ATOMIC_ACQUIRE);
	uint32_t before = __atomic_load_n(&ticket->spooled, __ATOMIC_ACQUIRE), spooled = before;

	if (!copy_what_is_kept(keeping, i, all))
		return;
	if (!keeping->error)
		keeping->error = spool_cell(keeping->copy, &spooled, &keeping->file);
	/* While the aggregator reads the pool, a cell that is not kept is not lost yet. */
	if (keeping->error < 0 && all)
		image_lose(spool_count(keeping->copy, spooled));
	/* Unless the ticket is for another image by now. */
	if (spooled > before && __atomic_load_n(&ticket->number, __ATOMIC_ACQUIRE) == number)
		__atomic_compare_exchange_n(&ticket->spooled, &before, spooled, false,
			__ATOMIC_RELEASE, __ATOMIC_RELAXED);
	if (!keeping->error && !has_ended(keeping->copy))
		tell_inhabitants(cell_of(keeping, i), spool_settled_end(keeping->copy, spooled));
}

static bool is_to_be_kept(const struct pool_head *pool, unsigned i)
{
	return __atomic_load_n(&pool->states[i], __ATOMIC_ACQUIRE) != CELL_FREE &&
	       i + 1 != image.cell;
}

/* Keeps the cells of ended processes, or all cells. fd: the socket; -1: it is gone. */
static void keep_cells(int fd, bool all)
{
	struct keeping keeping = { .pool = image.pool, .memfd = -1, .file = -1 };
	struct pool_offer offer;

	for (unsigned i = 0; keeping.pool && i < POOL_CELLS; i++) {
		if (!is_to_be_kept(keeping.pool, i))
			continue;
		if (!keeping.copy) {
			keeping.copy = map_private(POOL_CELL_SIZE);
			keeping.memfd = fd < 0 ? -1 : pool_memfd(fd, &offer);
		}
		if (!keeping.copy && all)
			image_lose(1); /* at least one; there is no memory to count in */
		if (!keeping.copy)
			break;
		keep_cell(&keeping, i, all);
	}
	if (keeping.copy)
		unmap(keeping.copy, POOL_CELL_SIZE);
	if (keeping.whole)
		unmap(keeping.whole, POOL_SIZE);
	fd_close(&keeping.memfd);
	spool_file_close(&keeping.file);
}

void pool_keep_at_end(void)
{
	bool gone;

	if (connection_is_ours(image.descriptor))
		know_pool_of_relatives(image.descriptor);
	if (!image.pool)
		return;
	gone = !connection_is_there();
	keep_cells(image.descriptor, gone);
}

static void count_inhabitants(uint32_t change)
{
	if (image.cell)
		__atomic_fetch_add(&cell_life(image_oldest(image.segment))->inhabitants, change,
			__ATOMIC_ACQ_REL);
}

void pool_inhabit(void)
{
	count_inhabitants(1);
}

void pool_inhabit_undo(void)
{
	count_inhabitants(-1u);
}

void pool_leave(void)
{
	struct segment *cell;

	if (!image.cell || !image_is_single_threaded())
		return;
	cell = image_oldest(image.segment);
	/* The descriptor is shared with parent and children; it is closed when the process ends. */
	image_leave_session();
	if (__atomic_sub_fetch(&cell_life(cell)->inhabitants, 1, __ATOMIC_ACQ_REL))
		return;
	segment_close(cell);
	__atomic_store_n(&cell_life(cell)->ended, fp_tick(), __ATOMIC_RELEASE);
}

void pool_forget(int fd)
{
	if (fd >= 0)
		know_pool_of_relatives(fd);
	/* Nobody reads the pool any more. It is not unmapped, since another thread may be using
	 * it. */
	keep_cells(fd, true);
	image.pool = NULL;
	/* What stands in our own cell goes to the next aggregator by value, or to the spool.
	 * `alone` keeps our parent from spooling it again when it notices, perhaps in an hour. */
	if (image.cell)
		__atomic_store_n(
			&cell_life(image_oldest(image.segment))->alone, 1, __ATOMIC_RELEASE);
}
