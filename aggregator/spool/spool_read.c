/* Reading spool files, a window at a time, until sessions have all that is in them. */
#include "aggregator/spool/spool_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregator/aggregator.h"
#include "aggregator/log.h"
#include "lib/base/cleanup.h"

#define DAMAGED		"damaged spool entries"
#define ENTRIES_AT_ONCE 256 /* entries, after which others have their turn */
#define STEP_MS		1
/* With a process that was stopped as it wrote, or that keeps us out. */
#define LOCK_PATIENCE_MS 5000
#define FULL_MS		 20 /* wait for facts to be applied */

static bool is_temporary(int r)
{
	return r == -ENOMEM || r == -EUSERS;
}

/* Finds or makes the session that an entry's hello names, and its segment's number. 0 or a negative
 * errno. */
static int find_session(struct aggregator *daemon, const struct taken *taken,
	const struct spool_view *view, struct session **ret, uint32_t *ret_segment,
	struct error *err)
{
	struct hello_source source = { .uid = taken->uid };
	Footprint__Hello *hello;
	int r = hello_unpack(view->hello, view->entry.hello_size, &hello, err);

	if (r < 0)
		return r;
	*ret_segment = hello->segment;
	r = fp_protocol_is_known(hello->protocol) ? session_get(daemon, hello, &source, ret)
						  : -EPROTONOSUPPORT;
	footprint__hello__free_unpacked(hello, NULL);
	return r;
}

/* Takes the counts and the log of one entry. -ENOMEM, -EUSERS: to be tried again. */
static int take_entry(struct aggregator *daemon, struct taken *taken, const struct spool_view *view,
	struct session **ret)
{
	struct error err = { 0 };
	uint32_t segment;
	int r = find_session(daemon, taken, view, ret, &segment, &err);

	if (r == 0)
		r = session_add_log(*ret, segment, view->entry.log_offset, view->log,
			view->entry.log_size, &err);
	if (r == 0)
		session_add_counts(*ret, segment, &view->entry);
	if (is_temporary(r))
		return r;
	if (r < 0 && *ret)
		session_drop(*ret, &err);
	else if (r < 0)
		daemon->counters.refused++;
	/* Records that the operator does not allow are not missed, and that a session was dropped
	 * is a gap already; any others are. */
	taken->unplaced += r < 0 && !*ret && r != -EACCES && r != -ECANCELED;
	daemon->counters.spool_entries++;
	return 0;
}

/* Takes an incomplete entry. If its beginning is there, its session will know at its end whether
 * anything is lost. -ENOMEM, -EUSERS: to be tried again. */
static int take_damage(struct aggregator *daemon, struct taken *taken,
	const struct spool_view *view, struct session **ret)
{
	struct error err;
	uint32_t segment;
	int r = view->hello ? find_session(daemon, taken, view, ret, &segment, &err) : -EBADMSG;

	if (r == 0)
		r = session_add_torn(*ret, segment, view->entry.log_offset, view->entry.log_size);
	if (is_temporary(r))
		return r;
	taken->unplaced += r < 0;
	daemon->counters.spool_damaged++;
	return 0;
}

/* Keeps a session open until the files that may hold more of it were read. */
static void hold(struct session *session)
{
	session->spooled = true;
	if (session->state == SESSION_ENDING)
		session->held = true;
	if (!session->met)
		session->ending_ms = uv_now(&session->daemon->loop);
	root_pump(session->root);
}

/* Is there a file that nothing was read of, because a process has just locked it? */
static bool any_is_awaited(const struct aggregator *daemon)
{
	const struct taken *taken;

	TAILQ_FOREACH(taken, &daemon->spool.taken, link)
		if (taken->state == TAKEN_LOCKED && !taken->size && !taken->apart &&
			uv_now(&daemon->loop) - taken->since_ms < LOCK_PATIENCE_MS)
			return true;
	return false;
}

void spool_release_sessions(struct aggregator *daemon)
{
	struct session *session;

	TAILQ_FOREACH(session, &daemon->sessions.ending, link)
		session->held = false;
	sessions_settle(daemon);
}

/* 1: go on later; 0: at the end of the file; -ENOMEM; -EUSERS. */
static int read_window(struct aggregator *daemon, struct taken *taken, uint8_t *window, size_t size)
{
	struct spool_reader reader = { .bytes = window, .size = size };
	struct session *session = NULL;
	struct spool_view view;
	int entries = 0, r = 0;

	reader.more = size == SPOOL_WINDOW_SIZE || taken->early;
	while (entries++ < ENTRIES_AT_ONCE && daemon->roots.n_queued < FACTS_QUEUED_MAX) {
		size_t before = reader.offset;
		enum spool_found found = spool_next(&reader, &view);
		struct session *other = NULL;

		if (found == SPOOL_END) {
			r = reader.more && reader.offset;
			break;
		}
		r = found == SPOOL_ENTRY ? take_entry(daemon, taken, &view, &other)
					 : take_damage(daemon, taken, &view, &other);
		if (r < 0) {
			reader.offset = before;
			break;
		}
		if (other)
			hold(session = other);
		r = 1;
	}
	taken->offset += reader.offset;
	/* It is not known whose records these were, so the manifest of the next session in the file
	 * says it. */
	if (taken->unplaced && session &&
		session_gap(session, "lost-records", NULL, DAMAGED) == 0) {
		taken->unplaced = 0;
		root_pump(session->root);
	}
	return r;
}

/* Skips a hole: a sparse file may have terabytes and hold nothing. */
static void pass_hole(struct taken *taken)
{
	off_t data = lseek(taken->fd, (off_t)taken->offset, SEEK_DATA);

	if (data < 0 && errno != ENXIO)
		return; /* the file system does not say */
	if (data < 0 || (uint64_t)data > taken->size)
		data = (off_t)taken->size;
	taken->unplaced += (uint64_t)data > taken->offset;
	taken->offset = (uint64_t)data;
}

/* 1: go on later; 0: at the end of the file; -ENOMEM; -EUSERS; others: it cannot be read. */
static int read_taken(struct aggregator *daemon, struct taken *taken)
{
	autofree uint8_t *window = NULL;
	uint64_t left;
	ssize_t n;

	if (taken->offset < taken->size)
		pass_hole(taken);
	if (taken->offset >= taken->size)
		return 0;
	left = taken->size - taken->offset;
	if (left > SPOOL_WINDOW_SIZE)
		left = SPOOL_WINDOW_SIZE;
	window = malloc(left);
	if (!window)
		return -ENOMEM;
	n = pread(taken->fd, window, left, (off_t)taken->offset);
	if (n < 0)
		return -errno;
	if (n == 0)
		return 0; /* its owner has cut it off meanwhile */
	return read_window(daemon, taken, window, (size_t)n);
}

/* What it holds cannot be read any further: whoever runs is told, and it is kept. */
static void note_broken(struct aggregator *daemon, struct taken *taken, int error)
{
	log_trouble("%s/%s: cannot be read: %s; it stays there", daemon->options.spool, taken->name,
		strerror(error));
	daemon->counters.spool_unread++;
	daemon->spool.broken = true;
	if (!daemon->spool.unread)
		daemon->spool.unread = SPOOL_CANNOT_READ;
	taken->state = TAKEN_BROKEN;
}

static uint64_t size_of(const struct taken *taken)
{
	struct stat status;

	return fstat(taken->fd, &status) < 0 ? 0 : (uint64_t)status.st_size;
}

/* A file whose lock we do not get is read as far as it is written. Only when we have the lock, the
 * rest is read, and the file may be removed. */
static void begin_reading(struct aggregator *daemon, struct taken *taken)
{
	uint64_t waited = uv_now(&daemon->loop) - taken->since_ms;
	bool locked = flock(taken->fd, LOCK_EX | LOCK_NB) == 0;
	bool patient = waited < LOCK_PATIENCE_MS && !daemon->stopping && !taken->apart;
	uint64_t size = size_of(taken); /* if it is locked, nobody will make it larger */

	if (!locked && (size == taken->size || patient))
		return;
	if (!locked && !taken->size && !taken->apart)
		log_note("%s: read, and kept: a process has held its lock for %u ms", taken->name,
			(unsigned)waited);
	taken->early = !locked;
	taken->size = size;
	taken->state = TAKEN_READING;
}

static struct taken *next_to_read(struct aggregator *daemon)
{
	struct taken *taken;

	TAILQ_FOREACH(taken, &daemon->spool.taken, link) {
		if (taken->state == TAKEN_LOCKED)
			begin_reading(daemon, taken);
		if (taken->state == TAKEN_READING)
			return taken;
	}
	return NULL;
}

static void on_step(uv_timer_t *timer)
{
	spool_read(timer->data);
}

void spool_read(struct aggregator *daemon)
{
	struct taken *taken = next_to_read(daemon);
	bool full = daemon->roots.n_queued >= FACTS_QUEUED_MAX;
	int r;

	if (!taken) {
		if (any_is_awaited(daemon))
			return;
		daemon->spool.read_ms = daemon->spool.scanned_ms;
		spool_release_sessions(daemon);
		return;
	}
	r = full ? 1 : read_taken(daemon, taken);
	/* Not yet: gaps are added to manifests at once, and these are being written. */
	if (r == 0 && taken->unplaced && daemon->roots.frozen)
		r = 1;
	if (r == 0 && taken->early) {
		taken->state = TAKEN_LOCKED;
	} else if (r == 0) {
		if (taken->unplaced)
			runs_lost_records(daemon, DAMAGED, taken->unplaced);
		taken->unplaced = 0;
		taken->state = TAKEN_READ;
		taken->read_ms = uv_now(&daemon->loop);
	} else if (r == -ENOMEM) {
		daemon->counters.no_memory++;
	} else if (r == -EUSERS) {
		taken->state = TAKEN_WAITING;
	} else if (r < 0) {
		note_broken(daemon, taken, -r);
	}
	uv_timer_start(&daemon->spool.step, on_step, full || r == -ENOMEM ? FULL_MS : STEP_MS, 0);
}
