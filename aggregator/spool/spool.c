#include "aggregator/spool/spool.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "aggregator/aggregator.h"
#include "aggregator/log.h"
#include "aggregator/spool/spool_parts.h"

#define SETTLED_AT_LATEST_MS 5000 /* after a file has been read */

/* --- what is taken ---------------------------------------------------------------------------- */

bool spool_busy(const struct aggregator *daemon)
{
	return uv_is_active((const uv_handle_t *)&daemon->spool.step);
}

bool spool_locked(const struct aggregator *daemon)
{
	const struct taken *taken;

	TAILQ_FOREACH(taken, &daemon->spool.taken, link)
		if (taken->state == TAKEN_LOCKED && !taken->apart)
			return true;
	return false;
}

bool spool_read_since(const struct aggregator *daemon, uint64_t time_ms)
{
	return daemon->spool.read_ms > time_ms;
}

/* May it stay for as long as somebody likes? If it is kept locked, all that it holds has been read;
 * if it waits for room, what has ended must make that room. */
static bool may_stay(const struct taken *taken)
{
	return taken->state == TAKEN_BROKEN || taken->state == TAKEN_WAITING ||
	       (taken->state == TAKEN_LOCKED && taken->early);
}

/* Files are listed in the order in which they were taken. */
bool spool_holds_since(const struct aggregator *daemon, uint64_t time_ms)
{
	const struct taken *oldest = TAILQ_FIRST(&daemon->spool.taken);

	while (oldest && may_stay(oldest))
		oldest = TAILQ_NEXT(oldest, link);
	return oldest && oldest->since_ms <= time_ms;
}

bool spool_stays(const struct aggregator *daemon)
{
	const struct taken *taken;

	TAILQ_FOREACH(taken, &daemon->spool.taken, link)
		if (taken->state != TAKEN_COVERED)
			return true;
	return false;
}

/* Perhaps there is room by now for what the files speak of. */
static void try_waiting(struct aggregator *daemon)
{
	struct taken *taken;

	TAILQ_FOREACH(taken, &daemon->spool.taken, link)
		if (taken->state == TAKEN_WAITING)
			taken->state = TAKEN_READING;
}

void spool_tick(struct aggregator *daemon)
{
	spool_follow(daemon);
	spool_scan(daemon);
	try_waiting(daemon);
	if (!spool_busy(daemon))
		spool_read(daemon);
}

/* --- removing --------------------------------------------------------------------------------- */

/* Until when files were read with whose records nobody waits for a directory any more: one that was
 * not named by now is not going to be. But what is to be read from a memory will be. */
static uint64_t late_ms(const struct aggregator *daemon)
{
	uint64_t now = uv_now(&daemon->loop);

	return now < SETTLED_AT_LATEST_MS || sessions_unread(daemon) ? 0
								     : now - SETTLED_AT_LATEST_MS;
}

/* Has everything in the file become facts, or will it never? pending_ms: since when a record has
 * waited; ending_ms: since when a session has waited for its end. */
static bool settle(struct aggregator *daemon, struct taken *taken, uint64_t pending_ms,
	uint64_t ending_ms, uint64_t late_ms)
{
	bool over = taken->journal ? taken->read_ms < ending_ms
				   : taken->read_ms < late_ms || taken->read_ms < pending_ms;

	if (!taken->settled && over) {
		taken->settled = true;
		taken->serial = daemon->roots.last_serial;
	}
	return taken->settled;
}

void spool_cover(struct aggregator *daemon)
{
	uint64_t pending_ms = sessions_pending_since(daemon);
	uint64_t ending_ms = sessions_ending_since(daemon);
	uint64_t late = late_ms(daemon);
	struct taken *taken;

	TAILQ_FOREACH(taken, &daemon->spool.taken, link)
		if (taken->state == TAKEN_READ &&
			settle(daemon, taken, pending_ms, ending_ms, late) &&
			roots_applied(daemon, taken->serial))
			taken->state = TAKEN_COVERED;
}

/* If a file cannot be removed, the next snapshot tries again: our successor would read it, and
 * might count it once more. */
static void remove_taken(struct aggregator *daemon, struct taken *taken)
{
	int directory = taken->directory < 0 ? daemon->spool.directory : taken->directory;

	if (unlinkat(directory, taken->name, 0) < 0 && errno != ENOENT) {
		if (!taken->reported)
			log_trouble("%s/%s: was read, but cannot be removed: %s: it is tried again",
				daemon->options.spool, taken->name, strerror(errno));
		taken->reported = true;
		taken->state = TAKEN_READ;
		return;
	}
	TAILQ_REMOVE(&daemon->spool.taken, taken, link);
	daemon->spool.n_taken--;
	spool_taken_free(taken);
}

void spool_covered(struct aggregator *daemon, bool written)
{
	struct taken *taken = TAILQ_FIRST(&daemon->spool.taken);

	while (taken) {
		struct taken *next = TAILQ_NEXT(taken, link);

		if (taken->state == TAKEN_COVERED && written)
			remove_taken(daemon, taken);
		else if (taken->state == TAKEN_COVERED)
			taken->state = TAKEN_READ;
		taken = next;
	}
}
