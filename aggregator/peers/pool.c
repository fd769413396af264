#include "aggregator/peers/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "aggregator/aggregator.h"
#include "aggregator/clock.h"
#include "aggregator/log.h"
#include "aggregator/peers/pool_parts.h"

/* More packets than fit into a socket's buffer. */
#define SOCKET_HOLDS 1024

/* A cell that was found empty so often is only looked at once a tick, and no more whenever a peer
 * speaks for an unknown session: its program does not load the library, or a hostile one has taken
 * it. */
#define EMPTY_LOOKS_MAX 100

void pools_init(struct aggregator *daemon)
{
	TAILQ_INIT(&daemon->pools.list);
}

/* --- cells ------------------------------------------------------------------------------------ */

static uint8_t state_of(const struct pool *pool, unsigned i)
{
	return __atomic_load_n(&pool->head->states[i], __ATOMIC_ACQUIRE);
}

static uint8_t *cell_of(const struct pool *pool, unsigned i)
{
	return (uint8_t *)pool->head + pool_cell_offset(i);
}

/* To be called before the cell becomes free: whoever finds a ticket may take the cell. */
static void clear_ticket(const struct pool *pool, unsigned i)
{
	struct pool_ticket *ticket = (void *)((uint8_t *)pool->head + pool_ticket_offset(i));

	__atomic_store_n(&ticket->magic, 0, __ATOMIC_RELEASE);
}

/* Only the one who has the cell changes its state, so this fails only if a peer is hostile. */
static void change_state(struct pool *pool, unsigned i, uint8_t from, enum cell_state to)
{
	__atomic_compare_exchange_n(&pool->head->states[i], &from, (uint8_t)to, false,
		__ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/*
 * The content of a cell, read from the file. Most images have ended when we see them first, and are
 * read only once: touching a page for that would cost ten times as much.
 */
struct reading {
	bool ended; /* its image had ended before this was read, so it is final */
	union {
		struct session_memory head;
		uint8_t bytes[POOL_CELL_SIZE];
	};
};

/* Reads the first `size` bytes of the cell. */
static bool read_cell(struct pool *pool, unsigned i, struct reading *ret, size_t size)
{
	if (pread(pool->memfd, ret->bytes, size, (off_t)pool_cell_offset(i)) == (ssize_t)size)
		return true;
	pool->daemon->counters.no_memory++;
	return false;
}

/* The hello that stands in the cell. */
static int read_hello(const struct reading *reading, const struct segment *segment,
	Footprint__Hello **ret, struct error *err)
{
	if (segment->hello_offset > POOL_CELL_SIZE ||
		segment->hello_size > POOL_CELL_SIZE - segment->hello_offset)
		return error_set(err, -EBADMSG, "cell: its hello is not within it");
	return hello_unpack(reading->bytes + segment->hello_offset, segment->hello_size, ret, err);
}

static int meet_session(struct pool *pool, unsigned i, struct segment *segment,
	const Footprint__Hello *hello, struct error *err)
{
	struct hello_source source = { .uid = pool->uid, .root = pool->root };
	struct session *session;
	int r;

	if (!fp_protocol_is_known(hello->protocol) || hello->segment)
		return error_set(err, -EBADMSG, "cell: not a session's first segment");
	r = session_get(pool->daemon, hello, &source, &session);
	if (r < 0)
		return error_set(err, r, "cell: refused: %s", strerror(-r));
	if (session->pool)
		return error_set(err, -EBADMSG, "cell: of a session that has another one");
	r = session_add_memory(session, 0, segment, err);
	if (r < 0)
		return r;
	session_attach(session);
	session->pool = pool;
	session->cell = i;
	pool->sessions[i] = session;
	pool->n_unfinished++;
	return 0;
}

static int meet(struct pool *pool, unsigned i, struct reading *reading, struct error *err)
{
	struct segment *segment = NULL;
	Footprint__Hello *hello = NULL;
	int r;

	if (reading->ended)
		r = segment_open_copy(reading->bytes, POOL_CELL_SIZE, &segment, err);
	else
		r = segment_open_cell(cell_of(pool, i), POOL_CELL_SIZE, &segment, err);

	if (r < 0)
		return r;
	/* Unique: inode numbers are smaller than 2^40. */
	segment->device = pool->device;
	segment->inode = pool->inode + ((uint64_t)(i + 1) << 40);
	r = read_hello(reading, segment, &hello, err);
	if (r == 0) {
		r = meet_session(pool, i, segment, hello, err);
		footprint__hello__free_unpacked(hello, NULL);
	}
	if (r < 0)
		segment_free(segment);
	else
		pool->phases[i] = reading->ended ? ENDING : MET;
	return r;
}

static bool has_ended(const struct pool *pool, unsigned i)
{
	return __atomic_load_n(&cell_life(cell_of(pool, i))->ended, __ATOMIC_ACQUIRE);
}

/* The image did not use its cell, and said so. */
static void forget_refusal(struct pool *pool, unsigned i)
{
	clear_ticket(pool, i);
	cell_life(cell_of(pool, i))->ended = 0;
	change_state(pool, i, CELL_TAKEN, CELL_FREE);
}

static void try_to_meet(struct pool *pool, unsigned i)
{
	struct reading reading;
	struct error err = { 0 };
	int r;

	if (!read_cell(pool, i, &reading, POOL_PAGE))
		return;
	reading.ended = cell_life(reading.bytes)->ended;
	if (reading.head.magic != SESSION_MEMORY_MAGIC) {
		if (!reading.head.magic && reading.ended)
			forget_refusal(pool, i);
		else if (pool->empty[i] < EMPTY_LOOKS_MAX)
			pool->empty[i]++; /* no image is there yet, or it is filling the cell */
		return;
	}
	/* In which order the bytes were copied is not known. (The magic is written last, but before
	 * the end.) */
	if (!read_cell(pool, i, &reading, POOL_CELL_SIZE))
		return;
	r = meet(pool, i, &reading, &err);
	if (r == -ENOMEM || r == -EUSERS) {
		pool->daemon->counters.no_memory += r == -ENOMEM;
	} else if (r < 0) {
		log_note("a pool of uid %u: %s", pool->uid, err.text);
		pool->daemon->counters.refused++;
		pool->phases[i] = REFUSED;
	}
}

/* The image has ended, or no process is left that could write. */
static void end_cell(struct pool *pool, unsigned i)
{
	struct session *session = pool->sessions[i];

	pool->phases[i] = ENDED;
	change_state(pool, i, CELL_TAKEN, CELL_CLOSED);
	session_detach(session);
}

static void look(struct pool *pool, bool everywhere)
{
	for (unsigned i = 0; i < POOL_CELLS; i++)
		if (pool->phases[i] == NOT_MET && state_of(pool, i) == CELL_TAKEN &&
			(everywhere || pool->empty[i] < EMPTY_LOOKS_MAX))
			try_to_meet(pool, i);
}

void pool_look(struct pool *pool)
{
	look(pool, false);
}

/* Notes which images have ended. True: some have. */
static bool note_ended(struct pool *pool)
{
	bool any = false;

	for (unsigned i = 0; i < POOL_CELLS; i++) {
		if (pool->phases[i] == MET && has_ended(pool, i))
			pool->phases[i] = ENDING;
		any |= pool->phases[i] == ENDING;
	}
	return any;
}

/* Reads what waits in the peer's socket, but no more than that holds. The pool may be gone
 * afterwards. */
static enum hearing hear_all(struct peer *peer)
{
	enum hearing heard = HEARD;

	for (int i = 0; i < SOCKET_HOLDS && heard == HEARD; i++)
		heard = peer_read(peer);
	return heard;
}

/* A further segment of an image that has ended was announced before its end, so that is read
 * first. */
static void look_again(struct pool *pool)
{
	look(pool, true);
	if (!note_ended(pool) || hear_all(pool->peer) == PEER_GONE)
		return;
	for (unsigned i = 0; i < POOL_CELLS; i++)
		if (pool->phases[i] == ENDING)
			end_cell(pool, i);
}

void pools_look(struct aggregator *daemon)
{
	struct pool *pool = TAILQ_FIRST(&daemon->pools.list);

	while (pool) {
		struct pool *next = TAILQ_NEXT(pool, link);

		if (!pool->closed)
			look_again(pool);
		pool = next;
	}
}

/* Keeps the image out for which the cell was taken. False: it is in there already, and is about to
 * fill its cell. */
static bool lock_cell(struct pool *pool, unsigned i)
{
	struct session_memory *cell = (void *)cell_of(pool, i);
	uint64_t nobody = 0;

	if (!__atomic_compare_exchange_n(&cell->magic, &nobody, POOL_OCCUPIED, false,
		    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		return false;
	pool->phases[i] = LOCKED;
	return true;
}

/* True: images are about to fill their cells. */
static bool leave(struct pool *pool)
{
	bool any = false;

	/* Either who has just taken a cell sees this, or we see the state of the cell. */
	__atomic_store_n(&pool->head->left, 1, __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < POOL_CELLS; i++)
		if (pool->phases[i] == NOT_MET && state_of(pool, i) == CELL_TAKEN)
			any |= !lock_cell(pool, i);
	return any;
}

bool pools_leave(struct aggregator *daemon)
{
	struct pool *pool;
	bool any = false;

	TAILQ_FOREACH(pool, &daemon->pools.list, link)
		if (!pool->closed)
			any |= leave(pool);
	return any;
}

bool pool_has(const struct pool *pool, const struct session *session)
{
	return pool && session->pool == pool;
}

uint32_t pool_ended_tick(const struct session *session)
{
	const struct pool *pool = session->pool;

	return pool ? __atomic_load_n(
			      &cell_life(cell_of(pool, session->cell))->ended, __ATOMIC_ACQUIRE)
		    : 0;
}

bool pool_is_closed(const struct pool *pool)
{
	return pool->closed;
}

void pool_finished(struct session *session)
{
	struct pool *pool = session->pool;
	unsigned i = session->cell;

	if (!pool)
		return;
	session->pool = NULL;
	pool->sessions[i] = NULL;
	pool->phases[i] = FINISHED;
	pool->n_unfinished--;
	if (pool->closed && !pool->n_unfinished)
		pool_free(pool);
}

/* Keeps the records of an ended program: those who would have kept them may have been killed. */
static void keep_ended(struct pool *pool, unsigned i)
{
	struct reading reading;
	struct segment *segment;
	struct error err = { 0 };

	if (!read_cell(pool, i, &reading, POOL_CELL_SIZE) ||
		segment_open_copy(reading.bytes, POOL_CELL_SIZE, &segment, &err) < 0)
		return; /* it was read as far as possible */
	journal_keep_segment(pool->daemon, segment, clock_now_ns());
	segment_free(segment);
}

void pool_close(struct pool *pool)
{
	if (!pool)
		return;
	look(pool, true);
	for (unsigned i = 0; i < POOL_CELLS; i++)
		if (pool->phases[i] >= ENDED)
			keep_ended(pool, i);
	pool->closed = true;
	pool->peer = NULL;
	pool->n_unfinished++; /* the pool must not be freed within this function */
	for (unsigned i = 0; i < POOL_CELLS; i++)
		if (pool->phases[i] == MET || pool->phases[i] == ENDING)
			end_cell(pool, i);
	if (!--pool->n_unfinished)
		pool_free(pool);
}

/* --- snapshots -------------------------------------------------------------------------------- */

void pools_cover(struct aggregator *daemon)
{
	struct pool *pool;

	TAILQ_FOREACH(pool, &daemon->pools.list, link)
		for (unsigned i = 0; i < POOL_CELLS; i++)
			if (pool->phases[i] == FINISHED)
				pool->phases[i] = COVERED;
}

/* Frees a cell whose records are on disk. */
static void free_cell(struct pool *pool, unsigned i)
{
	static const uint8_t nothing[POOL_PAGE];
	off_t first = (off_t)pool_cell_offset(i);

	clear_ticket(pool, i);
	/* The first page last, since a cell that begins with a zero counts as empty. If there is no
	 * memory for it, this is tried again with the next manifest. */
	if (fallocate(pool->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, first + POOL_PAGE,
		    POOL_CELL_SIZE - POOL_PAGE) < 0 ||
		pwrite(pool->memfd, nothing, sizeof(nothing), first) != sizeof(nothing))
		return;
	pool->phases[i] = NOT_MET;
	pool->empty[i] = 0;
	change_state(pool, i, CELL_CLOSED, CELL_FREE);
}

void pools_covered(struct aggregator *daemon, bool written)
{
	struct pool *pool;

	TAILQ_FOREACH(pool, &daemon->pools.list, link)
		for (unsigned i = 0; i < POOL_CELLS; i++) {
			if (pool->phases[i] != COVERED)
				continue;
			pool->phases[i] = FINISHED;
			if (written)
				free_cell(pool, i);
		}
}
